// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/testing/test_report.h"

#include "core/base/status.h"
#include "core/promql/testscript/junit.h"

#include <algorithm>

namespace narthex::rules::testing {
namespace {

using promql::testscript::escapedXml;

constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string listText(const std::vector<std::string>& lines, std::string_view indent)
{
    if (lines.empty()) {
        return " []\n";
    }
    std::string text = "\n";
    for (const std::string& line : lines) {
        text += fmt::format("{}{}\n", indent, line);
    }
    return text;
}

/// Both lists are sorted: a merge tells what is on one side alone.
std::string differenceText(const TestFailure& failure, bool colours)
{
    std::string text;
    const auto line = [&](char mark, const std::string& content) {
        const std::string_view colour = mark == '-' ? kRed : mark == '+' ? kGreen : "";
        const bool coloured = colours && !colour.empty();
        text += fmt::format("        {}{} {}{}\n", coloured ? colour : "", mark, content,
                            coloured ? kPlain : "");
    };
    auto expected = failure.expected.begin();
    auto found = failure.found.begin();
    while (expected != failure.expected.end() || found != failure.found.end()) {
        if (found == failure.found.end() ||
            (expected != failure.expected.end() && *expected < *found)) {
            line('-', *expected++);
        } else if (expected == failure.expected.end() || *found < *expected) {
            line('+', *found++);
        } else {
            line(' ', *expected++);
            ++found;
        }
    }
    return text;
}

std::string caseXml(const std::string& file, const TestCase& test)
{
    std::string inside = test.skipped ? "      <skipped/>\n" : "";
    for (const TestFailure& failure : test.failures) {
        const std::string text = failureText(failure, {});
        const std::string first =
            fmt::format("{}, time: {}", failure.subject, base::formatDuration(failure.time));
        inside += fmt::format("      <failure message=\"{}\">{}</failure>\n", escapedXml(first),
                              escapedXml(text));
    }
    const std::string head =
        fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", escapedXml(file),
                    escapedXml(test.title()), test.duration.seconds());
    return inside.empty() ? head + "/>\n" : head + ">\n" + inside + "    </testcase>\n";
}

} // namespace

std::string TestCase::title() const
{
    return name.empty() ? fmt::format("unnamed#{}", index) : name;
}

bool TestFileReport::failed() const
{
    return !status.ok() || std::any_of(cases.begin(), cases.end(),
                                       [](const TestCase& test) { return !test.failures.empty(); });
}

std::string failureText(const TestFailure& failure, const ReportStyle& style)
{
    std::string text = fmt::format("    {}{}, time: {}",
                                   failure.line > 0 ? fmt::format("line {}: ", failure.line) : "",
                                   failure.subject, base::formatDuration(failure.time));
    if (!failure.error.empty()) {
        return text + ", err: " + failure.error + "\n";
    }
    text += ",\n";
    if (style.difference) {
        return text + differenceText(failure, style.colours);
    }
    return text + "        exp:" + listText(failure.expected, "            ") +
           "        got:" + listText(failure.found, "            ");
}

std::string reportText(const TestFileReport& report, const ReportStyle& style)
{
    std::string text;
    for (const std::string& warning : report.warnings) {
        text += fmt::format("  WARNING: {}\n", warning);
    }
    if (!report.status.ok()) {
        return text + fmt::format("  FAILED:\n{}\n", base::messageOf(report.status));
    }
    if (!report.failed()) {
        return text + "  SUCCESS\n";
    }
    text += "  FAILED:\n";
    for (const TestCase& test : report.cases) {
        if (!test.failures.empty()) {
            text += fmt::format("  {}:\n", test.title());
            for (const TestFailure& failure : test.failures) {
                text += failureText(failure, style);
            }
        }
    }
    return text;
}

std::string junitXml(std::span<const TestFileReport> files)
{
    std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
    for (const TestFileReport& report : files) {
        std::string cases;
        std::size_t count = 0;
        std::size_t failures = 0;
        std::size_t skipped = 0;
        for (const TestCase& test : report.cases) {
            cases += caseXml(report.file, test);
            ++count;
            failures += test.failures.empty() ? 0U : 1U;
            skipped += test.skipped ? 1U : 0U;
        }
        if (!report.status.ok() || count == 0) {
            TestCase whole{.name = report.file};
            if (!report.status.ok()) {
                whole.failures.push_back({.subject = "file",
                                          .time = {},
                                          .error = std::string(base::messageOf(report.status)),
                                          .expected = {},
                                          .found = {}});
                ++failures;
            }
            cases += caseXml(report.file, whole);
            ++count;
        }
        xml += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
                           "skipped=\"{}\">\n{}  </testsuite>\n",
                           escapedXml(report.file), count, failures, skipped, cases);
    }
    return xml + "</testsuites>\n";
}

} // namespace narthex::rules::testing
