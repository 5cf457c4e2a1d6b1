// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes a block's index: symbols, series, postings. Series go to the file as they come; kept in
// memory are the symbols and four to eight bytes for each label of each series. Owner: BlockWriter.
// Threads: one at a time. Errors: InvalidArgument (series or chunks out of order, unknown symbol),
// ResourceExhausted (disk full, a section above 4 GiB). Format: spec/tsdb.md, 5. Index v2.
#pragma once

#include "core/base/file.h"
#include "core/base/string_map.h"
#include "core/model/labels.h"
#include "core/tsdb/chunk_file.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
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

/// A label as positions in the table of symbols. Symbols are sorted, so series compare by these as
/// by their texts.
struct SymbolPair
{
    std::uint32_t name = 0;
    std::uint32_t value = 0;
    friend auto operator<=>(const SymbolPair&, const SymbolPair&) = default;
};

class IndexWriter
{
public:
    /// `symbols`: every label name and value, ascending, unique. They are copied.
    static absl::StatusOr<std::unique_ptr<IndexWriter>>
    create(const std::filesystem::path& path, std::span<const std::string_view> symbols);

    /// In ascending order of labels; the chunks ascending and apart.
    absl::Status addSeries(const model::Labels& labels, std::span<const ChunkMeta> chunks);
    absl::Status addSeries(std::span<const SymbolPair> labels, std::span<const ChunkMeta> chunks);
    /// Writes the rest, syncs and closes.
    absl::Status finish();

private:
    explicit IndexWriter(std::span<const std::string_view> symbols);
    absl::Status writeSymbols();
    absl::StatusOr<std::uint64_t> writeList(std::span<const std::uint32_t> refs);
    absl::Status writePostings(std::string& table);
    /// Puts a section around its body: length before, checksum behind.
    absl::Status writeSection(std::string_view body);
    absl::Status write(std::string_view bytes);
    absl::Status flush();
    absl::Status alignTo(std::size_t boundary);
    [[nodiscard]] std::string describe(std::span<const SymbolPair> labels) const;

    base::File file_;
    std::string buffer_;
    /// Of the file, what stands in the buffer included.
    std::uint64_t position_ = 0;
    std::string symbolBytes_;
    std::vector<std::string_view> symbols_;        // views of symbolBytes_
    base::StringViewMap<std::uint32_t> symbolIds_; // made when labels come as texts
    std::vector<SymbolPair> lastLabels_;
    std::vector<SymbolPair> pairs_;
    std::string body_;
    std::vector<std::uint32_t> allSeries_;
    /// Each label that occurs gets a number; the labels of all series in a row by these numbers,
    /// and how many each series has.
    absl::flat_hash_map<std::uint64_t, std::uint32_t> labelNumbers_;
    std::vector<std::uint64_t> labelKeys_;
    std::vector<std::uint32_t> labelsInARow_;
    std::vector<std::uint32_t> labelCounts_;
    std::uint64_t symbolsAt_ = 0;
    std::uint64_t seriesAt_ = 0;
};

} // namespace narthex::tsdb
