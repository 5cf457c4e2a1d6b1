// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_merge.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <set>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kSamplesAChunk = 120;

/// Walks the series of one block in order.
struct Cursor
{
    std::shared_ptr<const Block> block;
    Postings refs;
    std::size_t at = 0;
    model::Labels labels;
    std::vector<ChunkMeta> chunks;

    [[nodiscard]] bool atEnd() const { return at == refs.size(); }
    absl::Status load()
    {
        return atEnd() ? absl::OkStatus() : block->index().series(refs[at], labels, chunks);
    }
    absl::Status advance()
    {
        ++at;
        return load();
    }
};

absl::StatusOr<std::vector<Cursor>> openCursors(const BlockList::Blocks& parents)
{
    std::vector<Cursor> cursors;
    for (const auto& block : parents) {
        Cursor& cursor = cursors.emplace_back();
        cursor.block = block;
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView all, block->index().all(scratch));
        cursor.refs.assign(all.begin(), all.end());
        NARTHEX_RETURN_IF_ERROR(cursor.load());
    }
    return cursors;
}

absl::StatusOr<std::vector<std::string>> unitedSymbols(const BlockList::Blocks& parents)
{
    std::vector<std::string> symbols;
    for (const auto& block : parents) {
        for (std::size_t i = 0; i < block->index().symbolCount(); ++i) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string_view symbol, block->index().symbol(i));
            symbols.emplace_back(symbol);
        }
    }
    std::sort(symbols.begin(), symbols.end());
    symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
    return symbols;
}

absl::Status copyChunks(const Cursor& cursor, std::vector<ExportedChunk>& out)
{
    for (const ChunkMeta& chunk : cursor.chunks) {
        NARTHEX_ASSIGN_OR_RETURN(const StoredChunk stored, cursor.block->chunks().read(chunk.ref));
        const std::uint32_t samples =
            stored.data.size() < 2 ? 0 : base::loadBigEndian<std::uint16_t>(stored.data.data());
        out.push_back(
            {chunk.minTime, chunk.maxTime, stored.encoding, samples, std::string(stored.data)});
    }
    return absl::OkStatus();
}

bool areApart(const std::vector<ExportedChunk>& chunks)
{
    for (std::size_t i = 1; i < chunks.size(); ++i) {
        if (chunks[i].minTime <= chunks[i - 1].maxTime) {
            return false;
        }
    }
    return true;
}

/// Decodes all parts of a series, merges them by time, and encodes them anew.
absl::Status recode(const std::vector<const Cursor*>& parts, std::vector<ExportedChunk>& out)
{
    storage::SampleColumns merged;
    storage::SampleColumns more;
    for (const Cursor* part : parts) {
        // Chunks within a block may overlap, too (foreign writers): merge one by one.
        for (const ChunkMeta& chunk : part->chunks) {
            more.clear();
            NARTHEX_ASSIGN_OR_RETURN(const StoredChunk stored,
                                     part->block->chunks().read(chunk.ref));
            NARTHEX_RETURN_IF_ERROR(decodeChunk(stored, chunk.minTime, chunk.maxTime, more));
            removeDeleted(part->block->deleted(part->refs[part->at]), 0, 0, more);
            mergeColumns(merged, 0, 0, more);
        }
    }
    out.clear();
    for (std::size_t begin = 0; begin < merged.times.size(); begin += kSamplesAChunk) {
        const std::size_t end = std::min(begin + kSamplesAChunk, merged.times.size());
        const std::vector<std::int64_t> times(
            merged.times.begin() + static_cast<std::ptrdiff_t>(begin),
            merged.times.begin() + static_cast<std::ptrdiff_t>(end));
        const std::vector<double> values(merged.values.begin() + static_cast<std::ptrdiff_t>(begin),
                                         merged.values.begin() + static_cast<std::ptrdiff_t>(end));
        out.push_back({times.front(), times.back(), ChunkEncoding::Xor,
                       static_cast<std::uint32_t>(times.size()), xorEncode(times, values)});
    }
    std::vector<HistogramSample> histograms;
    for (std::size_t i = 0; i < merged.histogramTimes.size(); ++i) {
        histograms.push_back({merged.histogramTimes[i], {merged.histograms[i], nullptr}});
    }
    encodeHistograms(histograms, out);
    std::sort(out.begin(), out.end(),
              [](const ExportedChunk& a, const ExportedChunk& b) { return a.minTime < b.minTime; });
    return absl::OkStatus();
}

absl::Status mergeSeries(const std::vector<const Cursor*>& parts, BlockWriter& writer)
{
    std::vector<ExportedChunk> chunks;
    bool hasDeleted = false;
    for (const Cursor* part : parts) {
        NARTHEX_RETURN_IF_ERROR(copyChunks(*part, chunks));
        hasDeleted = hasDeleted || !part->block->deleted(part->refs[part->at]).empty();
    }
    std::stable_sort(
        chunks.begin(), chunks.end(),
        [](const ExportedChunk& a, const ExportedChunk& b) { return a.minTime < b.minTime; });
    if (hasDeleted || !areApart(chunks)) {
        NARTHEX_RETURN_IF_ERROR(recode(parts, chunks));
    }
    return writer.addSeries(parts.front()->labels, chunks);
}

BlockMeta mergedMeta(const BlockList::Blocks& parents)
{
    BlockMeta meta;
    meta.minTime = parents.front()->meta().minTime;
    meta.maxTime = parents.front()->meta().maxTime;
    std::set<std::string> sources;
    for (const auto& parent : parents) {
        const BlockMeta& old = parent->meta();
        meta.minTime = std::min(meta.minTime, old.minTime);
        meta.maxTime = std::max(meta.maxTime, old.maxTime);
        meta.level = std::max(meta.level, old.level);
        sources.insert(old.sources.begin(), old.sources.end());
        meta.parents.push_back({old.ulid, old.minTime, old.maxTime});
    }
    ++meta.level;
    meta.sources.assign(sources.begin(), sources.end());
    constexpr std::string_view kFromOutOfOrder = "from-out-of-order";
    const bool allOutOfOrder = std::all_of(parents.begin(), parents.end(), [&](const auto& parent) {
        const auto& hints = parent->meta().hints;
        return std::find(hints.begin(), hints.end(), kFromOutOfOrder) != hints.end();
    });
    if (allOutOfOrder) {
        meta.hints.emplace_back(kFromOutOfOrder);
    }
    return meta;
}

} // namespace

absl::StatusOr<bool> writeMergedBlock(const std::filesystem::path& directory,
                                      const std::string& ulid, const BlockList::Blocks& parents,
                                      const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<std::string> symbols, unitedSymbols(parents));
    NARTHEX_ASSIGN_OR_RETURN(std::vector<Cursor> cursors, openCursors(parents));
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(directory, ulid, symbols));
    while (true) {
        if (stop.stop_requested()) {
            return base::cancelled("merging blocks was stopped");
        }
        const model::Labels* least = nullptr;
        for (const Cursor& cursor : cursors) {
            if (!cursor.atEnd() && (least == nullptr || cursor.labels < *least)) {
                least = &cursor.labels;
            }
        }
        if (least == nullptr) {
            break;
        }
        std::vector<const Cursor*> parts;
        std::vector<Cursor*> toAdvance;
        for (Cursor& cursor : cursors) {
            if (!cursor.atEnd() && cursor.labels == *least) {
                parts.push_back(&cursor);
                toAdvance.push_back(&cursor);
            }
        }
        NARTHEX_RETURN_IF_ERROR(mergeSeries(parts, *writer));
        for (Cursor* cursor : toAdvance) {
            NARTHEX_RETURN_IF_ERROR(cursor->advance());
        }
    }
    if (writer->stats().samples == 0) {
        return false;
    }
    NARTHEX_RETURN_IF_ERROR(writer->finish(mergedMeta(parents)).status());
    return true;
}

} // namespace narthex::tsdb
