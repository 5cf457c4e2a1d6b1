// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text through the parser, the printer, the formatter and the editor functions. What parses
// must parse again after printing and after formatting, to the same text.
#include "core/promql/editor.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"
#include "core/promql/series_description.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::promql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    constexpr Features kAll{
        .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};
    const ParseOutcome outcome = parseAll(text, kAll);
    if (outcome.expr) {
        const std::string printed = print(*outcome.expr);
        const auto again = parse(printed, kAll);
        const std::string formatted = format(*outcome.expr);
        const auto formattedAgain = parse(formatted, kAll);
        if (!again.ok() || !formattedAgain.ok() || print(**again) != printed ||
            format(**formattedAgain) != formatted) {
            std::abort();
        }
    } else if (outcome.errors.empty()) {
        std::abort();
    }
    for (const ParseError& error : outcome.errors) {
        if (error.range.begin > size || error.range.end > size) {
            std::abort();
        }
    }
    static_cast<void>(parseSelector(text));
    static_cast<void>(highlight(text));
    static_cast<void>(completionContext(text, size / 2));
    static_cast<void>(completionContext(text, size));
    // Repetitions may be long by right: keep them short here.
    if (text.find('x') == std::string_view::npos) {
        static_cast<void>(parseSeriesDescription(text));
    }
    return 0;
}
