// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_files.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/discovery/group_file.h"
#include "core/scrape/target.h"
#include "core/yaml/field_printer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <sys/stat.h>

namespace narthex::ctl {
namespace {

using discovery::TargetGroup;
using discovery::TargetGroups;

/// Empty names stand for "no file".
absl::Status exists(const std::string& file, const std::string& what)
{
    struct stat status
    {};
    if (!file.empty() && ::stat(file.c_str(), &status) != 0) {
        return base::annotate(base::errnoStatus(errno, file),
                              fmt::format("error checking {} \"{}\"", what, file));
    }
    return absl::OkStatus();
}

/// The patterns of a file_sd_configs entry; none for other mechanisms.
std::vector<std::string> patternsOf(const discovery::MechanismConfig& config)
{
    std::vector<std::string> patterns;
    if (config.mechanism() != "file") {
        return patterns;
    }
    yaml::FieldPrinter printer;
    config.clone()->describe(printer);
    const YAML::Node files = printer.node()["files"];
    for (std::size_t i = 0; i < files.size(); ++i) {
        patterns.push_back(files[i].as<std::string>());
    }
    return patterns;
}

absl::StatusOr<TargetGroups> readGroups(const std::string& file)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file));
    const bool isJson = file.ends_with(".json") || file.ends_with(".JSON");
    return discovery::parseGroups(
        text, isJson ? discovery::GroupFormat::Json : discovery::GroupFormat::Yaml, file);
}

/// What has to hold for every group of a job, or of an Alertmanager.
using GroupCheck = std::function<absl::Status(const TargetGroup&)>;

absl::Status checkDiscovery(const discovery::ServiceDiscovery& discovery, const std::string& owner,
                            bool syntaxOnly, const GroupCheck& check)
{
    for (const TargetGroup& group : discovery.staticGroups) {
        NARTHEX_RETURN_IF_ERROR(check(group));
    }
    if (syntaxOnly) {
        return absl::OkStatus();
    }
    for (const auto& config : discovery.configs) {
        for (const std::string& pattern : patternsOf(*config)) {
            const std::vector<std::string> files = base::matchFiles(pattern);
            if (files.empty()) {
                fmt::print("  WARNING: file \"{}\" for file_sd in {} does not exist\n", pattern,
                           owner);
            }
            for (const std::string& file : files) {
                const auto groups = readGroups(file);
                NARTHEX_RETURN_IF_ERROR(base::annotate(
                    groups.status(), fmt::format("checking SD file \"{}\"", pattern)));
                for (const TargetGroup& group : *groups) {
                    NARTHEX_RETURN_IF_ERROR(check(group));
                }
            }
        }
    }
    return absl::OkStatus();
}

absl::Status checkJob(const scrape::JobConfig& job, bool syntaxOnly)
{
    if (!syntaxOnly && job.http.authorization) {
        NARTHEX_RETURN_IF_ERROR(exists(job.http.authorization->credentialsFile,
                                       "authorization credentials or bearer token file"));
    }
    if (!syntaxOnly && job.http.basicAuth) {
        NARTHEX_RETURN_IF_ERROR(
            exists(job.http.basicAuth->usernameFile, "basic auth username file"));
        NARTHEX_RETURN_IF_ERROR(
            exists(job.http.basicAuth->passwordFile, "basic auth password file"));
    }
    return checkDiscovery(job.discovery, fmt::format("scrape job \"{}\"", job.jobName), syntaxOnly,
                          [&job](const TargetGroup& group) {
                              const scrape::TargetSet set = scrape::makeTargets(job, group);
                              return set.failures.empty()
                                         ? absl::OkStatus()
                                         : base::invalidArgument("scrape job \"{}\": {}",
                                                                 job.jobName, set.failures.front());
                          });
}

} // namespace

absl::StatusOr<std::vector<std::string>> ruleFilesOf(const config::Config& config)
{
    std::vector<std::string> files;
    for (const std::string& pattern : config.ruleFiles) {
        const std::vector<std::string> found = base::matchFiles(pattern);
        if (found.empty() && pattern.find('*') == std::string::npos) {
            return base::invalidArgument("\"{}\" does not point to an existing file", pattern);
        }
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

absl::Status checkReferences(const config::Config& config, bool syntaxOnly)
{
    for (const auto& job : config.jobs) {
        NARTHEX_RETURN_IF_ERROR(checkJob(*job, syntaxOnly));
    }
    for (const auto& entry : config.alerting.alertmanagers) {
        NARTHEX_RETURN_IF_ERROR(
            checkDiscovery(entry.discovery, "alertmanager config", syntaxOnly,
                           [](const TargetGroup&) { return absl::OkStatus(); }));
    }
    return absl::OkStatus();
}

absl::Status checkAgentMode(const config::Config& config)
{
    const bool hasAlerting =
        !config.alerting.alertmanagers.empty() || !config.alerting.alertRelabelRules.empty();
    const std::string_view field = hasAlerting                  ? "alerting"
                                   : !config.ruleFiles.empty()  ? "rule_files"
                                   : !config.remoteRead.empty() ? "remote_read"
                                                                : "";
    return field.empty() ? absl::OkStatus()
                         : base::invalidArgument("field {} is not allowed in agent mode", field);
}

} // namespace narthex::ctl
