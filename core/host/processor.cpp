// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// Processor, load, memory and the kernel's own counters.
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/host/collectors.h"

#include <ctime>
#include <sys/utsname.h>

namespace narthex::host {
namespace {

using model::MetricType;

constexpr double kTicksPerSecond = 100; // USER_HZ for user space on every Linux port
constexpr std::array<std::string_view, 10> kModes = {
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"};
constexpr std::size_t kIdle = 3;
constexpr double kHotplugSeconds = 3;

/// The kernel's idle and iowait go back a little now and then; a large step back of idle means that
/// the processor was replugged.
void holdMonotonic(std::array<double, 10>& last, const std::array<double, 10>& now)
{
    if (last[kIdle] - now[kIdle] >= kHotplugSeconds) {
        last = now;
        return;
    }
    for (std::size_t i = 0; i < now.size(); ++i) {
        last[i] = std::max(last[i], now[i]);
    }
}

std::string unquoteShell(std::string_view text)
{
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
        text.back() == text.front()) {
        text = text.substr(1, text.size() - 2);
    }
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            ++i;
        }
        out += text[i];
    }
    return out;
}

} // namespace

absl::Status collectCpu(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string stat,
                             base::readFile(context.options.roots.procfs / "stat"));
    std::map<std::string, std::array<double, 10>, std::less<>> present;
    for (const std::string_view line : lines(stat)) {
        const auto parts = fields(line);
        if (parts.size() < 5 || !parts[0].starts_with("cpu") || parts[0] == "cpu") {
            continue;
        }
        std::array<double, 10> now{};
        for (std::size_t i = 0; i < now.size() && i + 1 < parts.size(); ++i) {
            now[i] = number(parts[i + 1]) / kTicksPerSecond;
        }
        const std::string cpu(parts[0].substr(3));
        const auto known = context.cpu.last.find(cpu);
        std::array<double, 10> held = known == context.cpu.last.end() ? now : known->second;
        holdMonotonic(held, now);
        present.emplace(cpu, held);
    }
    context.cpu.last = std::move(present);
    context.out.family("node_cpu_guest_seconds_total", MetricType::Counter,
                       "Seconds the CPUs spent in guests (VMs) for each mode.");
    for (const auto& [cpu, seconds] : context.cpu.last) {
        context.out.sample({{"cpu", cpu}, {"mode", "nice"}}, seconds[9]);
        context.out.sample({{"cpu", cpu}, {"mode", "user"}}, seconds[8]);
    }
    context.out.family("node_cpu_seconds_total", MetricType::Counter,
                       "Seconds the CPUs spent in each mode.");
    for (const auto& [cpu, seconds] : context.cpu.last) {
        for (std::size_t i = 0; i < 8; ++i) {
            context.out.sample({{"cpu", cpu}, {"mode", kModes[i]}}, seconds[i]);
        }
    }
    return absl::OkStatus();
}

absl::Status collectCpuFrequency(Context& context)
{
    const auto folder = context.options.roots.sysfs / "devices/system/cpu";
    struct Source
    {
        std::string_view family;
        std::string_view file;
        std::string_view help;
    };
    static constexpr Source kSources[] = {
        {"node_cpu_frequency_max_hertz", "cpuinfo_max_freq",
         "Maximum CPU thread frequency in hertz."},
        {"node_cpu_frequency_min_hertz", "cpuinfo_min_freq",
         "Minimum CPU thread frequency in hertz."},
        {"node_cpu_scaling_frequency_hertz", "scaling_cur_freq",
         "Current scaled CPU thread frequency in hertz."},
        {"node_cpu_scaling_frequency_max_hertz", "scaling_max_freq",
         "Maximum scaled CPU thread frequency in hertz."},
        {"node_cpu_scaling_frequency_min_hertz", "scaling_min_freq",
         "Minimum scaled CPU thread frequency in hertz."}};
    std::vector<std::string> cpus;
    for (const std::string& name : listDirectory(folder)) {
        if (name.starts_with("cpu") && base::parseUint(name.substr(3)) &&
            std::filesystem::exists(folder / name / "cpufreq")) {
            cpus.push_back(name);
        }
    }
    if (cpus.empty()) {
        return base::notFound("no cpufreq");
    }
    for (const Source& source : kSources) {
        context.out.family(source.family, MetricType::Gauge, source.help);
        for (const std::string& cpu : cpus) {
            if (const auto kilohertz = readNumber(folder / cpu / "cpufreq" / source.file)) {
                context.out.sample({{"cpu", std::string_view(cpu).substr(3)}}, *kilohertz * 1000);
            }
        }
    }
    return absl::OkStatus();
}

absl::Status collectLoad(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             readLine(context.options.roots.procfs / "loadavg"));
    const auto parts = fields(text);
    if (parts.size() < 3) {
        return base::dataLoss("unexpected content of loadavg: {}", text);
    }
    context.out.gauge("node_load1", "1m load average.", number(parts[0]));
    context.out.gauge("node_load15", "15m load average.", number(parts[2]));
    context.out.gauge("node_load5", "5m load average.", number(parts[1]));
    return absl::OkStatus();
}

absl::Status collectMemory(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             base::readFile(context.options.roots.procfs / "meminfo"));
    for (const std::string_view line : lines(text)) {
        const auto parts = fields(line);
        if (parts.size() < 2 || !parts[0].ends_with(':')) {
            continue;
        }
        std::string name = "node_memory_";
        for (const char c : parts[0].substr(0, parts[0].size() - 1)) {
            if (c == '(') {
                name += '_';
            } else if (c != ')') {
                name += c;
            }
        }
        double value = number(parts[1]);
        if (parts.size() == 3) {
            name += "_bytes";
            value *= 1024;
        }
        context.out.gauge(name, "Memory information field " + name.substr(12) + ".", value);
    }
    return absl::OkStatus();
}

absl::Status collectStat(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             base::readFile(context.options.roots.procfs / "stat"));
    struct Source
    {
        std::string_view key;
        std::string_view family;
        MetricType type;
        std::string_view help;
    };
    static constexpr Source kSources[] = {
        {"btime", "node_boot_time_seconds", MetricType::Gauge, "Node boot time, in unixtime."},
        {"ctxt", "node_context_switches_total", MetricType::Counter,
         "Total number of context switches."},
        {"processes", "node_forks_total", MetricType::Counter, "Total number of forks."},
        {"intr", "node_intr_total", MetricType::Counter, "Total number of interrupts serviced."},
        {"procs_blocked", "node_procs_blocked", MetricType::Gauge,
         "Number of processes blocked waiting for I/O to complete."},
        {"procs_running", "node_procs_running", MetricType::Gauge,
         "Number of processes in runnable state."}};
    for (const std::string_view line : lines(text)) {
        const auto parts = fields(line);
        for (const Source& source : kSources) {
            if (parts.size() >= 2 && parts[0] == source.key) {
                context.out.family(source.family, source.type, source.help)
                    .sample(number(parts[1]));
            }
        }
    }
    return absl::OkStatus();
}

absl::Status collectTime(Context& context)
{
    context.out.gauge("node_time_seconds", "System time in seconds since epoch (1970).",
                      context.clock.now().seconds());
    const std::time_t now = context.clock.now().ms / 1000;
    std::tm local{};
    ::localtime_r(&now, &local);
    context.out
        .family("node_time_zone_offset_seconds", MetricType::Gauge,
                "System time zone offset in seconds.")
        .sample({{"time_zone", local.tm_zone}}, static_cast<double>(local.tm_gmtoff));
    return absl::OkStatus();
}

absl::Status collectUname(Context& context)
{
    utsname name{};
    if (::uname(&name) != 0) {
        return base::errnoStatus(errno, "uname");
    }
    context.out
        .family("node_uname_info", MetricType::Gauge,
                "Labeled system information as provided by the uname system call.")
        .sample({{"domainname", name.domainname},
                 {"machine", name.machine},
                 {"nodename", name.nodename},
                 {"release", name.release},
                 {"sysname", name.sysname},
                 {"version", name.version}},
                1);
    return absl::OkStatus();
}

absl::Status collectOs(Context& context)
{
    auto text = base::readFile(context.options.roots.rootfs / "etc/os-release");
    if (!text.ok()) {
        text = base::readFile(context.options.roots.rootfs / "usr/lib/os-release");
    }
    NARTHEX_RETURN_IF_ERROR(text.status());
    std::map<std::string, std::string> values;
    for (const std::string_view line : lines(*text)) {
        const std::size_t equal = line.find('=');
        if (line.front() != '#' && equal != std::string_view::npos) {
            values[std::string(line.substr(0, equal))] = unquoteShell(line.substr(equal + 1));
        }
    }
    context.out
        .family(
            "node_os_info", MetricType::Gauge,
            "A metric with a constant '1' value labeled by the operating system's release file.")
        .sample({{"build_id", values["BUILD_ID"]},
                 {"id", values["ID"]},
                 {"id_like", values["ID_LIKE"]},
                 {"image_id", values["IMAGE_ID"]},
                 {"image_version", values["IMAGE_VERSION"]},
                 {"name", values["NAME"]},
                 {"pretty_name", values["PRETTY_NAME"]},
                 {"variant", values["VARIANT"]},
                 {"variant_id", values["VARIANT_ID"]},
                 {"version", values["VERSION"]},
                 {"version_codename", values["VERSION_CODENAME"]},
                 {"version_id", values["VERSION_ID"]}},
                1);
    const std::string& version = values["VERSION_ID"];
    const std::size_t major = version.find_first_not_of("0123456789");
    if (version.empty() || major == 0) {
        return absl::OkStatus();
    }
    const std::size_t minor = major != std::string::npos && version[major] == '.'
                                  ? version.find_first_not_of("0123456789", major + 1)
                                  : major;
    context.out
        .family("node_os_version", MetricType::Gauge,
                "Metric containing the major.minor part of the OS version.")
        .sample({{"id", values["ID"]}, {"id_like", values["ID_LIKE"]}, {"name", values["NAME"]}},
                number(std::string_view(version).substr(0, minor)));
    return absl::OkStatus();
}

absl::Status collectVmstat(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             base::readFile(context.options.roots.procfs / "vmstat"));
    static const re2::RE2 kept("^(oom_kill|pgpg|pswp|pg.*fault).*");
    for (const std::string_view line : lines(text)) {
        const auto parts = fields(line);
        if (parts.size() == 2 &&
            re2::RE2::PartialMatch(re2::StringPiece(parts[0].data(), parts[0].size()), kept)) {
            const std::string name = "node_vmstat_" + std::string(parts[0]);
            context.out
                .family(name, MetricType::Unknown,
                        "/proc/vmstat information field " + std::string(parts[0]) + ".")
                .sample(number(parts[1]));
        }
    }
    return absl::OkStatus();
}

absl::Status collectPressure(Context& context)
{
    struct Source
    {
        std::string_view file;
        std::string_view line;
        std::string_view family;
        std::string_view help;
    };
    static constexpr Source kSources[] = {
        {"cpu", "some", "node_pressure_cpu_waiting_seconds_total",
         "Total time in seconds that processes have waited for CPU time"},
        {"io", "full", "node_pressure_io_stalled_seconds_total",
         "Total time in seconds no process could make progress due to IO congestion"},
        {"io", "some", "node_pressure_io_waiting_seconds_total",
         "Total time in seconds that processes have waited due to IO congestion"},
        {"irq", "full", "node_pressure_irq_stalled_seconds_total",
         "Total time in seconds no process could make progress due to IRQ congestion"},
        {"memory", "full", "node_pressure_memory_stalled_seconds_total",
         "Total time in seconds no process could make progress due to memory congestion"},
        {"memory", "some", "node_pressure_memory_waiting_seconds_total",
         "Total time in seconds that processes have waited for memory"}};
    bool any = false;
    for (const Source& source : kSources) {
        const auto text = base::readFile(context.options.roots.procfs / "pressure" / source.file);
        if (!text.ok()) {
            continue;
        }
        for (const std::string_view line : lines(*text)) {
            const std::size_t total = line.find("total=");
            if (line.starts_with(source.line) && total != std::string_view::npos) {
                context.out.counter(source.family, source.help,
                                    number(line.substr(total + 6)) / 1e6);
                any = true;
            }
        }
    }
    return any ? absl::OkStatus()
               : base::notFound("no pressure information (kernel parameter psi=1 switches it on)");
}

absl::Status collectFileDescriptors(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             readLine(context.options.roots.procfs / "sys/fs/file-nr"));
    const auto parts = fields(text);
    if (parts.size() < 3) {
        return base::dataLoss("unexpected content of file-nr: {}", text);
    }
    context.out.gauge("node_filefd_allocated", "File descriptor statistics: allocated.",
                      number(parts[0]));
    context.out.gauge("node_filefd_maximum", "File descriptor statistics: maximum.",
                      number(parts[2]));
    return absl::OkStatus();
}

} // namespace narthex::host
