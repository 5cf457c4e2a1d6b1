// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block's index through a mapping: only the positions of symbols and of every 32nd label value
// are kept in memory. Owner: Block. Threads: const members from any. Units: bytes. Errors: DataLoss
// (a section fails its checksum or runs past its end),
// FailedPrecondition (another version of the format). Format: spec/tsdb.md, 5. Index v2.
#pragma once

#include "core/base/file.h"
#include "core/base/string_map.h"
#include "core/model/labels.h"
#include "core/tsdb/index_writer.h"
#include "core/tsdb/postings.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

class IndexReader final : public PostingsSource
{
public:
    static absl::StatusOr<IndexReader> open(const std::filesystem::path& path);

    /// The labels and chunks of a series.
    absl::Status series(PostingsRef ref, model::Labels& labels,
                        std::vector<ChunkMeta>& chunks) const;
    /// The same with the labels as numbers of this file's symbols, all of them below symbolCount().
    absl::Status series(PostingsRef ref, std::vector<SymbolPair>& labels,
                        std::vector<ChunkMeta>& chunks) const;

    absl::StatusOr<PostingsView> all(Postings& scratch) const override;
    absl::StatusOr<PostingsView> withLabel(std::string_view name, std::string_view value,
                                           Postings& scratch) const override;
    absl::Status eachValue(std::string_view name, std::string_view prefix,
                           absl::FunctionRef<bool(std::string_view value)> visit) const override;
    absl::StatusOr<std::size_t> countWithLabel(std::string_view name,
                                               std::string_view value) const override;
    [[nodiscard]] std::size_t valueCount(std::string_view name) const override;
    absl::StatusOr<std::string_view> labelOf(PostingsRef ref, std::string_view name,
                                             std::string& scratch) const override;
    /// Ascending.
    [[nodiscard]] std::vector<std::string> labelNames() const;
    [[nodiscard]] std::size_t symbolCount() const { return symbols_.size(); }
    /// What is kept in memory of the symbol table.
    [[nodiscard]] std::uint64_t symbolTableBytes() const
    {
        return symbols_.capacity() * sizeof(symbols_[0]);
    }
    absl::StatusOr<std::string_view> symbol(std::uint64_t id) const;
    [[nodiscard]] std::uint64_t sizeBytes() const { return file_.bytes().size(); }

private:
    /// One label name's stretch of the postings offset table.
    struct Name
    {
        /// Offsets in the table of every 32nd entry, the first included.
        std::vector<std::uint32_t> samples;
        std::uint32_t end = 0;
        std::uint32_t count = 0;
    };
    struct Entry
    {
        std::string_view name;
        std::string_view value;
        std::uint64_t listAt = 0;
        std::uint32_t next = 0;
    };
    absl::Status readContents();
    absl::Status readSymbols(std::uint64_t at);
    absl::Status readPostingsTable(std::uint64_t at);
    /// The bytes of a section behind its length, checksum checked and left out.
    absl::StatusOr<std::string_view> section(std::uint64_t at) const;
    absl::StatusOr<std::string_view> seriesBody(PostingsRef ref) const;
    absl::StatusOr<PostingsView> list(std::uint64_t at, Postings& scratch) const;
    [[nodiscard]] Entry entryAt(std::uint32_t offset) const;
    /// Where the list of a label is; none if nothing has it.
    [[nodiscard]] std::optional<std::uint64_t> listOf(std::string_view name,
                                                      std::string_view value) const;
    /// The offset of the first entry of the name that is not below `value`; at most its end.
    [[nodiscard]] std::uint32_t lowerBound(const Name& name, std::string_view value) const;

    base::MappedFile file_;
    std::vector<std::uint32_t> symbols_; // offsets
    /// The postings offset table behind its count.
    std::string_view table_;
    base::StringViewMap<Name> names_; // views of the file
    std::uint64_t allAt_ = 0;
};

} // namespace narthex::tsdb
