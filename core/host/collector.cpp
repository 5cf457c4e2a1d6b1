// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/host/collector.h"

#include "core/base/status.h"
#include "core/host/collectors.h"

#include <sys/utsname.h>

namespace narthex::host {
namespace {

struct Entry
{
    std::string_view name;
    absl::Status (*collect)(Context&);
};

/// Every collector, by node_exporter's name.
constexpr Entry kCollectors[] = {
    {"cpu", collectCpu},
    {"cpufreq", collectCpuFrequency},
    {"diskstats", collectDisks},
    {"filefd", collectFileDescriptors},
    {"filesystem", collectFilesystems},
    {"hwmon", collectHwmon},
    {"loadavg", collectLoad},
    {"meminfo", collectMemory},
    {"netclass", collectNetworkClass},
    {"netdev", collectNetworkDevices},
    {"os", collectOs},
    {"powersupplyclass", collectPowerSupply},
    {"pressure", collectPressure},
    {"sockstat", collectSockets},
    {"stat", collectStat},
    {"thermal_zone", collectThermalZones},
    {"time", collectTime},
    {"uname", collectUname},
    {"vmstat", collectVmstat},
};

struct Run
{
    std::string_view name;
    base::Duration took;
    bool success = false;
};

} // namespace

class HostCollector::Impl
{
public:
    Impl(CollectorOptions options, const base::Clock& clock, base::Logger log)
        : options_(std::move(options)),
          clock_(clock),
          log_(std::move(log)),
          mountPointsExclude_(options_.mountPointsExclude),
          fsTypesExclude_(options_.fsTypesExclude),
          diskExclude_(options_.diskExclude)
    {}

    void collect(std::string& out)
    {
        exposition::TextWriter writer(out);
        Context context{.options = options_,
                        .clock = clock_,
                        .mountPointsExclude = mountPointsExclude_,
                        .fsTypesExclude = fsTypesExclude_,
                        .diskExclude = diskExclude_,
                        .cpu = cpu_,
                        .out = writer};
        std::vector<Run> runs;
        for (const Entry& entry : kCollectors) {
            const base::Duration start = clock_.monotonic();
            const absl::Status status = entry.collect(context);
            runs.push_back(
                {.name = entry.name, .took = clock_.monotonic() - start, .success = status.ok()});
            if (!status.ok() && !absl::IsNotFound(status)) {
                log_->debug("host: collector failed name={} err=\"{}\"", entry.name,
                            base::messageOf(status));
            }
        }
        writer.family("node_scrape_collector_duration_seconds", model::MetricType::Gauge,
                      "node_exporter: Duration of a collector scrape.");
        for (const Run& run : runs) {
            writer.sample({{"collector", run.name}}, run.took.seconds());
        }
        writer.family("node_scrape_collector_success", model::MetricType::Gauge,
                      "node_exporter: Whether a collector succeeded.");
        for (const Run& run : runs) {
            writer.sample({{"collector", run.name}}, run.success ? 1 : 0);
        }
    }

private:
    const CollectorOptions options_;
    const base::Clock& clock_;
    const base::Logger log_;
    const re2::RE2 mountPointsExclude_;
    const re2::RE2 fsTypesExclude_;
    const re2::RE2 diskExclude_;
    CpuState cpu_;
};

HostCollector::HostCollector(CollectorOptions options, const base::Clock& clock, base::Logger log)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(log)))
{}

HostCollector::~HostCollector() = default;

void HostCollector::collect(std::string& out) { impl_->collect(out); }

std::vector<std::string> HostCollector::collectors() const
{
    std::vector<std::string> names;
    for (const Entry& entry : kCollectors) {
        names.emplace_back(entry.name);
    }
    return names;
}

std::string HostCollector::hostName()
{
    utsname name{};
    return ::uname(&name) == 0 ? std::string(name.nodename) : std::string("localhost");
}

} // namespace narthex::host
