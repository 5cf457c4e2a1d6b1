// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/explain.h"
#include "core/promql/editor/selector_text.h"
#include "core/promql/lexer.h"

#include <fmt/format.h>

namespace narthex::promql::editor {
namespace {

std::size_t seriesOf(const LintData& data, const std::string& selector)
{
    const auto rows = data.evaluate(fmt::format("count({})", selector));
    return rows && rows->size() == 1 ? static_cast<std::size_t>(rows->front().value) : 0;
}

} // namespace

ExplainTable explainMatchers(std::string_view text, const Expr& expr, const LintData& data)
{
    const LexResult lexed = lex(text, LexMode::Tolerant);
    const SelectorText selector = selectorText(text, lexed.tokens, expr.range);
    const SourceRange core{expr.range.begin, selector.coreEnd};
    ExplainTable table{.title = "Matchers", .columns = {"matcher", "series without it", "removes"}};
    const std::size_t all =
        seriesOf(data, std::string(text.substr(core.begin, core.end - core.begin)));
    for (const MatcherText& matcher : selector.matchers) {
        const SourceRange whole = matcher.whole();
        const std::size_t without = seriesOf(data, withoutMatcher(text, core, matcher));
        // Without its only matcher a selector would mean everything, which no query may.
        const bool alone = !selector.name && selector.matchers.size() == 1;
        table.rows.push_back(
            {.cells = {std::string(text.substr(whole.begin, whole.end - whole.begin)),
                       alone ? "" : std::to_string(without),
                       alone || without < all ? "" : std::to_string(without - all)}});
    }
    return table;
}

} // namespace narthex::promql::editor
