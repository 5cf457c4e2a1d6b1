// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The list that opens at the cursor: what is offered, in which order, with which texts, and what
// happens to the query when an item is taken. Threads: complete() on any thread; the source says
// what it allows. Units: byte offsets. Source: spec/promql-editor.md, Completion contexts and
// sources, Item texts.
#pragma once

#include "core/base/time.h"
#include "core/model/sample.h"
#include "core/promql/editor.h"
#include "core/promql/editor/snippets.h"
#include "core/promql/editor/text_edit.h"
#include "core/promql/features.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

/// How often a thing was chosen before; more is better.
struct Usage
{
    std::uint32_t recent = 0;
    std::uint32_t stored = 0;
};

/// Where names come from. Answers at once, from what is cached; what is not there yet is left out.
class CompletionSource
{
public:
    virtual ~CompletionSource() = default;

    /// Sorted. Valid until the source changes.
    [[nodiscard]] virtual std::span<const std::string> metricNames() const = 0;
    [[nodiscard]] virtual std::optional<model::Metadata>
    metadata(std::string_view metric) const = 0;
    /// `selector` is empty for "of everything".
    [[nodiscard]] virtual std::vector<std::string> labelNames(std::string_view selector) const = 0;
    [[nodiscard]] virtual std::vector<std::string> labelValues(std::string_view label,
                                                               std::string_view selector) const = 0;
    /// Newest first.
    [[nodiscard]] virtual std::vector<std::string> history() const { return {}; }
    [[nodiscard]] virtual std::vector<Snippet> userSnippets() const { return {}; }
    [[nodiscard]] virtual Usage usage(CompletionKind, std::string_view) const { return {}; }
    /// False for functions that the server is too old for.
    [[nodiscard]] virtual bool knowsFunction(std::string_view) const { return true; }
    [[nodiscard]] virtual base::Duration scrapeInterval() const;
};

struct CompletionOptions
{
    Features features{};
    /// The user asked for the list by its key.
    bool requested = false;
    /// A metric as argument of rate() and its like gets a range.
    bool addRange = true;
    std::size_t maxItems = 1000;
};

struct CompletionItem
{
    enum class Action : std::uint8_t
    {
        Insert,
        /// The interface asks for a time and inserts it.
        PickTime,
        /// The interface lets several values be chosen: see alternativesEdit().
        PickValues
    };

    CompletionKind kind = CompletionKind::MetricName;
    std::string label;
    /// For the right edge: type, signature.
    std::string detail{};
    std::string documentation{};
    TextEdit edit{};
    /// Selected after the edit, in the new text; the cursor if both are equal.
    SourceRange selection{};
    /// Tab stops of a snippet, in the new text.
    std::vector<SnippetField> fields{};
    Action action = Action::Insert;
    /// The list opens again at the new place.
    bool reopens = false;
    /// Cannot be used until this feature is on; shown grey.
    std::string neededFeature{};
};

struct CompletionList
{
    CompletionContext context;
    std::vector<CompletionItem> items;
    /// So many more would fit: keep typing.
    std::size_t more = 0;
};

CompletionList complete(std::string_view text, std::size_t cursor, const CompletionSource& source,
                        const CompletionOptions& options);

/// Makes the label value at the cursor match any of these, as a regular expression.
TextEdit alternativesEdit(std::string_view text, const CompletionContext& context,
                          const std::vector<std::string>& values);

/// How well `typed` fits: smaller is better; absent: not at all. Exact, beginning, beginning of a
/// word, letters in this order.
std::optional<int> matchRank(std::string_view candidate, std::string_view typed);

/// Metadata of the metric itself, or worked out from the one it is a part of: `x_count`,
/// `x_bucket`.
std::optional<model::Metadata> metadataOf(const CompletionSource& source, std::string_view metric);

/// The selector that narrows labels and values at the cursor; empty: everything.
std::string selectorOf(const CompletionContext& context);

} // namespace narthex::promql::editor
