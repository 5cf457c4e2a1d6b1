// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What came of unit tests of rules: as data, as text, and as the XML that build servers read.
// Owner: values. Threads: pure functions. Source: spec/rules.md, 12.8 and 12.9. Format: JUnit.
#pragma once

#include "core/base/time.h"

#include <absl/status/status.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::rules::testing {

/// One check that failed, or a rule.
struct TestFailure
{
    /// "alertname: InstanceDown", "expr: \"up\"", "group: g, rule: r".
    std::string subject;
    /// Since the start of the test.
    base::Duration time;
    /// Why there is nothing to compare; empty: the two below differ.
    std::string error;
    std::vector<std::string> expected;
    std::vector<std::string> found;
    /// In the test file; 0: none.
    std::uint32_t line = 0;
};

struct TestCase
{
    /// Empty: see title().
    std::string name;
    std::size_t index = 0;
    /// The filter did not want it.
    bool skipped = false;
    std::vector<TestFailure> failures;
    base::Duration duration;
    std::size_t evaluations = 0;
    /// With TestOptions::dump: every series with its samples.
    std::vector<std::string> dump;

    /// The name, or `unnamed#<index>`.
    [[nodiscard]] std::string title() const;
};

struct TestFileReport
{
    std::string file;
    /// Why the file could not be used at all.
    absl::Status status;
    std::vector<std::string> warnings;
    std::vector<TestCase> cases;
    [[nodiscard]] bool failed() const;
};

struct ReportStyle
{
    /// Lines that differ are marked.
    bool difference = false;
    /// … in red and green.
    bool colours = false;
};

/// Lines for one failure, indented, without the name of its test.
std::string failureText(const TestFailure& failure, const ReportStyle& style);
/// Lines for a file as `test rules` prints them.
std::string reportText(const TestFileReport& report, const ReportStyle& style);
std::string junitXml(std::span<const TestFileReport> files);

} // namespace narthex::rules::testing
