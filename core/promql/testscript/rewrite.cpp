// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/rewrite.h"

#include <algorithm>
#include <map>
#include <set>

namespace narthex::promql::testscript {
namespace {

struct Edits
{
    /// By line: what comes after it.
    std::map<std::uint32_t, std::vector<std::string>> inserted;
    std::set<std::uint32_t> removed;
};

Edits editsOf(const Report& report)
{
    Edits edits;
    for (const Failure& failure : report.failures) {
        if (failure.update) {
            edits.removed.insert(failure.update->valueLines.begin(),
                                 failure.update->valueLines.end());
            edits.inserted[failure.update->lastLine] = failure.update->lines;
        }
    }
    return edits;
}

} // namespace

std::string withFoundValues(std::string_view script, const Report& report)
{
    const Edits edits = editsOf(report);
    std::string result;
    for (std::uint32_t line = 1; !script.empty(); ++line) {
        const std::size_t end = std::min(script.find('\n'), script.size() - 1) + 1;
        if (!edits.removed.contains(line)) {
            result += script.substr(0, end);
        }
        script.remove_prefix(end);
        const auto added = edits.inserted.find(line);
        if (added == edits.inserted.end()) {
            continue;
        }
        if (!result.ends_with('\n')) {
            result += '\n';
        }
        for (const std::string& text : added->second) {
            result += "  " + text + "\n";
        }
    }
    return result;
}

} // namespace narthex::promql::testscript
