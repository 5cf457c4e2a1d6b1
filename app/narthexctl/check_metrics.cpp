// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `check metrics`: a page of metrics on standard input, linted and counted. Threads: main.
// Source: spec/http-api.md, 16.
#include "commands.h"
#include "table.h"

#include "core/base/status.h"
#include "core/exposition/metric_lint.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

namespace narthex::ctl {
namespace {

struct MetricsFlags
{
    bool extended = false;
    std::string lint = "all";
    std::string format = "table";
};

void printCardinalities(const std::vector<exposition::MetricFamily>& families,
                        const std::string& format)
{
    std::uint64_t total = 0;
    const std::vector<exposition::FamilyCardinality> all = exposition::cardinalities(families);
    for (const auto& family : all) {
        total += family.series;
    }
    Table table{.columns = {"Metric", "Cardinality", "Percentage"}, .rows = {}};
    for (const auto& family : all) {
        const double share = static_cast<double>(family.series) / static_cast<double>(total);
        table.rows.push_back(
            {family.metric, std::to_string(family.series), fmt::format("{:.2f}%", share * 100)});
    }
    table.rows.push_back({"Total", std::to_string(total), "100%"});
    fmt::print("{}", tableText(table, format, {.gap = 4, .minWidth = 4, .padsLast = true}));
}

int checkMetrics(const MetricsFlags& flags)
{
    if (!flags.extended && flags.lint == "none") {
        fmt::print(stderr,
                   "error: at least one of --extended or linting must be enabled\n"
                   "Use --extended for cardinality analysis, or remove --lint=none to enable "
                   "linting\n");
        return kFailed;
    }
    const std::string page((std::istreambuf_iterator<char>(std::cin)),
                           std::istreambuf_iterator<char>());
    const auto families = exposition::parseTextFamilies(page, {.utf8Names = true});
    if (!families.ok()) {
        fmt::print(stderr, "{}: {}\n",
                   flags.lint == "none" ? "error while parsing text to metric families"
                                        : "error while linting",
                   base::messageOf(families.status()));
        return kFailed;
    }
    std::vector<exposition::MetricFinding> findings;
    if (flags.lint != "none") {
        findings = exposition::lintFamilies(*families);
    }
    for (const exposition::MetricFinding& finding : findings) {
        fmt::print(stderr, "{} {}\n", finding.metric, finding.text);
    }
    if (flags.extended) {
        printCardinalities(*families, flags.format);
    }
    return findings.empty() ? kOk : kLintFindings;
}

} // namespace

void addCheckMetrics(CLI::App& check, int& exitCode)
{
    CLI::App* command = check.add_subcommand(
        "metrics", "Check a page of metrics on standard input against the conventions. Exit code "
                   "1: it cannot be read; 3: findings.");
    auto flags = std::make_shared<MetricsFlags>();
    command->add_flag("--extended", flags->extended, "Show how many series each metric has, too");
    command->add_option("--lint", flags->lint, "all or none")
        ->check(CLI::IsMember({"all", "none"}))
        ->capture_default_str();
    addFormat(*command, flags->format);
    command->footer("Example: curl -s http://localhost:9090/metrics | narthexctl check metrics "
                    "--extended");
    command->callback([flags, &exitCode] { exitCode = checkMetrics(*flags); });
}

} // namespace narthex::ctl
