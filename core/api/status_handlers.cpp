// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "narthex_version.h"

#include "core/api/context.h"
#include "core/api/notification_hub.h"
#include "core/api/push_counters.h"
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/engine/remote.h"
#include "core/exposition/text_writer.h"
#include "core/host/collector.h"
#include "core/tsdb/store_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace narthex::api {
namespace {

/// Clients detect features by this: the version of Prometheus whose API this is.
constexpr std::string_view kEmulatedVersion = "3.14.0";

/// As Go names it.
#if defined(__aarch64__)
constexpr std::string_view kArchitecture = "arm64";
#else
constexpr std::string_view kArchitecture = "amd64";
#endif

/// CPU time and memory of this process, under the names of client libraries.
void writeProcess(exposition::TextWriter& out)
{
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto stat = base::readFile("/proc/self/stat");
    if (stat.ok()) {
        // The command may hold blanks and parentheses; fields count from behind the last one.
        std::vector<std::string> fields;
        std::string_view rest = std::string_view(*stat).substr(stat->rfind(')') + 2);
        while (!rest.empty()) {
            const std::size_t blank = std::min(rest.find(' '), rest.size());
            fields.emplace_back(rest.substr(0, blank));
            rest.remove_prefix(std::min(blank + 1, rest.size()));
        }
        if (fields.size() > 21) {
            const auto at = [&fields](std::size_t i) {
                return base::parseFloat(fields[i]).value_or(0);
            };
            out.counter("process_cpu_seconds_total",
                        "Total user and system CPU time spent in seconds.",
                        (at(11) + at(12)) / ticks);
            out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                      at(21) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
            out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", at(20));
            out.gauge("process_threads", "Number of threads.", at(17));
        }
    }
    std::error_code error;
    const auto descriptors =
        std::distance(std::filesystem::directory_iterator("/proc/self/fd", error), {});
    out.gauge("process_open_fds", "Number of open file descriptors.",
              static_cast<double>(descriptors));
}

} // namespace

void writeBuildInfo(base::JsonWriter& json)
{
    json.beginObject()
        .member("version", kEmulatedVersion)
        .member("revision", "")
        .member("branch", "");
    json.member("buildUser", "").member("buildDate", "").member("goVersion", "");
    json.member("application", "Narthex").member("applicationVersion", NARTHEX_VERSION).endObject();
}

net::ServerResponse buildInfo(const Context&, const net::ServerRequest&)
{
    std::string data;
    base::JsonWriter json(data);
    writeBuildInfo(json);
    return success(data);
}

net::ServerResponse configuration(const Context& context, const net::ServerRequest&)
{
    const auto config = context.engine.configuration();
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject()
        .member("yaml", config ? config->toYaml() : config::builtIn().toYaml())
        .endObject();
    return success(data);
}

net::ServerResponse runtimeInfo(const Context& context, const net::ServerRequest&)
{
    const engine::EngineStatus status = context.engine.status();
    std::error_code error;
    const auto config = context.engine.configuration();
    const tsdb::LiveOptions live =
        config ? context.engine.liveOptions(*config) : context.engine.options().store.live;
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject();
    json.member("startTime", base::formatTimestamp(status.startedAt.value_or(base::Timestamp{})));
    json.member("CWD", std::filesystem::current_path(error).string());
    json.member("hostname", host::HostCollector::hostName());
    json.member("serverTime", base::formatTimestamp(context.engine.clock().now()));
    json.key("reloadConfigSuccess").boolean(context.engine.lastReloadSucceeded());
    json.member("lastConfigTime", base::formatTimestamp(context.engine.lastReloadTime()));
    json.key("corruptionCount").unsignedInteger(status.store.walCorruptions);
    json.key("goroutineCount").integer(0);
    json.key("GOMAXPROCS").unsignedInteger(std::thread::hardware_concurrency());
    json.key("GOMEMLIMIT").integer(INT64_MAX);
    json.member("GOGC", "").member("GODEBUG", "");
    json.member("storageRetention", tsdb::retentionText(live));
    json.endObject();
    return success(data);
}

std::string selfMetricsPage(const Context& context)
{
    std::string page;
    exposition::TextWriter out(page);
    const engine::EngineStatus status = context.engine.status();
    out.family("narthex_build_info", model::MetricType::Gauge,
               "A metric with a constant '1' value labeled by version.")
        .sample({{"version", NARTHEX_VERSION}}, 1);
    out.family("prometheus_build_info", model::MetricType::Gauge,
               "A metric with a constant '1' value labeled by version.")
        .sample({{"branch", ""},
                 {"goarch", kArchitecture},
                 {"goos", "linux"},
                 {"goversion", ""},
                 {"revision", ""},
                 {"tags", ""},
                 {"version", kEmulatedVersion}},
                1);
    out.gauge("promhttp_metric_handler_requests_in_flight",
              "Current number of scrapes being served.", 1);
    out.gauge("prometheus_ready", "Whether startup has finished and the server can answer queries.",
              context.engine.ready() ? 1 : 0);
    out.gauge("prometheus_config_last_reload_successful",
              "Whether the last configuration reload attempt was successful.",
              context.engine.lastReloadSucceeded() ? 1 : 0);
    out.gauge("prometheus_config_last_reload_success_timestamp_seconds",
              "Timestamp of the last successful configuration reload.",
              context.engine.lastReloadTime().seconds());
    context.engine.queries().writeMetrics(out);
    out.gauge("narthex_samples_per_second", "Samples stored a second, smoothed.",
              status.samplesPerSecond);
    if (const auto store = context.engine.store(); store.ok()) {
        (*store)->writeMetrics(out);
        out.family("narthex_tsdb_refused_label_sets_total", model::MetricType::Counter,
                   "Label sets that were refused: invalid (empty, or a name twice), or too long.")
            .sample({{"reason", "invalid"}}, static_cast<double>(status.store.invalidLabels))
            .sample({{"reason", "oversized"}}, static_cast<double>(status.store.oversizedLabels));
        out.counter("narthex_tsdb_duplicate_samples_total",
                    "Samples refused because another value was there for their time.",
                    static_cast<double>(status.store.samplesDuplicate));
        out.gauge("narthex_tsdb_head_memory_bytes",
                  "Memory of series, index and chunks of the head.",
                  static_cast<double>(status.store.headBytes));
    }
    context.engine.scraping().writeMetrics(out);
    context.engine.alerting().writeMetrics(out);
    context.engine.remote().writeMetrics(out);
    context.ingest.writeMetrics(out);
    context.pushes.writeMetrics(out, context.engine.clock().monotonic());
    context.engine.discoveryMetrics().write(out, context.engine.clock().monotonic());
    context.notices.writeMetrics(out);
    if (context.options.ownMetrics) {
        context.options.ownMetrics(out);
    }
    writeProcess(out);
    if (status.startedAt) {
        out.gauge("process_start_time_seconds",
                  "Start time of the process since unix epoch in seconds.",
                  status.startedAt->seconds());
    }
    return page;
}

} // namespace narthex::api
