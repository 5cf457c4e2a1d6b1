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
            NARTHEX_RETURN_IF_ERROR(decodeChunk(*stored, from.ms, to.ms, out));
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

    absl::StatusOr<std::unique_ptr<storage::SeriesSet>>
    select(const storage::SelectHints& /*hints*/, const model::Matchers& matchers,
           std::stop_token stop) const override
    {
        auto refs = postingsForMatchers(block_->index(), matchers, stop);
        if (!refs.ok()) {
            return annotated(refs.status());
        }
        std::vector<BlockSeries> series; // ascending references are ascending labels
        model::Labels labels;
        std::vector<ChunkMeta> chunks;
        for (const PostingsRef ref : *refs) {
            if (absl::Status status = block_->index().series(ref, labels, chunks); !status.ok()) {
                return annotated(status);
            }
            std::erase_if(chunks, [this](const ChunkMeta& c) {
                return c.maxTime < fromMs_ || c.minTime > toMs_;
            });
            if (!chunks.empty()) {
                series.emplace_back(*block_, ref, std::move(labels), std::move(chunks));
            }
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
    [[nodiscard]] absl::Status annotated(const absl::Status& status) const
    {
        return base::annotate(status, "block " + block_->meta().ulid);
    }

    const std::shared_ptr<const Block> block_;
    const std::int64_t fromMs_;
    const std::int64_t toMs_;
};

} // namespace

absl::StatusOr<std::shared_ptr<const Block>> Block::open(const std::filesystem::path& directory)
{
    const std::shared_ptr<Block> block(new Block);
    block->directory_ = directory;
    NARTHEX_ASSIGN_OR_RETURN(block->meta_, readBlockMeta(directory));
    NARTHEX_ASSIGN_OR_RETURN(block->index_, IndexReader::open(directory / "index"));
    NARTHEX_ASSIGN_OR_RETURN(block->chunks_, ChunkFileReader::open(directory / "chunks"));
    auto tombstones = readTombstones(directory);
    if (!tombstones.ok()) {
        return base::annotate(tombstones.status(), directory.string());
    }
    block->tombstones_ = *std::move(tombstones);
    return block;
}

const TimeIntervals& Block::deleted(PostingsRef ref) const
{
    static const TimeIntervals kNone;
    const auto found = tombstones_.find(ref);
    return found == tombstones_.end() ? kNone : found->second;
}

std::uint64_t Block::sizeBytes() const { return index_.sizeBytes() + chunks_.sizeBytes(); }

absl::Status decodeChunk(const StoredChunk& chunk, std::int64_t fromMs, std::int64_t toMs,
                         storage::SampleColumns& out)
{
    switch (chunk.encoding) {
    case ChunkEncoding::Xor:
        return xorDecode(chunk.data, fromMs, toMs, out.times, out.values);
    case ChunkEncoding::Xor2:
        return xor2Decode(chunk.data, fromMs, toMs, out.times, out.values);
    case ChunkEncoding::Histogram:
    case ChunkEncoding::FloatHistogram:
    case ChunkEncoding::HistogramSt:
    case ChunkEncoding::FloatHistogramSt:
        return decodeHistogramChunk(chunk.encoding, chunk.data, fromMs, toMs, out.histogramTimes,
                                    out.histograms);
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
