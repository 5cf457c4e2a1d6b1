// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Running aggregates of one group over all steps: rows are added as they come, none is kept.
// Owner: the evaluation of one aggregation. Threads: different ranges of steps at once, as
// Run::forStepRanges() makes them, as long as the rows have no histograms; else one. The order of
// rows is the same in each range, so results do not depend on how many threads there are. Source:
// spec/promql.md, Aggregations.
#pragma once

#include "core/promql/batch.h"
#include "core/promql/notes.h"
#include "core/promql/token.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace narthex::promql {

class Accumulator
{
public:
    virtual ~Accumulator() = default;
    /// The steps [from, to) of a row.
    virtual void add(const Row& row, std::size_t from, std::size_t to) = 0;
    /// Writes the cells of the result; `out` has its size already.
    virtual void finish(Row& out, NoteBits& notes) = 0;
    /// Histograms were left out.
    [[nodiscard]] bool ignoredHistograms() const { return ignoredHistograms_; }

protected:
    bool ignoredHistograms_ = false;
};

/// Null for aggregations that need all rows at once.
std::unique_ptr<Accumulator> makeAccumulator(TokenKind op, std::size_t steps);

} // namespace narthex::promql
