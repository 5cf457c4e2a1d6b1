// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes and any cursor through what an editor asks for: colours, completion, lint, corrections,
// formatting with comments, signatures, hover, the tree as JSON. The first byte places the cursor.
#include "core/base/status.h"
#include "core/promql/editor/ast_json.h"
#include "core/promql/editor/completion.h"
#include "core/promql/editor/format_text.h"
#include "core/promql/editor/hover.h"
#include "core/promql/editor/lint.h"
#include "core/promql/editor/signature.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::promql::editor;

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

class Source final : public CompletionSource
{
public:
    [[nodiscard]] std::span<const std::string> metricNames() const override { return names_; }
    [[nodiscard]] std::optional<model::Metadata> metadata(std::string_view) const override
    {
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> labelNames(std::string_view) const override
    {
        return {"job", "odd.name"};
    }
    [[nodiscard]] std::vector<std::string> labelValues(std::string_view,
                                                       std::string_view) const override
    {
        return {"a\"b", "c`d", "e\\f"};
    }

private:
    std::vector<std::string> names_ = {"my.metric", "up", "x_total"};
};

void check(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

void checkLint(std::string_view text, std::size_t cursor, bool valid)
{
    const auto findings = lint(text, {.features = kAll});
    bool anyError = false;
    for (const Finding& finding : findings) {
        anyError = anyError || finding.severity == Severity::Error;
        check(finding.range.begin <= finding.range.end && finding.range.end <= text.size());
        for (const Fix& fix : finding.fixes) {
            for (const TextEdit& edit : fix.edits) {
                check(edit.begin <= edit.end && edit.end <= text.size());
            }
            static_cast<void>(applyEdits(text, fix.edits));
        }
    }
    check(anyError != valid);
    static_cast<void>(lint(text, {.features = kAll, .typingAt = cursor}));
}

void checkFormat(std::string_view text, std::size_t cursor)
{
    const auto once = formatText(text, kAll, cursor);
    check(once.ok() && once->cursor <= once->text.size());
    const auto twice = formatText(once->text, kAll);
    check(twice.ok() && twice->text == once->text);
    check(print(**parse(text, kAll)) == print(**parse(once->text, kAll)));
    const auto compact = compactText(text, kAll, cursor);
    check(compact.ok() && parse(compact->text, kAll).ok());
    base::ignore(formatSelection(text, cursor, text.size(), kAll).status(), "it may be no whole");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t cursor = text.size() * data[0] / 255;
    for (const ColouredSpan& span : highlight(text)) {
        check(span.begin < span.end && span.end <= text.size());
    }
    const ParseOutcome outcome = parseAll(text, kAll);
    checkLint(text, cursor, outcome.expr != nullptr);
    const CompletionOptions options{.features = kAll, .requested = true};
    const CompletionList list = complete(text, cursor, Source(), options);
    for (const CompletionItem& item : list.items) {
        const std::string changed = applyEdits(text, {item.edit});
        check(item.selection.begin <= item.selection.end && item.selection.end <= changed.size());
    }
    static_cast<void>(signatureHelp(text, cursor));
    static_cast<void>(hoverAt(text, cursor, {.features = kAll}));
    if (outcome.expr) {
        checkFormat(text, cursor);
        std::string json;
        base::JsonWriter writer(json);
        writeTree(writer, *outcome.expr);
    }
    return 0;
}
