// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks out of samples that come from elsewhere: old data, results of new rules. Owner: a tool.
// Threads: one at a time. Units: milliseconds. Errors: InvalidArgument (no labels, a sample outside
// the window), ResourceExhausted (disk full; no half block stays). Format: spec/tsdb.md, 15
// (Backfill).
#pragma once

#include "core/base/clock.h"
#include "core/base/string_map.h"
#include "core/model/labels.h"
#include "core/tsdb/block_meta.h"
#include "core/tsdb/exported_chunk.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace narthex::tsdb {

/// 2 h, or the largest range that merging makes (2 h times powers of three) up to this.
std::int64_t backfillWindowMs(std::int64_t maxBlockMs);
/// The start of the window that holds a time: a multiple of the window.
std::int64_t windowStart(std::int64_t time, std::int64_t windowMs);

/// Takes the samples of one window in any order and writes them as one block. Keeps them encoded,
/// some 2 to 10 bytes a sample.
class BlockBuilder
{
public:
    /// Names a series of this builder.
    enum class Series : std::uint32_t
    {
    };

    BlockBuilder(std::int64_t startMs, std::int64_t windowMs)
        : startMs_(startMs), windowMs_(windowMs)
    {}

    /// The series with these labels. Errors: InvalidArgument (none).
    absl::StatusOr<Series> seriesFor(const model::Labels& labels);
    absl::Status add(Series series, std::int64_t time, double value);
    absl::Status add(const model::Labels& labels, std::int64_t time, double value);

    /// Writes the block into `directory`, which is made if it is missing; its times are those of
    /// the first sample, and of the last one plus 1. None without samples. The builder is empty
    /// then.
    absl::StatusOr<std::optional<BlockMeta>> write(const std::filesystem::path& directory,
                                                   const base::Clock& clock);

    [[nodiscard]] std::uint64_t samples() const { return samples_; }
    /// Samples that had the time of an earlier one of their series: the earlier one counts. Known
    /// after write().
    [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }

private:
    struct Entry
    {
        model::Labels labels;
        std::vector<ExportedChunk> chunks;
        std::vector<std::int64_t> times;
        std::vector<double> values;
    };
    /// Encodes what has gathered.
    void close(Entry& entry);
    /// All chunks ascending and apart.
    absl::Status settle(Entry& entry);
    [[nodiscard]] std::vector<std::string> symbols() const;

    const std::int64_t startMs_;
    const std::int64_t windowMs_;
    std::vector<Entry> entries_;
    base::StringMap<std::uint32_t> positions_; // by packed labels
    std::uint64_t samples_ = 0;
    std::uint64_t duplicates_ = 0;
};

} // namespace narthex::tsdb
