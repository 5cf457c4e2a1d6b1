// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_merge.h"

#include "core/base/status.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/chunk_merge.h"

#include <algorithm>
#include <compare>
#include <set>

namespace narthex::tsdb {
namespace {

/// The symbols of all parents in one table, and where each parent's symbols are in it.
struct SymbolUnion
{
    std::vector<std::string_view> symbols; // views of the parents' files
    std::vector<std::vector<std::uint32_t>> numbers;
};

absl::StatusOr<SymbolUnion> uniteSymbols(const BlockList::Blocks& parents)
{
    SymbolUnion all;
    std::vector<std::vector<std::string_view>> own(parents.size());
    for (std::size_t p = 0; p < parents.size(); ++p) {
        const IndexReader& index = parents[p]->index();
        for (std::size_t i = 0; i < index.symbolCount(); ++i) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string_view symbol, index.symbol(i));
            own[p].push_back(symbol);
        }
        all.symbols.insert(all.symbols.end(), own[p].begin(), own[p].end());
    }
    std::sort(all.symbols.begin(), all.symbols.end());
    all.symbols.erase(std::unique(all.symbols.begin(), all.symbols.end()), all.symbols.end());
    for (const std::vector<std::string_view>& some : own) {
        std::vector<std::uint32_t>& numbers = all.numbers.emplace_back();
        auto from = all.symbols.begin();
        std::string_view before;
        for (const std::string_view symbol : some) {
            // A foreign table may be out of order: then from the start again.
            from = std::lower_bound(symbol < before ? all.symbols.begin() : from, all.symbols.end(),
                                    symbol);
            numbers.push_back(static_cast<std::uint32_t>(from - all.symbols.begin()));
            before = symbol;
        }
    }
    return all;
}

/// Walks the series of one block in order.
class Cursor
{
public:
    static absl::StatusOr<Cursor> open(std::shared_ptr<const Block> block, std::size_t rank,
                                       const std::vector<std::uint32_t>& numbers)
    {
        Cursor cursor;
        cursor.block_ = std::move(block);
        cursor.rank_ = rank;
        cursor.numbers_ = &numbers;
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView all, cursor.block_->index().all(scratch));
        cursor.refs_.assign(all.begin(), all.end());
        NARTHEX_RETURN_IF_ERROR(cursor.load());
        return cursor;
    }

    [[nodiscard]] bool atEnd() const { return at_ == refs_.size(); }
    [[nodiscard]] const std::vector<SymbolPair>& labels() const { return labels_; }
    [[nodiscard]] std::size_t rank() const { return rank_; }
    absl::Status advance()
    {
        ++at_;
        return load();
    }
    /// The chunks of the series here.
    absl::Status addParts(std::vector<ChunkPart>& parts) const
    {
        const TimeIntervals& deleted = block_->deleted(refs_[at_]);
        for (const ChunkMeta& chunk : chunks_) {
            auto frame = block_->chunks().frame(chunk.ref);
            if (!frame.ok()) {
                return named(frame.status());
            }
            parts.push_back({chunk, *frame, &deleted, rank_});
        }
        return absl::OkStatus();
    }
    [[nodiscard]] absl::Status named(const absl::Status& status) const
    {
        return base::annotate(status, "block " + block_->meta().ulid);
    }

private:
    absl::Status load()
    {
        if (atEnd()) {
            return absl::OkStatus();
        }
        if (absl::Status status = block_->index().series(refs_[at_], labels_, chunks_);
            !status.ok()) {
            return named(status);
        }
        for (SymbolPair& label : labels_) {
            label = {(*numbers_)[label.name], (*numbers_)[label.value]};
        }
        return absl::OkStatus();
    }

    std::shared_ptr<const Block> block_;
    std::size_t rank_ = 0;
    const std::vector<std::uint32_t>* numbers_ = nullptr;
    Postings refs_;
    std::size_t at_ = 0;
    std::vector<SymbolPair> labels_;
    std::vector<ChunkMeta> chunks_;
};

/// The greater one is further from the top of a heap: by labels, then by rank.
bool isLater(const Cursor* a, const Cursor* b)
{
    const auto order = std::lexicographical_compare_three_way(
        a->labels().begin(), a->labels().end(), b->labels().begin(), b->labels().end());
    return order == 0 ? a->rank() > b->rank() : order > 0;
}

class Merge
{
public:
    Merge(std::vector<Cursor>& cursors, BlockWriter& writer) : writer_(writer)
    {
        for (Cursor& cursor : cursors) {
            push(cursor);
        }
    }

    absl::Status run(const std::stop_token& stop)
    {
        while (!heap_.empty()) {
            if (stop.stop_requested()) {
                return base::cancelled("merging blocks was stopped");
            }
            NARTHEX_RETURN_IF_ERROR(mergeOne());
        }
        return absl::OkStatus();
    }

private:
    void push(Cursor& cursor)
    {
        if (!cursor.atEnd()) {
            heap_.push_back(&cursor);
            std::push_heap(heap_.begin(), heap_.end(), isLater);
        }
    }
    Cursor* pop()
    {
        std::pop_heap(heap_.begin(), heap_.end(), isLater);
        Cursor* top = heap_.back();
        heap_.pop_back();
        return top;
    }

    absl::Status mergeOne()
    {
        same_.assign(1, pop());
        while (!heap_.empty() && heap_.front()->labels() == same_.front()->labels()) {
            same_.push_back(pop());
        }
        parts_.clear();
        for (const Cursor* cursor : same_) {
            NARTHEX_RETURN_IF_ERROR(cursor->addParts(parts_));
        }
        const auto copy = [this](const ChunkPart& part) {
            return writer_.addFrame(part.meta.minTime, part.meta.maxTime, part.frame);
        };
        const auto add = [this](const ExportedChunk& chunk) { return writer_.addChunk(chunk); };
        const ChunkSink sink{copy, add};
        if (absl::Status status = mergeChunks(parts_, sink); !status.ok()) {
            return same_.size() == 1 ? same_.front()->named(status) : status;
        }
        NARTHEX_RETURN_IF_ERROR(writer_.endSeries(same_.front()->labels()));
        for (Cursor* cursor : same_) {
            NARTHEX_RETURN_IF_ERROR(cursor->advance());
            push(*cursor);
        }
        return absl::OkStatus();
    }

    BlockWriter& writer_;
    std::vector<Cursor*> heap_;
    // Reused from series to series.
    std::vector<Cursor*> same_;
    std::vector<ChunkPart> parts_;
};

/// What every parent says.
std::vector<std::string> commonHints(const BlockList::Blocks& parents)
{
    std::vector<std::string> hints = parents.front()->meta().hints;
    for (const auto& parent : parents) {
        const std::vector<std::string>& theirs = parent->meta().hints;
        std::erase_if(hints, [&theirs](const std::string& hint) {
            return std::find(theirs.begin(), theirs.end(), hint) == theirs.end();
        });
    }
    std::sort(hints.begin(), hints.end());
    return hints;
}

BlockMeta mergedMeta(const BlockList::Blocks& parents, const MergeOptions& options)
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
    meta.hints = commonHints(parents);
    if (options.rewrites) {
        meta.level = 1;
        meta.sources = {options.ulid};
    }
    return meta;
}

} // namespace

absl::StatusOr<bool> writeMergedBlock(const std::filesystem::path& directory,
                                      const BlockList::Blocks& parents, const MergeOptions& options,
                                      const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const SymbolUnion symbols, uniteSymbols(parents));
    std::vector<Cursor> cursors;
    for (std::size_t i = 0; i < parents.size(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(Cursor cursor, Cursor::open(parents[i], i, symbols.numbers[i]));
        cursors.push_back(std::move(cursor));
    }
    NARTHEX_ASSIGN_OR_RETURN(
        const std::unique_ptr<BlockWriter> writer,
        BlockWriter::create(directory, options.ulid, symbols.symbols, options.chunkSegmentBytes));
    writer->setMetrics(options.metrics);
    NARTHEX_RETURN_IF_ERROR(Merge(cursors, *writer).run(stop));
    if (writer->stats().samples == 0) {
        return false;
    }
    NARTHEX_RETURN_IF_ERROR(writer->finish(mergedMeta(parents, options)).status());
    return true;
}

} // namespace narthex::tsdb
