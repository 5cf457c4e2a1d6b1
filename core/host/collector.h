// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This machine's own metrics under node_exporter's names, read from /proc, /sys and statfs.
// A collector that fails does not stop the others: it says so in node_scrape_collector_success.
// Owner: the engine's internal target. Threads: collect() from one thread at a time.
// Source: spec/host-metrics.md.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace narthex::host {

/// Where the kernel's files are; tests give a copy.
struct Roots
{
    std::filesystem::path procfs = "/proc";
    std::filesystem::path sysfs = "/sys";
    std::filesystem::path rootfs = "/";
    std::filesystem::path udevData = "/run/udev/data";
};

struct CollectorOptions
{
    Roots roots;
    /// Regular expressions (RE2), matched anywhere unless anchored.
    std::string mountPointsExclude =
        R"(^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/))";
    std::string fsTypesExclude =
        R"(^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|)"
        R"(overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$)";
    std::string diskExclude = R"(^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)";
};

class HostCollector
{
public:
    /// `clock` outlives the collector.
    HostCollector(CollectorOptions options, const base::Clock& clock, base::Logger log);
    ~HostCollector();

    /// Appends one page in the text format to `out`. Never fails as a whole.
    void collect(std::string& out);
    /// Names of the collectors, in the order in which they run.
    [[nodiscard]] std::vector<std::string> collectors() const;

    /// uname's node name: the default instance.
    static std::string hostName();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace narthex::host
