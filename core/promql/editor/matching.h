// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a binary operator brings two vectors together, to be shown: groups, partners, what is left
// over and why, and what would make an impossible match possible.
// Threads: pure functions. Source: spec/promql-editor.md, Matching explained.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/value.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::promql::editor {

enum class RowMark : std::uint8_t
{
    /// Took part in the result.
    Result,
    /// The comparison did not hold.
    Filtered,
    /// The two kinds of values do not go together.
    WrongTypes,
    /// Nothing on the other side.
    NoPartner,
    /// Matched with a filled-in number.
    Filled,
    /// The group has an error.
    Error
};

/// What comes closest on the other side.
struct NearestPartner
{
    model::Labels labels;
    /// The first label that differs, and its values here and there; empty: it is absent.
    std::string label;
    std::string here;
    std::string there;
};

struct MatchedRow
{
    VectorElement element;
    RowMark mark = RowMark::Result;
    std::optional<NearestPartner> nearest{};
};

struct ResultRow
{
    VectorElement element;
    /// The row of the many side (the left one for one-to-one) whose colour it has; absent for a
    /// filled-in one.
    std::optional<std::size_t> source{};
    RowMark mark = RowMark::Result;
};

struct MatchGroup
{
    model::Labels labels;
    std::vector<MatchedRow> left;
    std::vector<MatchedRow> right;
    std::vector<ResultRow> results;
    std::size_t leftCount = 0;
    std::size_t rightCount = 0;
    /// Why the query fails here; empty if it does not.
    std::string error{};
};

struct MatchFix
{
    std::string title;
    /// The whole operation with the change, on one line.
    std::string query;
};

struct MatchExplanation
{
    /// What the operator, its lists and its modifiers do, one sentence each.
    std::vector<std::string> sentences;
    /// At most MatchLimits::groups; those with errors first.
    std::vector<MatchGroup> groups;
    std::size_t groupCount = 0;
    std::size_t matched = 0;
    std::size_t leftOnly = 0;
    std::size_t rightOnly = 0;
    std::size_t errors = 0;
    /// Labels that, matched on as well, make every row of the one side unique; absent if none do.
    std::optional<std::vector<std::string>> uniqueLabels{};
    std::vector<MatchFix> fixes{};
};

struct MatchLimits
{
    std::size_t groups = 100;
    std::size_t rows = 100;
};

/// `expr` is a binary operation on two vectors, `left` and `right` what its sides gave.
MatchExplanation explainMatching(const Expr& expr, const Vector& left, const Vector& right,
                                 const MatchLimits& limits = {});

} // namespace narthex::promql::editor
