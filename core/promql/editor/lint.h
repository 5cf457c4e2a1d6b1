// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is wrong with a query or probably meant otherwise, while it is typed: every error of the
// engine, and advice, each with the place and with ready corrections.
// Threads: pure functions; LintData is asked from the calling thread. Units: byte offsets.
// Source: spec/promql-editor.md, Lint, Quick fixes.
#pragma once

#include "core/base/time.h"
#include "core/model/sample.h"
#include "core/promql/editor/text_edit.h"
#include "core/promql/features.h"
#include "core/promql/token.h"
#include "core/promql/value.h"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

enum class Severity : std::uint8_t
{
    /// It will not run.
    Error,
    /// It runs, and is probably wrong.
    Warning,
    /// Style.
    Hint
};

struct Fix
{
    /// "Add bool"
    std::string title;
    /// One undo step.
    std::vector<TextEdit> edits;
};

struct Finding
{
    /// "rate-on-gauge"; "syntax" for what the engine would refuse.
    std::string id;
    Severity severity = Severity::Warning;
    SourceRange range;
    std::string message;
    std::vector<Fix> fixes{};
};

/// What is known of the data without asking the store again and again.
class LintFacts
{
public:
    virtual ~LintFacts() = default;
    [[nodiscard]] virtual std::optional<model::Metadata> metadata(std::string_view) const
    {
        return std::nullopt;
    }
    /// False for functions that the server is too old for.
    [[nodiscard]] virtual bool knowsFunction(std::string_view) const { return true; }
};

/// The data itself: small queries at the panel's end time.
class LintData
{
public:
    virtual ~LintData() = default;
    /// The elements of an instant vector; absent when the query fails.
    [[nodiscard]] virtual std::optional<Vector> evaluate(std::string_view query) const = 0;
    [[nodiscard]] virtual std::span<const std::string> metricNames() const = 0;
    /// Of the series that match; absent if unknown.
    [[nodiscard]] virtual std::optional<base::Duration>
    scrapeInterval(std::string_view selector) const = 0;
};

struct LintOptions
{
    Features features{};
    /// While typing, what is not finished at the cursor is no error yet.
    std::optional<std::size_t> typingAt{};
    /// The query is drawn: its step; absent for a table.
    std::optional<base::Duration> step{};
    std::optional<base::Duration> lookback{};
    /// For the estimate of big-query: steps × samples.
    std::uint64_t maxSamples = 50'000'000;
    std::size_t steps = 1;
    /// Ids that are switched off.
    std::set<std::string, std::less<>> disabled{};
};

/// Sorted by place. `facts` may be null.
std::vector<Finding> lint(std::string_view text, const LintOptions& options,
                          const LintFacts* facts = nullptr);

/// The checks that ask the data; nothing for a text with errors.
std::vector<Finding> lintWithData(std::string_view text, const LintOptions& options,
                                  const LintData& data);

} // namespace narthex::promql::editor
