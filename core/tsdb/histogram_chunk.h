// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chunks of native histograms: float ones written, both kinds read.
// Owner: whoever holds the bytes. Threads: pure functions. Units: milliseconds.
// Errors: DataLoss (bytes end early, sizes that cannot be). Format: spec/tsdb.md, 3.2 to 3.5.
#pragma once

#include "core/model/histogram.h"
#include "core/tsdb/exported_chunk.h"

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

struct HistogramSample
{
    std::int64_t time = 0;
    std::shared_ptr<const model::FloatHistogram> histogram;
};

/// Encodes samples, ascending in time, as chunks of one layout each: a new one where the layout
/// changes, a counter goes back, a series ends, or a chunk is full.
void encodeHistograms(std::span<const HistogramSample> samples, std::vector<ExportedChunk>& out);

/// Appends the samples in [fromMs, toMs] of a chunk of either encoding.
absl::Status
decodeHistogramChunk(ChunkEncoding encoding, std::string_view chunk, std::int64_t fromMs,
                     std::int64_t toMs, std::vector<std::int64_t>& times,
                     std::vector<std::shared_ptr<const model::FloatHistogram>>& histograms);

} // namespace narthex::tsdb
