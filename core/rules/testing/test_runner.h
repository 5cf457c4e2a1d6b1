// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs files with unit tests of rules. Owner: narthexctl, a test. Threads: one. Errors: what is
// wrong with a file is in its report. Source: spec/rules.md, 12.
#pragma once

#include "core/rules/rule_file.h"
#include "core/rules/testing/test_run.h"

#include <string>
#include <vector>

namespace narthex::rules::testing {

struct TestOptions
{
    /// Only tests whose name one of these expressions finds; none: all.
    std::vector<std::string> run;
    bool ignoreUnknownFields = false;
    promql::Features features{};
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    /// Switches of the engine.
    bool atModifier = true;
    bool negativeOffset = true;
    /// Fill in TestCase::dump.
    bool dump = false;
};

class TestRunner
{
public:
    /// `pool` and `clock` outlive the runner.
    TestRunner(TestOptions options, base::WorkerPool& pool, const base::Clock& clock);

    [[nodiscard]] TestFileReport run(const std::string& file) const;

private:
    absl::Status load(const std::string& path, TestFile& file, std::vector<RuleGroup>& groups,
                      std::vector<std::string>& warnings) const;

    const TestOptions options_;
    base::WorkerPool& pool_;
    const base::Clock& clock_;
};

} // namespace narthex::rules::testing
