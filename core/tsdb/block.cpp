// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block.h"

#include "core/base/status.h"
#include "core/tsdb/head_querier.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/xor2_chunk.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <set>
#include <utility>

namespace narthex::tsdb {
namespace {

class BlockSeries final : public storage::Series
{
public:
    BlockSeries(const Block& block, PostingsRef ref, model::Labels labels,
                std::vector<ChunkMeta> chunks)
        : block_(&block), ref_(ref), labels_(std::move(labels)), chunks_(std::move(chunks))
    {}
    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        const std::size_t samples = out.times.size();
        const std::size_t histograms = out.histogramTimes.size();
        for (const ChunkMeta& chunk : chunks_) {
            if (chunk.maxTime < from.ms || chunk.minTime > to.ms) {
                continue;
            }
            auto stored = block_->chunks().read(chunk.ref);
            if (!stored.ok()) {
                return base::annotate(stored.status(), "block " + block_->meta().ulid);
            }
            if (absl::Status status = decodeChunk(*stored, from.ms, to.ms, out); !status.ok()) {
                return base::annotate(status, "block " + block_->meta().ulid);
            }
        }
        if (const TimeIntervals& deleted = block_->deleted(ref_); !deleted.empty()) {
            removeDeleted(deleted, samples, histograms, out);
        }
        return absl::OkStatus();
    }

private:
    const Block* block_; // the querier's: it outlives its series
    PostingsRef ref_;
    model::Labels labels_;
    std::vector<ChunkMeta> chunks_;
};

class BlockQuerier final : public storage::Querier
{
public:
    BlockQuerier(std::shared_ptr<const Block> block, std::int64_t fromMs, std::int64_t toMs)
        : block_(std::move(block)), fromMs_(fromMs), toMs_(toMs)
    {}

    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                               const model::Matchers& matchers,
                                                               std::stop_token stop) const override
    {
        auto refs = postingsForMatchers(block_->index(), matchers, stop);
        if (!refs.ok()) {
            return annotated(refs.status());
        }
        std::int64_t from = fromMs_;
        std::int64_t to = toMs_;
        if (hints.from.ms != 0 || hints.to.ms != 0) {
            from = std::max(from, hints.from.ms);
            to = std::min(to, hints.to.ms);
        }
        const bool namesOnly = hints.function == "series";
        std::vector<BlockSeries> series; // ascending references are ascending labels
        model::Labels labels;
        std::vector<ChunkMeta> chunks;
        std::size_t untilLook = kLookEvery;
        for (const PostingsRef ref : *refs) {
            if (--untilLook == 0) {
                untilLook = kLookEvery;
                if (stop.stop_requested()) {
                    return base::cancelled("select was cancelled");
                }
            }
            if (absl::Status status = block_->index().series(ref, labels, chunks); !status.ok()) {
                return annotated(status);
            }
            std::erase_if(chunks, [from, to](const ChunkMeta& c) {
                return c.maxTime < from || c.minTime > to;
            });
            if (chunks.empty() || isAllDeleted(ref, chunks)) {
                continue;
            }
            if (namesOnly) {
                chunks.clear();
            }
            series.emplace_back(*block_, ref, std::move(labels), std::move(chunks));
            labels = {};
            chunks = {};
        }
        return std::make_unique<ReadySeriesSet<BlockSeries>>(std::move(series));
    }

    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                         const model::Matchers& matchers,
                                                         std::size_t limit) const override
    {
        return labelValuesFor(block_->index(), name, matchers, limit);
    }

    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                        std::size_t limit) const override
    {
        std::vector<std::string> names;
        if (matchers.empty()) {
            names = block_->index().labelNames();
        } else {
            NARTHEX_ASSIGN_OR_RETURN(const Postings refs,
                                     postingsForMatchers(block_->index(), matchers, {}));
            std::set<std::string, std::less<>> found;
            model::Labels labels;
            std::vector<ChunkMeta> chunks;
            for (const PostingsRef ref : refs) {
                NARTHEX_RETURN_IF_ERROR(block_->index().series(ref, labels, chunks));
                for (const model::LabelView& label : labels) {
                    if (!found.contains(label.name)) {
                        found.emplace(label.name);
                    }
                }
            }
            names.assign(found.begin(), found.end());
        }
        if (limit != 0 && names.size() > limit) {
            names.resize(limit);
        }
        return names;
    }

private:
    /// How many series go by between two looks at the stop token.
    static constexpr std::size_t kLookEvery = 4096;

    /// Whether one deleted range covers every chunk: the series has nothing to give.
    [[nodiscard]] bool isAllDeleted(PostingsRef ref, const std::vector<ChunkMeta>& chunks) const
    {
        const TimeIntervals& deleted = block_->deleted(ref);
        return std::any_of(deleted.begin(), deleted.end(), [&chunks](const TimeInterval& i) {
            return i.minTime <= chunks.front().minTime && i.maxTime >= chunks.back().maxTime;
        });
    }
    [[nodiscard]] absl::Status annotated(const absl::Status& status) const
    {
        return base::annotate(status, "block " + block_->meta().ulid);
    }

    const std::shared_ptr<const Block> block_;
    const std::int64_t fromMs_;
    const std::int64_t toMs_;
};

/// A file that a block must have and has not is damage, not an answer.
absl::Status asDataLoss(const absl::Status& status)
{
    return status.code() == absl::StatusCode::kNotFound
               ? base::dataLoss("{}", base::messageOf(status))
               : status;
}

} // namespace

absl::StatusOr<std::shared_ptr<const Block>> Block::open(const std::filesystem::path& directory)
{
    const std::shared_ptr<Block> block(new Block);
    block->directory_ = directory;
    NARTHEX_ASSIGN_OR_RETURN(block->meta_, readBlockMeta(directory));
    auto files = std::make_shared<Files>();
    auto index = IndexReader::open(directory / "index");
    if (!index.ok()) {
        return asDataLoss(index.status());
    }
    files->index = *std::move(index);
    NARTHEX_ASSIGN_OR_RETURN(files->chunks, ChunkFileReader::open(directory / "chunks"));
    block->files_ = std::move(files);
    auto tombstones = readTombstones(directory);
    if (!tombstones.ok()) {
        return base::annotate(tombstones.status(), directory.string());
    }
    block->tombstones_ = *std::move(tombstones);
    return block;
}

absl::StatusOr<std::shared_ptr<const Block>> Block::withTombstones(DeletedRanges tombstones) const
{
    const std::shared_ptr<Block> block(new Block(*this));
    block->tombstones_ = std::move(tombstones);
    block->meta_.stats.tombstones = 0;
    for (const auto& [ref, intervals] : block->tombstones_) {
        block->meta_.stats.tombstones += intervals.size();
    }
    // The ranges first: without their number they count already.
    NARTHEX_RETURN_IF_ERROR(
        base::writeFileAtomically(directory_ / "tombstones", encodeTombstones(block->tombstones_)));
    NARTHEX_RETURN_IF_ERROR(writeBlockMeta(directory_, block->meta_));
    return block;
}

absl::StatusOr<std::shared_ptr<const Block>> Block::withMarks(bool failed, bool deletable) const
{
    const std::shared_ptr<Block> block(new Block(*this));
    block->meta_.failed = failed;
    block->meta_.deletable = deletable;
    NARTHEX_RETURN_IF_ERROR(writeBlockMeta(directory_, block->meta_));
    return block;
}

const TimeIntervals& Block::deleted(PostingsRef ref) const
{
    static const TimeIntervals kNone;
    const auto found = tombstones_.find(ref);
    return found == tombstones_.end() ? kNone : found->second;
}

std::uint64_t Block::sizeBytes() const
{
    return files_->index.sizeBytes() + files_->chunks.sizeBytes() + toJson(meta_).size() +
           encodeTombstones(tombstones_).size();
}

namespace {

/// Puts the start times of samples from `before` on behind those of the samples in front of them;
/// nothing when none is known.
void appendStarts(std::vector<std::int64_t>& all, std::size_t before,
                  const std::vector<std::int64_t>& starts)
{
    if (std::any_of(starts.begin(), starts.end(), [](std::int64_t start) { return start != 0; })) {
        all.resize(before);
        all.insert(all.end(), starts.begin(), starts.end());
    }
}

} // namespace

absl::Status decodeChunk(const StoredChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                         storage::SampleColumns& out)
{
    switch (chunk.encoding) {
    case ChunkEncoding::Xor:
        return xorDecode(chunk.data, fromMs, toMs, out.times, out.values);
    case ChunkEncoding::Xor2: {
        const std::size_t before = out.times.size();
        std::vector<std::int64_t> starts;
        NARTHEX_RETURN_IF_ERROR(
            xor2Decode(chunk.data, fromMs, toMs, out.times, out.values, &starts));
        appendStarts(out.startTimes, before, starts);
        return absl::OkStatus();
    }
    case ChunkEncoding::Histogram:
    case ChunkEncoding::FloatHistogram:
    case ChunkEncoding::HistogramSt:
    case ChunkEncoding::FloatHistogramSt: {
        const std::size_t before = out.histogramTimes.size();
        std::vector<std::int64_t> starts;
        NARTHEX_RETURN_IF_ERROR(decodeHistogramChunk(chunk.encoding, chunk.data, fromMs, toMs,
                                                     out.histogramTimes, out.histograms, &starts));
        appendStarts(out.histogramStartTimes, before, starts);
        return absl::OkStatus();
    }
    case ChunkEncoding::None:
        break;
    }
    return base::dataLoss("invalid chunk encoding {}", static_cast<int>(chunk.encoding));
}

std::unique_ptr<storage::Querier> makeBlockQuerier(std::shared_ptr<const Block> block,
                                                   std::int64_t fromMs, std::int64_t toMs)
{
    return std::make_unique<BlockQuerier>(std::move(block), fromMs, toMs);
}

} // namespace narthex::tsdb
