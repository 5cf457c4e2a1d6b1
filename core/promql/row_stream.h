// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hands the series of a source over in batches that use the same memory one after the other.
// Threads: the query's own; the source spreads each batch over the pool. Errors: those of source
// and sink.
#pragma once

#include "core/base/status.h"
#include "core/promql/eval.h"

#include <algorithm>
#include <span>

namespace narthex::promql {

/// Few enough to stay in the processor's cache with all their steps, enough to share among threads.
inline constexpr std::size_t kStreamBatch = 256;

/// `source` has size() and fillAll(rows, first). `dropsNames`: what it gives has no metric name any
/// more.
template <typename Source>
absl::Status streamFrom(Run& run, Source& source, bool dropsNames, RowSink sink)
{
    const bool later = dropsNames && run.features().delayedNameRemoval;
    const std::uint64_t held = run.charged();
    Rows rows(std::min(kStreamBatch, source.size()));
    for (std::size_t first = 0; first < source.size(); first += kStreamBatch) {
        const auto batch = std::span(rows).first(std::min(kStreamBatch, source.size() - first));
        NARTHEX_RETURN_IF_ERROR(source.fillAll(batch, first));
        for (Row& row : batch) {
            row.dropName = row.dropName || later;
        }
        NARTHEX_RETURN_IF_ERROR(sink({.rows = batch, .namesToDrop = dropsNames && !later}));
        NARTHEX_RETURN_IF_ERROR(run.settle(held, 0));
    }
    return absl::OkStatus();
}

} // namespace narthex::promql
