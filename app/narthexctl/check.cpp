// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_rules.h"
#include "commands.h"
#include "query_features.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/config.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

constexpr int kLintFailed = 3;

struct ConfigFlags
{
    std::vector<std::string> files;
    std::string lint = std::string(rules::kLintDuplicateRules);
    bool lintFatal = false;
    bool ignoreUnknownFields = false;
    std::string lookback = "5m";
    std::vector<std::string> features;
};

/// What the configuration and its rule files say of themselves.
struct Outcome
{
    bool failed = false;
    bool found = false;
};

bool lintIntervals(const config::Config& config, const rules::RuleLintOptions& lint)
{
    bool found = false;
    if (!lint.checks.contains(rules::kLintTooLongScrapeInterval) || lint.lookback.ns <= 0) {
        return found;
    }
    for (const auto& job : config.jobs) {
        if (job->interval >= lint.lookback) {
            fmt::print(stderr,
                       "  FAILED: too long scrape interval found, data point will be marked as "
                       "stale - job: {}, interval: {}\n",
                       job->jobName, base::formatDuration(job->interval));
            found = true;
        }
    }
    return found;
}

void checkRuleFiles(const config::Config& config, const rules::RuleLintOptions& lint,
                    bool ignoreUnknownFields, Outcome& outcome)
{
    for (const std::string& pattern : config.ruleFiles) {
        for (const std::string& file : base::matchFiles(pattern)) {
            fmt::print("Checking {}\n", file);
            const auto parsed =
                rules::loadRuleFile(file, {.features = lint.features,
                                           .nameScheme = config.global.scrape.nameScheme,
                                           .ignoreUnknownFields = ignoreUnknownFields});
            if (!parsed.ok()) {
                fmt::print(stderr, "  FAILED:\n{}\n", base::messageOf(parsed.status()));
                outcome.failed = true;
            } else {
                outcome.found = reportRules(*parsed, lint) || outcome.found;
            }
        }
    }
}

void checkFile(const std::string& file, const rules::RuleLintOptions& lint,
               bool ignoreUnknownFields, Outcome& outcome)
{
    fmt::print("Checking {}\n", file);
    const auto config = config::load(file);
    if (!config.ok()) {
        fmt::print(stderr, "  FAILED: {}\n", base::messageOf(config.status()));
        outcome.failed = true;
        return;
    }
    // Rule files have their own report below.
    config::Config alone = *config;
    alone.ruleFiles.clear();
    if (const absl::Status status = config::checkFiles(alone, lint.features); !status.ok()) {
        fmt::print(stderr, "  FAILED: {}\n", base::messageOf(status));
        outcome.failed = true;
        return;
    }
    for (const std::string& warning : config->warnings) {
        fmt::print("  WARNING: {}\n", warning);
    }
    std::size_t targets = 0;
    for (const auto& job : config->jobs) {
        for (const auto& group : job->discovery.staticGroups) {
            targets += group.entries.size();
        }
    }
    outcome.found = lintIntervals(*config, lint) || outcome.found;
    fmt::print(" SUCCESS: {} is valid prometheus config file syntax: {} jobs, {} static targets\n",
               file, config->jobs.size(), targets);
    checkRuleFiles(*config, lint, ignoreUnknownFields, outcome);
}

int checkConfig(const ConfigFlags& flags)
{
    std::vector<std::string> unknown;
    rules::RuleLintOptions lint{.checks = rules::parseLintNames(flags.lint, unknown)};
    for (const std::string& name : unknown) {
        fmt::print(stderr, "unknown lint option is ignored: {}\n", name);
    }
    const auto lookback = base::parseDuration(flags.lookback);
    if (!lookback.ok()) {
        fmt::print(stderr, "--query.lookback-delta: {}\n", base::messageOf(lookback.status()));
        return kCannotStart;
    }
    lint.lookback = *lookback;
    lint.features = queryFeatures(flags.features);
    Outcome outcome;
    for (const std::string& file : flags.files) {
        checkFile(file, lint, flags.ignoreUnknownFields, outcome);
    }
    if (outcome.failed) {
        return kFailed;
    }
    return outcome.found && flags.lintFatal ? kLintFailed : kOk;
}

} // namespace

void addCheck(CLI::App& app, int& exitCode)
{
    CLI::App* check = app.add_subcommand("check", "Check files before they are used.");
    check->require_subcommand(1);
    CLI::App* config = check->add_subcommand(
        "config", "Check configuration files and the rule files they name; names each mistake with "
                  "file, line and column.");
    auto flags = std::make_shared<ConfigFlags>();
    config->add_option("FILE", flags->files, "Configuration files")->required();
    config
        ->add_option("--lint", flags->lint,
                     "Comma list of checks: duplicate-rules, too-long-scrape-interval, all, none")
        ->capture_default_str();
    config->add_flag("--lint-fatal", flags->lintFatal, "Findings make the exit code 3");
    config->add_flag("--ignore-unknown-fields", flags->ignoreUnknownFields,
                     "Fields of rule files that nobody knows are no mistake");
    config
        ->add_option("--query.lookback-delta", flags->lookback,
                     "The server's, for too-long-scrape-interval")
        ->capture_default_str();
    config
        ->add_option("--enable-feature", flags->features,
                     "Comma list of switches of the query language")
        ->allow_extra_args(false);
    config->callback([flags, &exitCode] { exitCode = checkConfig(*flags); });
    addCheckRules(*check, exitCode);
    addCheckAlertmanager(*check, exitCode);
    addCheckWeb(*check, exitCode);
}

} // namespace narthex::ctl
