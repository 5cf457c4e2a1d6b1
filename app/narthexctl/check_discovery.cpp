// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `check service-discovery`: what the discovery of one job finds within a time, and which targets
// relabeling makes of it. Threads: main waits; groups come from a thread of the manager.
// Source: spec/http-api.md, 16.
#include "commands.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/discovery/manager.h"
#include "core/scrape/target.h"

#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

namespace narthex::ctl {
namespace {

using namespace base::literals;

struct DiscoveryFlags
{
    std::string file;
    std::string job;
    std::string timeout = "30s";
};

absl::StatusOr<std::shared_ptr<const scrape::JobConfig>> findJob(const DiscoveryFlags& flags)
{
    const auto config = config::load(flags.file);
    if (!config.ok()) {
        return base::annotate(config.status(), "Cannot load config");
    }
    std::string names;
    for (const auto& job : config->jobs) {
        if (job->jobName == flags.job) {
            return job;
        }
        names += fmt::format("\n\t{}", job->jobName);
    }
    return base::invalidArgument("Job {} not found. Select one of:{}", flags.job, names);
}

/// All groups of a job: the static ones at once; those of mechanisms as they stand when the time is
/// over, or as soon as every provider has said something.
absl::StatusOr<discovery::GroupList> discover(const scrape::JobConfig& job, base::Duration timeout)
{
    net::IoLoop loop;
    net::HttpClient http(loop, "narthexctl");
    const base::SystemClock clock;
    NARTHEX_ASSIGN_OR_RETURN(const base::LogSetup log, base::LogSetup::create("warn"));
    discovery::Metrics metrics;
    const discovery::ProviderEnvironment environment{
        .http = http,
        .clock = clock,
        .log = log.logger("discovery"),
        .metrics = metrics,
        .resolverFile = "/etc/resolv.conf",
        .dnsPort = 53,
        .apiBase = {},
        .variable =
            [](const std::string& name) {
                const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe)
                return std::string(value == nullptr ? "" : value);
            },
        .rootDirectory = {},
        .report = {}};
    absl::Mutex mutex;
    bool changed = false;
    discovery::Manager manager("check", environment,
                               [&](const std::shared_ptr<const discovery::TargetSets>&) {
                                   const absl::MutexLock lock(&mutex);
                                   changed = true;
                               });
    manager.apply({{job.jobName, job.discovery}});
    const auto allHaveSpoken = [&manager] {
        for (const discovery::ProviderStatus& status : manager.status()) {
            if (!status.lastSuccess) {
                return false;
            }
        }
        return true;
    };
    const absl::Time end = absl::Now() + absl::Nanoseconds(timeout.ns);
    while (!allHaveSpoken() && absl::Now() < end) {
        const absl::MutexLock lock(&mutex);
        // Providers tell of a success a moment after their groups are out.
        mutex.AwaitWithDeadline(absl::Condition(&changed),
                                std::min(end, absl::Now() + absl::Milliseconds(100)));
        changed = false;
    }
    for (const discovery::ProviderStatus& status : manager.status()) {
        if (!status.lastError.empty()) {
            fmt::print(stderr, "{}: {}\n", status.name, status.lastError);
        }
    }
    discovery::TargetSets sets = manager.current();
    manager.stop();
    return std::move(sets[job.jobName]);
}

void writeLabels(base::JsonWriter& json, std::string_view key, const model::Labels& labels)
{
    json.key(key).beginObject();
    for (const model::LabelView& label : labels) {
        json.label(label.name, label.value);
    }
    json.endObject();
}

std::string targetText(const scrape::JobConfig& job, const model::Labels& discovered)
{
    const auto target = scrape::makeTarget(job, discovered);
    std::string text;
    base::JsonWriter json(text);
    json.beginObject();
    writeLabels(json, "discoveredLabels", discovered);
    writeLabels(json, "labels", target.ok() && *target ? (*target)->allLabels : model::Labels());
    if (!target.ok()) {
        json.member("error", base::messageOf(target.status()));
    }
    json.endObject();
    return text;
}

absl::Status checkDiscovery(const DiscoveryFlags& flags)
{
    const auto timeout = base::parseDuration(flags.timeout);
    NARTHEX_RETURN_IF_ERROR(base::annotate(timeout.status(), "--timeout"));
    NARTHEX_ASSIGN_OR_RETURN(const auto job, findJob(flags));
    NARTHEX_ASSIGN_OR_RETURN(const discovery::GroupList groups, discover(*job, *timeout));
    std::vector<std::string> targets;
    for (const auto& group : groups) {
        std::set<std::string> seen;
        for (const model::Labels& entry : group->entries) {
            std::string text =
                targetText(*job, scrape::discoveredLabels(*job, entry, group->labels));
            if (seen.insert(text).second) {
                targets.push_back(std::move(text));
            }
        }
    }
    fmt::print("[{}{}{}]\n", targets.empty() ? "" : "\n  ", fmt::join(targets, ",\n  "),
               targets.empty() ? "" : "\n");
    return absl::OkStatus();
}

} // namespace

void addCheckDiscovery(CLI::App& check, int& exitCode)
{
    CLI::App* command = check.add_subcommand(
        "service-discovery", "Run the discovery of one job and show, as JSON, what it finds and "
                             "what relabeling makes of it.");
    auto flags = std::make_shared<DiscoveryFlags>();
    command->add_option("FILE", flags->file, "Configuration file")->required();
    command->add_option("JOB", flags->job, "Name of the job")->required();
    command
        ->add_option("--timeout", flags->timeout, "How long to wait for mechanisms that are silent")
        ->capture_default_str();
    command->footer("Example: narthexctl check service-discovery prometheus.yml node");
    command->callback([flags, &exitCode] {
        const absl::Status status = checkDiscovery(*flags);
        if (!status.ok()) {
            fmt::print(stderr, "{}\n", base::messageOf(status));
        }
        exitCode = status.ok() ? kOk : kFailed;
    });
}

} // namespace narthex::ctl
