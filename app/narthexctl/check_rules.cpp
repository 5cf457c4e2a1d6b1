// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_rules.h"

#include "commands.h"
#include "query_features.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

namespace narthex::ctl {
namespace {

struct RulesFlags
{
    std::vector<std::string> files;
    std::string lint = std::string(rules::kLintDuplicateRules);
    bool lintFatal = false;
    bool ignoreUnknownFields = false;
    std::string nameScheme = "utf8";
};

absl::StatusOr<rules::RuleFile> read(const std::string& file, const rules::RuleFileOptions& options)
{
    if (file != "-") {
        return rules::loadRuleFile(file, options);
    }
    const std::string text((std::istreambuf_iterator<char>(std::cin)),
                           std::istreambuf_iterator<char>());
    return rules::parseRuleFile("standard input", text, options);
}

int checkRules(const RulesFlags& flags, const promql::Features& features)
{
    std::vector<std::string> unknown;
    rules::RuleLintOptions lint{.checks = rules::parseLintNames(flags.lint, unknown)};
    for (const std::string& name : unknown) {
        fmt::print(stderr, "unknown lint option is ignored: {}\n", name);
    }
    lint.features = features;
    const rules::RuleFileOptions options{.features = lint.features,
                                         .nameScheme = flags.nameScheme == "legacy"
                                                           ? relabel::NameScheme::Legacy
                                                           : relabel::NameScheme::Utf8,
                                         .ignoreUnknownFields = flags.ignoreUnknownFields};
    bool failed = false;
    bool found = false;
    const std::vector<std::string> files =
        flags.files.empty() ? std::vector<std::string>{"-"} : flags.files;
    for (const std::string& file : files) {
        fmt::print("Checking {}\n", file == "-" ? "standard input" : file);
        const auto parsed = read(file, options);
        if (!parsed.ok()) {
            fmt::print(stderr, "  FAILED:\n{}\n", base::messageOf(parsed.status()));
            failed = true;
        } else {
            found = reportRules(*parsed, lint) || found;
        }
        fmt::print("\n");
    }
    if (failed) {
        return kFailed;
    }
    return found && flags.lintFatal ? kLintFindings : kOk;
}

} // namespace

bool reportRules(const rules::RuleFile& file, const rules::RuleLintOptions& lint)
{
    for (const std::string& warning : file.warnings) {
        fmt::print("  WARNING: {}\n", warning);
    }
    const std::vector<rules::RuleFinding> findings = rules::lintRules(file, lint);
    if (findings.empty()) {
        std::size_t count = 0;
        for (const rules::RuleGroup& group : file.groups) {
            count += group.rules.size();
        }
        fmt::print("  SUCCESS: {} rules found\n", count);
        return false;
    }
    fmt::print(stderr, "  FAILED:\n{}", rules::duplicatesText(findings));
    for (const rules::RuleFinding& finding : findings) {
        if (finding.lint != rules::kLintDuplicateRules) {
            fmt::print(stderr, "{}\n", rules::findingText(finding));
        }
    }
    return true;
}

void addCheckRules(CLI::App& check, int& exitCode)
{
    CLI::App* command = check.add_subcommand(
        "rules", "Check rule files; names each mistake with file, line and column. Exit code 1: "
                 "mistakes; 3: only findings of --lint, with --lint-fatal.");
    auto flags = std::make_shared<RulesFlags>();
    command->add_option("FILE", flags->files, "Rule files; none: standard input");
    command
        ->add_option("--lint", flags->lint,
                     "Comma list of checks: duplicate-rules, all, none; strict: our own, too "
                     "(no-severity, no-comparison, lost-label, recording-name, query …)")
        ->capture_default_str();
    command->add_flag("--lint-fatal", flags->lintFatal, "Findings make the exit code 3");
    command->add_flag("--ignore-unknown-fields", flags->ignoreUnknownFields,
                      "Fields that nobody knows are no mistake");
    command
        ->add_option("--name-validation-scheme", flags->nameScheme,
                     "Names of metrics and labels: utf8 or legacy")
        ->check(CLI::IsMember({"utf8", "legacy"}))
        ->capture_default_str();
    addFeatureOption(*command);
    command->footer("Example: narthexctl check rules --lint=strict rules/*.yml");
    command->callback(
        [flags, command, &exitCode] { exitCode = checkRules(*flags, queryFeatures(*command)); });
}

} // namespace narthex::ctl
