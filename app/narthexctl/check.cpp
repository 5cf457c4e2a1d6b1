// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_files.h"
#include "check_rules.h"
#include "commands.h"
#include "query_features.h"

#include "core/base/status.h"
#include "core/config/config.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

struct ConfigFlags
{
    std::vector<std::string> files;
    std::string lint = std::string(rules::kLintDuplicateRules);
    bool lintFatal = false;
    bool ignoreUnknownFields = false;
    bool syntaxOnly = false;
    bool agent = false;
    std::string lookback = "5m";
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

void checkRuleFiles(const config::Config& config, const std::vector<std::string>& files,
                    const rules::RuleLintOptions& lint, bool ignoreUnknownFields, Outcome& outcome)
{
    for (const std::string& file : files) {
        fmt::print("Checking {}\n", file);
        const auto parsed =
            rules::loadRuleFile(file, {.features = lint.features,
                                       .nameScheme = config.global.scrape.nameScheme,
                                       .ignoreUnknownFields = ignoreUnknownFields});
        if (!parsed.ok()) {
            fmt::print(stderr, "  FAILED:\n{}\n", base::messageOf(parsed.status()));
            outcome.failed = true;
            continue;
        }
        outcome.found = reportRules(*parsed, lint) || outcome.found;
        fmt::print("\n");
    }
}

/// A configuration that is right by itself, and its rule files.
struct CheckedConfig
{
    config::Config config;
    std::vector<std::string> ruleFiles;
};

absl::StatusOr<CheckedConfig> loadAndCheck(const std::string& file, const ConfigFlags& flags,
                                           const promql::Features& features)
{
    CheckedConfig checked;
    NARTHEX_ASSIGN_OR_RETURN(checked.config, config::load(file));
    if (flags.agent) {
        NARTHEX_RETURN_IF_ERROR(checkAgentMode(checked.config));
    }
    if (!flags.syntaxOnly) {
        NARTHEX_ASSIGN_OR_RETURN(checked.ruleFiles, ruleFilesOf(checked.config));
        // Rule files have a report of their own.
        config::Config alone = checked.config;
        alone.ruleFiles.clear();
        NARTHEX_RETURN_IF_ERROR(config::checkFiles(alone, features));
    }
    NARTHEX_RETURN_IF_ERROR(checkReferences(checked.config, flags.syntaxOnly));
    return checked;
}

void checkFile(const std::string& file, const rules::RuleLintOptions& lint,
               const ConfigFlags& flags, Outcome& outcome)
{
    fmt::print("Checking {}\n", file);
    const auto checked = loadAndCheck(file, flags, lint.features);
    if (!checked.ok()) {
        fmt::print(stderr, "  FAILED: {}\n", base::messageOf(checked.status()));
        fmt::print("\n");
        outcome.failed = true;
        return;
    }
    for (const std::string& warning : checked->config.warnings) {
        fmt::print("  WARNING: {}\n", warning);
    }
    if (!checked->ruleFiles.empty()) {
        fmt::print("  SUCCESS: {} rule files found\n", checked->ruleFiles.size());
    }
    fmt::print(" SUCCESS: {} is valid prometheus config file syntax\n\n", file);
    if (!flags.syntaxOnly) {
        outcome.found = lintIntervals(checked->config, lint) || outcome.found;
        checkRuleFiles(checked->config, checked->ruleFiles, lint, flags.ignoreUnknownFields,
                       outcome);
    }
}

int checkConfig(const ConfigFlags& flags, const promql::Features& features)
{
    std::vector<std::string> unknown;
    rules::RuleLintOptions lint{.checks = rules::parseLintNames(flags.lint, unknown)};
    for (const std::string& name : unknown) {
        fmt::print(stderr, "unknown lint option is ignored: {}\n", name);
    }
    const auto lookback = base::parseDuration(flags.lookback);
    if (!lookback.ok()) {
        fmt::print(stderr, "--query.lookback-delta: {}\n", base::messageOf(lookback.status()));
        return kFailed;
    }
    lint.lookback = *lookback;
    lint.features = features;
    Outcome outcome;
    for (const std::string& file : flags.files) {
        checkFile(file, lint, flags, outcome);
    }
    if (outcome.failed) {
        return kFailed;
    }
    return outcome.found && flags.lintFatal ? kLintFindings : kOk;
}

void addCheckConfig(CLI::App& check, int& exitCode)
{
    CLI::App* config = check.add_subcommand(
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
    check.add_option("--query.lookback-delta", flags->lookback,
                     "The server's, for check config --lint=too-long-scrape-interval");
    config
        ->add_option("--query.lookback-delta", flags->lookback,
                     "The server's, for too-long-scrape-interval")
        ->capture_default_str();
    config->add_flag("--syntax-only", flags->syntaxOnly,
                     "The file alone, not the files that it names");
    config->add_flag("--agent", flags->agent,
                     "For Prometheus in agent mode: without alerting, rules and remote read");
    addFeatureOption(*config);
    config->footer("Example: narthexctl check config --lint=all --lint-fatal prometheus.yml");
    config->callback(
        [flags, config, &exitCode] { exitCode = checkConfig(*flags, queryFeatures(*config)); });
}

} // namespace

void addCheck(CLI::App& app, int& exitCode)
{
    CLI::App* check =
        app.add_subcommand("check", "Check files before they are used, and servers that run.");
    check->require_subcommand(1);
    addCheckConfig(*check, exitCode);
    addCheckRules(*check, exitCode);
    addCheckMetrics(*check, exitCode);
    addCheckServer(*check, exitCode);
    addCheckDiscovery(*check, exitCode);
    addCheckAlertmanager(*check, exitCode);
    addCheckWeb(*check, exitCode);
}

} // namespace narthex::ctl
