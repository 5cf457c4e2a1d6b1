// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Running aggregates of one group over all steps: rows are added as they come, none is kept.
// Owner: the evaluation of one aggregation. Threads: one. Source: spec/promql.md, Aggregations.
#pragma once

#include "core/promql/batch.h"
#include "core/promql/notes.h"
#include "core/promql/token.h"

#include <memory>
#include <string_view>

namespace narthex::promql {

class Accumulator
{
public:
    virtual ~Accumulator() = default;
    virtual void add(const Row& row) = 0;
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
