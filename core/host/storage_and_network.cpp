// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
// Disks, filesystems, network devices and sockets.
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/host/collectors.h"

#include <fmt/format.h>

#include <cerrno>
#include <sys/statvfs.h>
#include <unistd.h>

namespace narthex::host {
namespace {

using model::MetricType;

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

struct DiskField
{
    std::string_view family;
    MetricType type;
    double factor;
    std::string_view help;
};

constexpr double kSector = 512;
constexpr double kMs = 1e-3;

// In the order of /proc/diskstats, behind major, minor and name.
constexpr DiskField kDiskFields[] = {
    {"node_disk_reads_completed_total", MetricType::Counter, 1,
     "The total number of reads completed successfully."},
    {"node_disk_reads_merged_total", MetricType::Counter, 1, "The total number of reads merged."},
    {"node_disk_read_bytes_total", MetricType::Counter, kSector,
     "The total number of bytes read successfully."},
    {"node_disk_read_time_seconds_total", MetricType::Counter, kMs,
     "The total number of seconds spent by all reads."},
    {"node_disk_writes_completed_total", MetricType::Counter, 1,
     "The total number of writes completed successfully."},
    {"node_disk_writes_merged_total", MetricType::Counter, 1, "The number of writes merged."},
    {"node_disk_written_bytes_total", MetricType::Counter, kSector,
     "The total number of bytes written successfully."},
    {"node_disk_write_time_seconds_total", MetricType::Counter, kMs,
     "This is the total number of seconds spent by all writes."},
    {"node_disk_io_now", MetricType::Gauge, 1, "The number of I/Os currently in progress."},
    {"node_disk_io_time_seconds_total", MetricType::Counter, kMs,
     "Total seconds spent doing I/Os."},
    {"node_disk_io_time_weighted_seconds_total", MetricType::Counter, kMs,
     "The weighted # of seconds spent doing I/Os."},
    {"node_disk_discards_completed_total", MetricType::Counter, 1,
     "The total number of discards completed successfully."},
    {"node_disk_discards_merged_total", MetricType::Counter, 1,
     "The total number of discards merged."},
    {"node_disk_discarded_sectors_total", MetricType::Counter, 1,
     "The total number of sectors discarded successfully."},
    {"node_disk_discard_time_seconds_total", MetricType::Counter, kMs,
     "This is the total number of seconds spent by all discards."},
    {"node_disk_flush_requests_total", MetricType::Counter, 1,
     "The total number of flush requests completed successfully"},
    {"node_disk_flush_requests_time_seconds_total", MetricType::Counter, kMs,
     "This is the total number of seconds spent by all flush requests."}};

std::map<std::string, std::string> udevProperties(const std::filesystem::path& file)
{
    std::map<std::string, std::string> properties;
    const auto text = base::readFile(file);
    for (const std::string_view line :
         lines(text.ok() ? std::string_view(*text) : std::string_view())) {
        const std::size_t equal = line.find('=');
        if (line.starts_with("E:") && equal != std::string_view::npos) {
            properties[std::string(line.substr(2, equal - 2))] = line.substr(equal + 1);
        }
    }
    return properties;
}

void writeDiskInfo(Context& context, const std::vector<std::vector<std::string_view>>& disks)
{
    context.out.family("node_disk_info", MetricType::Gauge, "Info of /sys/block/<block_device>.");
    for (const auto& disk : disks) {
        auto udev = udevProperties(context.options.roots.udevData /
                                   fmt::format("b{}:{}", disk[0], disk[1]));
        std::string serial = udev["SCSI_IDENT_SERIAL"];
        serial = serial.empty() ? udev["ID_SERIAL_SHORT"] : serial;
        serial = serial.empty() ? udev["ID_SERIAL"] : serial;
        const auto rotational =
            readLine(context.options.roots.sysfs / "block" / disk[2] / "queue/rotational");
        context.out.sample({{"device", disk[2]},
                            {"major", disk[0]},
                            {"minor", disk[1]},
                            {"model", udev["ID_MODEL"]},
                            {"path", udev["ID_PATH"]},
                            {"revision", udev["ID_REVISION"]},
                            {"rotational", rotational.ok() ? *rotational : "0"},
                            {"serial", serial},
                            {"wwn", udev["ID_WWN"]}},
                           1);
    }
}

std::string unescapeMount(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i, 4) == "\\040") {
            out += ' ';
            i += 3;
        } else if (text.substr(i, 4) == "\\011") {
            out += '\t';
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct Mount
{
    std::string device;
    std::string point;
    std::string type;
    bool readOnly = false;
    std::string error;
    struct statvfs stat
    {};
};

bool hasOption(std::string_view options, std::string_view wanted)
{
    while (!options.empty()) {
        const std::size_t comma = std::min(options.find(','), options.size());
        if (options.substr(0, comma) == wanted) {
            return true;
        }
        options.remove_prefix(std::min(comma + 1, options.size()));
    }
    return false;
}

/// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
std::optional<Mount> parseMount(std::string_view line)
{
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto before = fields(line.substr(0, dash));
    const auto after = fields(line.substr(dash + 3));
    if (before.size() < 6 || after.size() < 2) {
        return std::nullopt;
    }
    const std::string_view super = after.size() > 2 ? after[2] : std::string_view();
    return Mount{.device = unescapeMount(after[1]),
                 .point = unescapeMount(before[4]),
                 .type = std::string(after[0]),
                 .readOnly = hasOption(before[5], "ro") || hasOption(super, "ro") ||
                             hasOption(super, "emergency_ro")};
}

std::vector<Mount> readMounts(Context& context, const std::string& mountinfo)
{
    std::vector<Mount> mounts;
    std::set<std::string> seen;
    const std::string root = context.options.roots.rootfs.string();
    for (const std::string_view line : lines(mountinfo)) {
        auto mount = parseMount(line);
        if (!mount) {
            continue;
        }
        if (root != "/" && mount->point.starts_with(root)) {
            mount->point.erase(0, root.size());
            mount->point = mount->point.empty() ? "/" : mount->point;
        }
        if (re2::RE2::PartialMatch(mount->point, context.mountPointsExclude) ||
            re2::RE2::PartialMatch(mount->type, context.fsTypesExclude) ||
            !seen.insert(mount->device + '\n' + mount->point + '\n' + mount->type).second) {
            continue;
        }
        const std::string path = root == "/" ? mount->point : root + mount->point;
        if (::statvfs(path.c_str(), &mount->stat) != 0) {
            mount->error = std::generic_category().message(errno);
        }
        mounts.push_back(*std::move(mount));
    }
    return mounts;
}

std::string cleanDeviceLine(std::string_view line)
{
    // The device name may touch the first number: "eth0:123".
    std::string text(line);
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos) {
        text[colon] = ' ';
    }
    return text;
}

} // namespace

absl::Status collectDisks(Context& context)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             base::readFile(context.options.roots.procfs / "diskstats"));
    std::vector<std::vector<std::string_view>> disks;
    for (const std::string_view line : lines(text)) {
        auto parts = fields(line);
        if (parts.size() < 14) {
            return base::dataLoss("diskstats: {} columns, at least 14 are needed", parts.size());
        }
        if (!re2::RE2::PartialMatch(piece(parts[2]), context.diskExclude)) {
            disks.push_back(std::move(parts));
        }
    }
    if (disks.empty()) {
        return absl::OkStatus();
    }
    for (std::size_t i = 0; i < std::size(kDiskFields); ++i) {
        const DiskField& field = kDiskFields[i];
        bool started = false;
        for (const auto& disk : disks) {
            if (disk.size() <= i + 3) {
                continue;
            }
            if (!std::exchange(started, true)) {
                context.out.family(field.family, field.type, field.help);
            }
            context.out.sample({{"device", disk[2]}}, number(disk[i + 3]) * field.factor);
        }
    }
    writeDiskInfo(context, disks);
    return absl::OkStatus();
}

absl::Status collectFilesystems(Context& context)
{
    auto text = base::readFile(context.options.roots.procfs / "1/mountinfo");
    if (!text.ok()) {
        text = base::readFile(context.options.roots.procfs / "self/mountinfo");
    }
    NARTHEX_RETURN_IF_ERROR(text.status());
    const std::vector<Mount> mounts = readMounts(context, *text);
    struct Source
    {
        std::string_view family;
        std::string_view help;
        double (*value)(const Mount&);
    };
    static constexpr Source kSources[] = {
        {"node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.",
         [](const Mount& m) {
             return static_cast<double>(m.stat.f_bavail) * static_cast<double>(m.stat.f_frsize);
         }},
        {"node_filesystem_files", "Filesystem total file nodes.",
         [](const Mount& m) { return static_cast<double>(m.stat.f_files); }},
        {"node_filesystem_files_free", "Filesystem total free file nodes.",
         [](const Mount& m) { return static_cast<double>(m.stat.f_ffree); }},
        {"node_filesystem_free_bytes", "Filesystem free space in bytes.",
         [](const Mount& m) {
             return static_cast<double>(m.stat.f_bfree) * static_cast<double>(m.stat.f_frsize);
         }},
        {"node_filesystem_size_bytes", "Filesystem size in bytes.", [](const Mount& m) {
             return static_cast<double>(m.stat.f_blocks) * static_cast<double>(m.stat.f_frsize);
         }}};
    for (const Source& source : kSources) {
        context.out.family(source.family, MetricType::Gauge, source.help);
        for (const Mount& mount : mounts) {
            if (mount.error.empty()) {
                context.out.sample(
                    {{"device", mount.device}, {"fstype", mount.type}, {"mountpoint", mount.point}},
                    source.value(mount));
            }
        }
    }
    context.out.family("node_filesystem_readonly", MetricType::Gauge,
                       "Filesystem read-only status.");
    for (const Mount& mount : mounts) {
        context.out.sample(
            {{"device", mount.device}, {"fstype", mount.type}, {"mountpoint", mount.point}},
            mount.readOnly ? 1 : 0);
    }
    context.out.family("node_filesystem_device_error", MetricType::Gauge,
                       "Whether an error occurred while getting statistics for the given device.");
    for (const Mount& mount : mounts) {
        std::vector<model::LabelView> labels = {
            {"device", mount.device}, {"fstype", mount.type}, {"mountpoint", mount.point}};
        if (!mount.error.empty()) {
            labels.push_back({"device_error", mount.error});
        }
        context.out.sampleNamed("node_filesystem_device_error", labels,
                                mount.error.empty() ? 0 : 1);
    }
    return absl::OkStatus();
}

absl::Status collectNetworkDevices(Context& context)
{
    static constexpr std::string_view kKeys[] = {
        "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
        "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
        "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
        "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};
    NARTHEX_ASSIGN_OR_RETURN(const std::string text,
                             base::readFile(context.options.roots.procfs / "net/dev"));
    std::vector<std::string> rows;
    for (const std::string_view line : lines(text)) {
        if (line.find('|') == std::string_view::npos) {
            rows.push_back(cleanDeviceLine(line));
        }
    }
    for (std::size_t i = 0; i < std::size(kKeys); ++i) {
        context.out.family(fmt::format("node_network_{}_total", kKeys[i]), MetricType::Counter,
                           fmt::format("Network device statistic {}.", kKeys[i]));
        for (const std::string& row : rows) {
            const auto parts = fields(row);
            if (parts.size() > i + 1) {
                context.out.sample({{"device", parts[0]}}, number(parts[i + 1]));
            }
        }
    }
    return absl::OkStatus();
}

absl::Status collectNetworkClass(Context& context)
{
    const auto folder = context.options.roots.sysfs / "class/net";
    const std::vector<std::string> devices = listDirectory(folder);
    if (devices.empty()) {
        return base::notFound("no network devices");
    }
    const auto text = [&folder](const std::string& device, std::string_view file) {
        const auto value = readLine(folder / device / file);
        return value.ok() ? *value : std::string();
    };
    context.out.family("node_network_up", MetricType::Gauge,
                       "Value is 1 if operstate is 'up', 0 otherwise.");
    for (const std::string& device : devices) {
        context.out.sample({{"device", device}}, text(device, "operstate") == "up" ? 1 : 0);
    }
    context.out.family("node_network_info", MetricType::Gauge,
                       "Non-numeric data from /sys/class/net/<iface>, value is always 1.");
    for (const std::string& device : devices) {
        const std::string flags = text(device, "flags");
        const bool up = !flags.empty() && (std::stoul(flags, nullptr, 16) & 1U) != 0;
        context.out.sample({{"address", text(device, "address")},
                            {"adminstate", flags.empty() ? "unknown" : (up ? "up" : "down")},
                            {"broadcast", text(device, "broadcast")},
                            {"device", device},
                            {"duplex", text(device, "duplex")},
                            {"ifalias", text(device, "ifalias")},
                            {"operstate", text(device, "operstate")}},
                           1);
    }
    struct Source
    {
        std::string_view family;
        std::string_view file;
        double factor;
        MetricType type;
        std::string_view help;
    };
    static constexpr Source kSources[] = {
        {"node_network_carrier", "carrier", 1, MetricType::Gauge,
         "carrier value of /sys/class/net/<iface>."},
        {"node_network_carrier_changes_total", "carrier_changes", 1, MetricType::Counter,
         "carrier_changes_total value of /sys/class/net/<iface>."},
        {"node_network_mtu_bytes", "mtu", 1, MetricType::Gauge,
         "mtu_bytes value of /sys/class/net/<iface>."},
        {"node_network_speed_bytes", "speed", 125000, MetricType::Gauge,
         "speed_bytes value of /sys/class/net/<iface>."},
        {"node_network_transmit_queue_length", "tx_queue_len", 1, MetricType::Gauge,
         "transmit_queue_length value of /sys/class/net/<iface>."}};
    for (const Source& source : kSources) {
        context.out.family(source.family, source.type, source.help);
        for (const std::string& device : devices) {
            if (const auto value = readNumber(folder / device / source.file)) {
                context.out.sample({{"device", device}}, *value * source.factor);
            }
        }
    }
    return absl::OkStatus();
}

absl::Status collectSockets(Context& context)
{
    const double pageSize = static_cast<double>(::sysconf(_SC_PAGESIZE));
    bool any = false;
    for (const std::string_view file : {"sockstat", "sockstat6"}) {
        const auto text = base::readFile(context.options.roots.procfs / "net" / file);
        if (!text.ok()) {
            continue;
        }
        any = true;
        for (const std::string_view line : lines(*text)) {
            const auto parts = fields(line);
            if (parts.empty() || parts[0].empty()) {
                continue;
            }
            const std::string_view protocol = parts[0].substr(0, parts[0].size() - 1);
            for (std::size_t i = 1; i + 1 < parts.size(); i += 2) {
                const std::string name =
                    protocol == "sockets" ? "node_sockstat_sockets_used"
                                          : fmt::format("node_sockstat_{}_{}", protocol, parts[i]);
                context.out.gauge(
                    name, fmt::format("Number of {} sockets in state {}.", protocol, parts[i]),
                    number(parts[i + 1]));
                if (parts[i] == "mem") {
                    context.out.gauge(
                        name + "_bytes",
                        fmt::format("Number of {} sockets in state mem_bytes.", protocol),
                        number(parts[i + 1]) * pageSize);
                }
            }
        }
    }
    return any ? absl::OkStatus() : base::notFound("no sockstat");
}

} // namespace narthex::host
