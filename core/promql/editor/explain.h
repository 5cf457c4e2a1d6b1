// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One node of a query that ran with a trace, explained: sentences, and tables of what went in and
// came out. Threads: pure functions. Units: bytes in ranges, milliseconds in times.
// Source: spec/promql-editor.md, Explain views.
#pragma once

#include "core/promql/ast.h"
#include "core/promql/plan.h"
#include "core/promql/value.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::promql::editor {

struct ExplainTable
{
    struct Row
    {
        std::vector<std::string> cells;
        /// Not in the result: shown grey.
        bool dropped = false;
    };
    std::string title;
    std::vector<std::string> columns;
    std::vector<Row> rows;
};

struct Explanation
{
    std::vector<std::string> sentences;
    std::vector<ExplainTable> tables;
};

struct ExplainOptions
{
    /// The query's own times, for `@`, offsets and subqueries.
    QuerySpan span{};
    std::size_t maxRows = 100;
};

/// `nodes` are those of the result of `root`, which was traced; `index` is one of them. A matching
/// of two vectors has an explanation of its own: see explainMatching().
Explanation explainNode(const Expr& root, std::span<const NodeResult> nodes, std::size_t index,
                        const ExplainOptions& options);

/// The node with this index in pre-order; null if there is none.
const Expr* nodeAt(const Expr& root, std::size_t index);

/// How rate(), increase() or delta() come to their value for one series, step by step.
struct RateSteps
{
    double first = 0;
    double last = 0;
    std::size_t samples = 0;
    std::size_t resets = 0;
    /// What resets had lost.
    double correction = 0;
    /// last - first + correction
    double difference = 0;
    // Seconds.
    double sampledSeconds = 0;
    double averageInterval = 0;
    double extendedBefore = 0;
    double extendedBehind = 0;
    /// The counter would have been below zero: the extension ends at zero.
    bool cutAtZero = false;
    double result = 0;
};

/// Absent for fewer than two samples. `points` lie in (begin, end] in ascending order.
std::optional<RateSteps> explainRate(std::span<const Point> points, base::Timestamp begin,
                                     base::Timestamp end, std::string_view function);

/// What histogram_quantile() does with the buckets of one group.
struct QuantileSteps
{
    struct Bucket
    {
        double upper = 0;
        double cumulative = 0;
        /// Of all observations.
        double share = 0;
        /// The count had to be raised to that of the bucket before.
        bool repaired = false;
    };
    std::vector<Bucket> buckets;
    double rank = 0;
    /// Index of the bucket that the rank falls into; absent when there is no value.
    std::optional<std::size_t> chosen;
    double result = 0;
};
QuantileSteps explainQuantile(double q, std::vector<std::pair<double, double>> boundsAndCounts);

} // namespace narthex::promql::editor
