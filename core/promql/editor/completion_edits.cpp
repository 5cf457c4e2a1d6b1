// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/completion_edits.h"

#include "core/model/labels.h"
#include "core/promql/function_table.h"
#include "core/promql/lexer.h"

#include <re2/re2.h>

#include <algorithm>

namespace narthex::promql::editor {
namespace {

bool takesRange(std::string_view callee, std::size_t argument)
{
    const FunctionInfo* function = findFunction(callee);
    return function != nullptr && function->typeCount > 0 &&
           function->argumentType(argument) == ValueType::Matrix;
}

std::string regexEscaped(std::string_view value) { return re2::RE2::QuoteMeta(value); }

/// The value as a whole string token, in quotes that suit it.
std::string quoted(char preferred, std::string_view value)
{
    const char quote = preferred == '`' && value.find('`') != std::string_view::npos ? '"'
                       : preferred == 0                                              ? '"'
                                                                                     : preferred;
    return quote + escapeFor(quote, value) + quote;
}

} // namespace

std::string escapeFor(char quote, std::string_view text)
{
    if (quote == '`') {
        return std::string(text);
    }
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || c == quote) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

char CompletionEdits::next() const
{
    const std::size_t at = text_.find_first_not_of(" \t\r\n", context_.end);
    return at == std::string_view::npos ? '\0' : text_[at];
}

bool CompletionEdits::insideBraces() const
{
    return std::find(context_.kinds.begin(), context_.kinds.end(), CompletionKind::LabelName) !=
           context_.kinds.end();
}

void CompletionEdits::put(CompletionItem& item, std::string text, std::size_t back) const
{
    const auto at = static_cast<std::uint32_t>(context_.begin + text.size() - back);
    item.edit = {context_.begin, context_.end, std::move(text)};
    item.selection = {at, at};
}

void CompletionEdits::withBrackets(CompletionItem& item, bool cursorInside) const
{
    if (next() == '(') {
        return put(item, item.label);
    }
    put(item, item.label + "()", cursorInside ? 1 : 0);
    item.reopens = cursorInside;
}

void CompletionEdits::function(CompletionItem& item) const
{
    const FunctionInfo* info =
        item.kind == CompletionKind::Function ? findFunction(item.label) : nullptr;
    withBrackets(item, info == nullptr || info->maxArguments > 0);
}

void CompletionEdits::metric(CompletionItem& item) const
{
    const std::string& name = item.label;
    if (context_.quote != 0) {
        return labelValue(item);
    }
    if (insideBraces()) {
        return put(item, quoted('"', name));
    }
    if (!model::isLegacyMetricName(name)) {
        if (next() == '{') { // its matchers stay
            put(item, "{" + quoted('"', name) + ",");
            item.edit.end = static_cast<std::uint32_t>(text_.find('{', context_.end) + 1);
            return;
        }
        return put(item, "{" + quoted('"', name) + "}");
    }
    const bool bare = next() != '{' && next() != '[';
    if (!options_.addRange || !bare || !takesRange(context_.callee, context_.argument)) {
        return put(item, name);
    }
    constexpr std::string_view kRange = "5m";
    put(item, name + "[" + std::string(kRange) + "]");
    const std::uint32_t begin = item.selection.end - static_cast<std::uint32_t>(kRange.size()) - 1;
    item.selection = {begin, item.selection.end - 1};
}

void CompletionEdits::labelName(CompletionItem& item) const
{
    if (context_.quote != 0) {
        return labelValue(item);
    }
    const std::string name =
        model::isLegacyLabelName(item.label) ? item.label : quoted('"', item.label);
    // Lists of on(…) and by (…) have names only; a matcher there is goes on.
    const std::size_t brace = text_.rfind('{', context_.begin);
    const std::size_t paren = text_.rfind('(', context_.begin);
    const bool inSelector =
        brace != std::string_view::npos && (paren == std::string_view::npos || paren < brace);
    const char follows = next();
    if (!inSelector || follows == '=' || follows == '!') {
        return put(item, name);
    }
    put(item, name + "=\"\"", 1);
    item.reopens = true;
}

void CompletionEdits::labelValue(CompletionItem& item) const
{
    std::string value = item.label;
    if (context_.isRegex && item.kind == CompletionKind::LabelValue) {
        value = regexEscaped(value);
    }
    if (context_.quote == '`' && value.find('`') != std::string_view::npos) {
        put(item, quoted('"', value));
        item.edit.begin = context_.begin - 1;
        item.edit.end = context_.end + (context_.isClosed ? 1U : 0U);
        --item.selection.begin;
        --item.selection.end;
        return;
    }
    std::string text = escapeFor(context_.quote, value);
    if (context_.isClosed) {
        return put(item, std::move(text));
    }
    put(item, std::move(text) + context_.quote);
}

void CompletionEdits::snippet(CompletionItem& item) const
{
    ExpandedSnippet expanded = expandSnippet(item.edit.text);
    item.fields = std::move(expanded.fields);
    put(item, std::move(expanded.text));
    for (SnippetField& field : item.fields) {
        field.range.begin += context_.begin;
        field.range.end += context_.begin;
    }
    if (!item.fields.empty()) {
        item.selection = item.fields.front().range;
    }
}

void CompletionEdits::history(CompletionItem& item) const
{
    const auto size = static_cast<std::uint32_t>(item.edit.text.size());
    item.edit.begin = 0;
    item.edit.end = static_cast<std::uint32_t>(text_.size());
    item.selection = {size, size};
}

void CompletionEdits::prepare(CompletionItem& item) const
{
    switch (item.kind) {
    case CompletionKind::MetricName:
        return metric(item);
    case CompletionKind::LabelName:
        return labelName(item);
    case CompletionKind::LabelValue:
        return labelValue(item);
    case CompletionKind::Function:
    case CompletionKind::Aggregation:
        return function(item);
    case CompletionKind::AggregateModifier:
        return withBrackets(item, true);
    case CompletionKind::BinaryModifier:
        return withBrackets(item, true);
    case CompletionKind::DurationFunction:
        return withBrackets(item, item.label == "min_of" || item.label == "max_of");
    case CompletionKind::AtArgument:
        if (item.action == CompletionItem::Action::PickTime) {
            return put(item, {});
        }
        return withBrackets(item, false);
    case CompletionKind::Snippet:
        return snippet(item);
    case CompletionKind::History:
        return history(item);
    case CompletionKind::Bool:
    case CompletionKind::Offset:
        return put(item, item.label + " ");
    case CompletionKind::BinaryOperator:
    case CompletionKind::MatchOperator:
    case CompletionKind::Duration:
    case CompletionKind::DurationOperator:
    case CompletionKind::Number:
        return put(item, item.label);
    }
}

TextEdit alternativesEdit(std::string_view text, const CompletionContext& context,
                          const std::vector<std::string>& values)
{
    std::string alternatives;
    for (const std::string& value : values) {
        alternatives += (alternatives.empty() ? "" : "|") + regexEscaped(value);
    }
    const char quote = context.quote == 0 ? '"' : context.quote;
    TextEdit edit{context.begin, context.end, {}};
    const bool switches = quote == '`' && alternatives.find('`') != std::string::npos;
    if (!switches) {
        edit.text = escapeFor(quote, alternatives);
        if (!context.isClosed && context.end <= text.size()) {
            edit.text += quote;
        }
        return edit;
    }
    edit.text = quoted('"', alternatives);
    --edit.begin;
    edit.end += context.isClosed ? 1U : 0U;
    return edit;
}

} // namespace narthex::promql::editor
