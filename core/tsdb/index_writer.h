// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes a block's index: symbols, series, postings. Built in memory (some 60 bytes a series) and
// written by the caller at once. Owner: BlockWriter. Threads: one at a time. Errors:
// InvalidArgument (series or chunks out of order, unknown symbol), ResourceExhausted (a section
// above 4 GiB). Format: spec/tsdb.md, 5. Index v2.
#pragma once

#include "core/base/string_map.h"
#include "core/model/labels.h"
#include "core/tsdb/chunk_file.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// Where a chunk is and what it covers; closed range of milliseconds.
struct ChunkMeta
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    ChunkRef ref{};
};

class IndexWriter
{
public:
    /// `symbols`: every label name and value, ascending, unique. They are copied.
    explicit IndexWriter(std::span<const std::string> symbols);

    /// In ascending order of labels; the chunks ascending and apart.
    absl::Status addSeries(const model::Labels& labels, std::span<const ChunkMeta> chunks);
    /// The whole file.
    absl::StatusOr<std::string> finish();

private:
    void writeSymbols(std::span<const std::string> symbols);
    std::uint64_t writeList(std::span<const std::uint32_t> refs);
    void alignTo(std::size_t boundary);
    absl::Status endSection(std::size_t lengthAt);

    std::string out_;
    absl::Status error_;
    std::vector<std::string> symbols_;
    base::StringViewMap<std::uint32_t> symbolIds_; // views of symbols_
    model::Labels lastLabels_;
    std::vector<std::uint32_t> allSeries_;
    /// Name and value of a label as symbol numbers, to the series that have it.
    absl::flat_hash_map<std::uint64_t, std::vector<std::uint32_t>> postings_;
    std::uint64_t symbolsAt_ = 0;
    std::uint64_t seriesAt_ = 0;
};

} // namespace narthex::tsdb
