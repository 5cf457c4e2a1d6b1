// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::promql::testscript {

std::string escapedXml(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        switch (c) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '>':
            result += "&gt;";
            break;
        case '"':
            result += "&quot;";
            break;
        case '\n':
        case '\t':
            result += c;
            break;
        default:
            result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
    }
    return result;
}

namespace {

std::string caseXml(std::string_view file, std::uint32_t line, std::string_view query,
                    const Report& report)
{
    std::string failures;
    for (const Failure& failure : report.failures) {
        if (failure.line == line) {
            const std::string_view first =
                std::string_view(failure.text).substr(0, failure.text.find('\n'));
            failures += fmt::format("      <failure message=\"{}\">{}</failure>\n",
                                    escapedXml(first), escapedXml(failureText(failure)));
        }
    }
    const std::string head = fmt::format("    <testcase classname=\"{}\" name=\"line {}: {}\"",
                                         escapedXml(file), line, escapedXml(query));
    return failures.empty() ? head + "/>\n" : head + ">\n" + failures + "    </testcase>\n";
}

} // namespace

std::string junitXml(std::span<const FileReport> files)
{
    std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
    for (const auto& [file, report] : files) {
        std::string cases;
        std::set<std::uint32_t> known;
        for (const Case& entry : report.cases) {
            known.insert(entry.line);
            cases += caseXml(file, entry.line, entry.query, report);
        }
        // A script that does not parse, a load that fails.
        for (const Failure& failure : report.failures) {
            if (known.insert(failure.line).second) {
                cases += caseXml(file, failure.line, failure.query, report);
            }
        }
        std::set<std::uint32_t> failed;
        for (const Failure& failure : report.failures) {
            failed.insert(failure.line);
        }
        xml += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n{}"
                           "  </testsuite>\n",
                           escapedXml(file), known.size(), failed.size(), cases);
    }
    return xml + "</testsuites>\n";
}

} // namespace narthex::promql::testscript
