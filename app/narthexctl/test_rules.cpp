// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"
#include "query_features.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/rules/testing/test_runner.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <unistd.h>

namespace narthex::ctl {
namespace {

namespace rt = rules::testing;

struct RuleTestFlags
{
    std::vector<std::string> files;
    std::vector<std::string> run;
    bool difference = false;
    bool debug = false;
    bool ignoreUnknownFields = false;
    std::string junit;
};

void printDebug(const rt::TestFileReport& report)
{
    for (const rt::TestCase& test : report.cases) {
        if (test.skipped) {
            fmt::print("DEBUG: {}: skipped\n", test.title());
            continue;
        }
        fmt::print("DEBUG: {}: {} evaluations in {}\n", test.title(), test.evaluations,
                   base::formatDuration(test.duration));
        for (const std::string& line : test.dump) {
            fmt::print("DEBUG:   {}\n", line);
        }
    }
}

int testRules(const RuleTestFlags& flags, const promql::Features& features)
{
    base::WorkerPool pool;
    const base::SystemClock clock;
    const rt::TestRunner runner({.run = flags.run,
                                 .ignoreUnknownFields = flags.ignoreUnknownFields,
                                 .features = features,
                                 .dump = flags.debug},
                                pool, clock);
    const rt::ReportStyle style{.difference = flags.difference,
                                .colours = ::isatty(STDOUT_FILENO) != 0};
    std::vector<rt::TestFileReport> reports;
    bool failed = false;
    for (const std::string& file : flags.files) {
        fmt::print("Unit Testing:  {}\n", file);
        reports.push_back(runner.run(file));
        failed = failed || reports.back().failed();
        if (flags.debug) {
            printDebug(reports.back());
        }
        fmt::print("{}\n", rt::reportText(reports.back(), style));
    }
    if (!flags.junit.empty()) {
        const absl::Status status = base::writeFileAtomically(flags.junit, rt::junitXml(reports));
        if (!status.ok()) {
            fmt::print(stderr, "{}\n", base::messageOf(status));
            return kFailed;
        }
    }
    return failed ? kFailed : kOk;
}

} // namespace

void addTestRules(CLI::App& test, int& exitCode)
{
    CLI::App* command = test.add_subcommand(
        "rules", "Run unit tests of rules: input series, and the alerts and results to expect.");
    auto flags = std::make_shared<RuleTestFlags>();
    command->add_option("FILE", flags->files, "Files with tests")->required();
    command
        ->add_option("--run", flags->run,
                     "Only tests whose name this regular expression finds; may be repeated")
        ->allow_extra_args(false);
    command->add_flag("--diff", flags->difference, "Mark the lines that differ");
    command->add_flag("--debug", flags->debug, "Print times, and all series of each test");
    command->add_option("--junit", flags->junit,
                        "Also write the results to this file, as JUnit XML");
    command->add_flag("--ignore-unknown-fields", flags->ignoreUnknownFields,
                      "Fields that nobody knows are no mistake");
    addFeatureOption(*command);
    test.add_option("--junit", flags->junit,
                    "For test rules: also write the results to this file, as JUnit XML");
    command->footer("Example: narthexctl test rules --run 'disk.*' tests.yml");
    command->callback(
        [flags, command, &exitCode] { exitCode = testRules(*flags, queryFeatures(*command)); });
}

} // namespace narthex::ctl
