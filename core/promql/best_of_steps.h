// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The k largest or smallest values at each step, of rows that come one after another: topk and
// bottomk of one group. Keeps at most k values a step, no rows.
// Owner: the evaluation of one aggregation. Threads: different ranges of steps at once.
// Source: spec/promql.md, Aggregations, topk.
#pragma once

#include "core/promql/batch.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narthex::promql {

class BestOfSteps
{
public:
    struct Entry
    {
        double value = 0;
        /// The number of the row.
        std::uint32_t row = 0;
    };

    /// `counts`: k for each step; outlives this object.
    BestOfSteps(bool largest, std::span<const std::uint32_t> counts);

    /// Makes room for one more row; to be called before it is added, by one thread alone.
    void expectRow();
    /// The numbers among the steps [from, to) of a row. Of equal values the row that came first
    /// counts.
    void add(const Row& row, std::uint32_t number, std::size_t from, std::size_t to);
    /// The best at a step, best first; NaN is the worst. Valid until the next call.
    std::span<const Entry> take(std::size_t step);

private:
    /// Whether a belongs before b in the result.
    [[nodiscard]] bool isBefore(const Entry& a, const Entry& b) const;
    /// The entries of a step are a heap with the worst on top.
    void replaceWorst(std::span<Entry> heap, Entry entry) const;

    const bool largest_;
    const std::span<const std::uint32_t> counts_;
    const std::uint32_t most_; // the largest count
    std::uint32_t rows_ = 0;
    // So many entries for each step: grows with the rows up to most_.
    std::uint32_t stride_ = 0;
    std::vector<std::uint32_t> used_;
    std::vector<Entry> entries_;
};

} // namespace narthex::promql
