// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/testing/test_runner.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <absl/strings/str_join.h>
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>

namespace narthex::rules::testing {
namespace {

/// Listed groups stand where the list says, all others with the first of them.
void sortGroups(std::vector<RuleGroup>& groups, const std::vector<std::string>& order)
{
    const auto place = [&order](const RuleGroup& group) {
        const auto found = std::find(order.begin(), order.end(), group.name);
        return found == order.end() ? 0 : found - order.begin();
    };
    std::stable_sort(groups.begin(), groups.end(),
                     [&](const RuleGroup& a, const RuleGroup& b) { return place(a) < place(b); });
}

} // namespace

TestRunner::TestRunner(TestOptions options, base::WorkerPool& pool, const base::Clock& clock)
    : options_(std::move(options)), pool_(pool), clock_(clock)
{}

absl::Status TestRunner::load(const std::string& path, TestFile& file,
                              std::vector<RuleGroup>& groups,
                              std::vector<std::string>& warnings) const
{
    NARTHEX_ASSIGN_OR_RETURN(file, loadTestFile(path, options_.ignoreUnknownFields));
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::string problems;
    for (const std::string& pattern : file.ruleFiles) {
        const std::vector<std::string> files = base::matchFiles((folder / pattern).string());
        if (files.empty()) {
            warnings.push_back(fmt::format("no file match pattern {}", pattern));
        }
        for (const std::string& each : files) {
            auto rules = loadRuleFile(each, {.features = options_.features,
                                             .nameScheme = options_.nameScheme,
                                             .ignoreUnknownFields = options_.ignoreUnknownFields});
            if (!rules.ok()) {
                problems += problems.empty() ? "" : "\n";
                problems += base::messageOf(rules.status());
                continue;
            }
            warnings.insert(warnings.end(), rules->warnings.begin(), rules->warnings.end());
            std::move(rules->groups.begin(), rules->groups.end(), std::back_inserter(groups));
        }
    }
    sortGroups(groups, file.groupEvalOrder);
    return problems.empty() ? absl::OkStatus() : absl::InvalidArgumentError(problems);
}

TestFileReport TestRunner::run(const std::string& path) const
{
    TestFileReport report{.file = path, .status = {}, .warnings = {}, .cases = {}};
    const RE2 filter(absl::StrJoin(options_.run, "|"), RE2::Quiet);
    if (!filter.ok()) {
        report.status = base::invalidArgument("--run: {}", filter.error());
        return report;
    }
    TestFile file;
    std::vector<RuleGroup> groups;
    report.status = load(path, file, groups, report.warnings);
    if (!report.status.ok()) {
        return report;
    }
    const TestSetting setting{.file = file,
                              .groups = groups,
                              .engine = {.maxSamples = 10'000,
                                         .timeout = 100_s,
                                         .lookback = 5_min,
                                         .defaultSubqueryStep = file.evaluationInterval,
                                         .atModifier = options_.atModifier,
                                         .negativeOffset = options_.negativeOffset,
                                         .features = options_.features},
                              .pool = pool_,
                              .clock = clock_};
    for (std::size_t i = 0; i < file.tests.size(); ++i) {
        const RuleTest& test = file.tests[i];
        TestCase result{.name = test.name, .index = i};
        if (!options_.run.empty() && !RE2::PartialMatch(test.name, filter)) {
            result.skipped = true;
        } else {
            const base::Duration begin = clock_.monotonic();
            TestRun run(test, setting);
            run.run(result);
            result.duration = clock_.monotonic() - begin;
            if (options_.dump) {
                result.dump = run.dump();
            }
        }
        report.cases.push_back(std::move(result));
    }
    return report;
}

} // namespace narthex::rules::testing
