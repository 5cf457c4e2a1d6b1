// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// file_sd_configs: target groups in JSON and YAML files, read again when something changes in
// their folders. Source: spec/discovery.md, section 4.
#include "core/base/file.h"

#include "core/base/status.h"
#include "core/discovery/api_client.h"
#include "core/discovery/directory_watch.h"
#include "core/discovery/group_file.h"
#include "core/discovery/metrics.h"
#include "core/discovery/registry.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <glob.h>
#include <sys/stat.h>

namespace narthex::discovery {
namespace {

constexpr std::string_view kMtime = "prometheus_sd_file_mtime_seconds";
constexpr std::string_view kReadErrors = "prometheus_sd_file_read_errors_total";
constexpr std::string_view kScanDuration = "prometheus_sd_file_scan_duration_seconds";
constexpr std::string_view kWatcherErrors = "prometheus_sd_file_watcher_errors_total";

constexpr std::uint64_t kFileLimitBytes = 256ULL << 20U;

std::optional<GroupFormat> formatOf(std::string_view path)
{
    if (path.ends_with(".json") || path.ends_with(".JSON")) {
        return GroupFormat::Json;
    }
    for (const std::string_view suffix : {".yml", ".yaml", ".YML", ".YAML"}) {
        if (path.ends_with(suffix)) {
            return GroupFormat::Yaml;
        }
    }
    return std::nullopt;
}

/// A known suffix, and stars in the last part of the path only.
bool isValidPattern(std::string_view path)
{
    const std::size_t star = path.find('*');
    return formatOf(path) &&
           (star == std::string_view::npos || path.find('/', star) == std::string_view::npos);
}

struct FileConfig final : MechanismOf<FileConfig>
{
    static constexpr std::string_view kMechanism = "file";
    std::vector<std::string> files;
    base::Duration refreshInterval = 5_min;

    void describe(yaml::Fields& fields) override
    {
        fields.paths("files", files);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(!files.empty(),
                     "file service discovery config must contain at least one path name");
        for (const std::string& path : files) {
            if (!isValidPattern(path)) {
                fields.failAt("files",
                              fmt::format("path name {} is not valid for file discovery (it ends "
                                          "in .json, .yml or .yaml; '*' only in the last part)",
                                          model::quote(path)));
            }
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const FileConfig&, const FileConfig&) = default;
};

/// Files that are there now, in the order of patterns.
std::vector<std::string> expand(const std::vector<std::string>& patterns)
{
    std::vector<std::string> paths;
    for (const std::string& pattern : patterns) {
        glob_t found{};
        if (glob(pattern.c_str(), GLOB_PERIOD, nullptr, &found) == 0) {
            paths.insert(paths.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
        }
        globfree(&found);
    }
    return paths;
}

std::string folderOf(const std::string& pattern)
{
    const std::string folder = std::filesystem::path(pattern).parent_path().string();
    return folder.empty() ? "." : folder;
}

class FileWatcher final : public Watcher
{
public:
    FileWatcher(const ProviderEnvironment& environment, const FileConfig& config)
        : environment_(environment),
          metrics_(environment.metrics),
          patterns_(config.files),
          interval_(config.refreshInterval)
    {
        metrics_.add(kReadErrors, {}, 0);
        metrics_.add(kWatcherErrors, {}, 0);
        for (const std::string& pattern : patterns_) {
            folders_.insert(folderOf(pattern));
        }
    }
    ~FileWatcher() override
    {
        for (const auto& [path, count] : counts_) {
            metrics_.remove(kMtime, mtimeLabels(path));
        }
    }

    void run(const std::stop_token& stop, const Send& send) override
    {
        do {
            // Before reading: what changes meanwhile is seen next time.
            watchFolders();
            if (TargetGroups groups = readAll(); !groups.empty()) {
                send(std::move(groups));
            }
        } while (watch_.wait(interval_, stop) != DirectoryWatch::Woken::Stopped);
    }

private:
    static model::Labels mtimeLabels(const std::string& path)
    {
        return model::Labels{{"filename", path}};
    }

    void watchFolders()
    {
        const absl::Status status = watch_.watch(folders_);
        if (!status.ok() && watching_) {
            metrics_.add(kWatcherErrors);
            environment_.log->error("discovery: file: cannot watch, reading every {} instead "
                                    "err=\"{}\"",
                                    base::formatDuration(interval_), base::messageOf(status));
        }
        watching_ = status.ok();
    }

    TargetGroups readAll()
    {
        const base::Duration begin = environment_.clock.monotonic();
        TargetGroups all;
        std::map<std::string, std::size_t> counts;
        for (const std::string& path : expand(patterns_)) {
            auto groups = readOne(path);
            if (!groups.ok()) {
                metrics_.add(kReadErrors);
                environment_.log->error("discovery: Error reading file path=\"{}\" err=\"{}\"",
                                        path, base::messageOf(groups.status()));
                counts[path] = counts_[path];
                failing_.insert(path);
                reportPart(environment_, path, groups.status());
                continue;
            }
            works(path);
            counts[path] = groups->size();
            std::move(groups->begin(), groups->end(), std::back_inserter(all));
        }
        for (const auto& [path, before] : counts_) {
            const auto now = counts.find(path);
            if (now == counts.end()) {
                works(path);
                metrics_.remove(kMtime, mtimeLabels(path));
            }
            for (std::size_t i = now == counts.end() ? 0 : now->second; i < before; ++i) {
                all.push_back({.source = fmt::format("{}:{}", path, i)});
            }
        }
        counts_ = std::move(counts);
        const base::Duration end = environment_.clock.monotonic();
        metrics_.observe(kScanDuration, {}, (end - begin).seconds(), end);
        return all;
    }

    void works(const std::string& path)
    {
        if (failing_.erase(path) > 0) {
            reportPart(environment_, path, absl::OkStatus());
        }
    }

    absl::StatusOr<TargetGroups> readOne(const std::string& path)
    {
        struct stat info
        {};
        if (stat(path.c_str(), &info) != 0) {
            return base::errnoStatus(errno, path);
        }
        if (!S_ISREG(info.st_mode)) {
            return base::invalidArgument("{} is no file", path); // a pipe would block
        }
        metrics_.set(kMtime, mtimeLabels(path),
                     static_cast<double>(info.st_mtim.tv_sec) +
                         static_cast<double>(info.st_mtim.tv_nsec) / 1e9);
        NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(path, kFileLimitBytes));
        NARTHEX_ASSIGN_OR_RETURN(TargetGroups groups, parseGroups(text, *formatOf(path), path));
        for (std::size_t i = 0; i < groups.size(); ++i) {
            groups[i].source = fmt::format("{}:{}", path, i);
            model::LabelsBuilder labels(groups[i].labels);
            meta(labels, "filepath", path);
            groups[i].labels = labels.build();
        }
        return groups;
    }

    const ProviderEnvironment environment_;
    Metrics& metrics_;
    const std::vector<std::string> patterns_;
    const base::Duration interval_;
    std::set<std::string> folders_;
    // Touched by run() only.
    DirectoryWatch watch_;
    bool watching_ = true;
    std::map<std::string, std::size_t> counts_; // groups by path
    std::set<std::string> failing_;             // paths
};

absl::StatusOr<Provider> FileConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return std::make_unique<FileWatcher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeFileConfig() { return std::make_unique<FileConfig>(); }

} // namespace narthex::discovery
