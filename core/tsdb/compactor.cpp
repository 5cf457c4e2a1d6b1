// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/compactor.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/tsdb/block_merge.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <set>
#include <utility>

namespace narthex::tsdb {
namespace {

/// How long a cut waits for batches and readers that hold its range open before it leaves the work
/// to the next run.
constexpr absl::Duration kWaitAtMost = absl::Seconds(30);

std::int64_t floorTo(std::int64_t time, std::int64_t range)
{
    return (time >= 0 ? time / range : -((-(time + 1)) / range) - 1) * range;
}

struct HeadEntry
{
    model::Labels labels;
    HeadRef ref = 0;
};

/// The head's series that have samples in the range, in order of labels.
absl::StatusOr<std::vector<HeadEntry>> seriesIn(const Head& head, std::int64_t fromMs,
                                                std::int64_t toMs)
{
    Postings refs;
    {
        const LabelIndex::ReadLock source(head.labelIndex());
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView all, source.all(scratch));
        refs.assign(all.begin(), all.end());
    }
    const ReadView everything;
    std::vector<HeadEntry> entries;
    for (const HeadRef ref : refs) {
        if (auto labels = head.labelsIfIn(ref, everything, fromMs, toMs)) {
            entries.push_back({*std::move(labels), ref});
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const HeadEntry& a, const HeadEntry& b) { return a.labels < b.labels; });
    return entries;
}

std::vector<std::string> symbolsOf(const std::vector<HeadEntry>& entries)
{
    base::StringSet found;
    const auto add = [&found](std::string_view text) {
        if (!found.contains(text)) {
            found.emplace(text);
        }
    };
    for (const HeadEntry& entry : entries) {
        for (const model::LabelView& label : entry.labels) {
            add(label.name);
            add(label.value);
        }
    }
    std::vector<std::string> symbols(found.begin(), found.end());
    std::sort(symbols.begin(), symbols.end());
    return symbols;
}

} // namespace

std::vector<std::int64_t> compactionRanges(std::int64_t blockRangeMs, std::int64_t retentionMs)
{
    constexpr std::int64_t kDayMs = 24 * 3'600'000LL;
    constexpr int kSteps = 10;
    constexpr int kFactor = 3;
    const std::int64_t largest =
        retentionMs > 0 ? std::min(31 * kDayMs, retentionMs / 10) : 31 * kDayMs;
    std::vector<std::int64_t> ranges{blockRangeMs};
    while (ranges.size() < kSteps && ranges.back() * kFactor <= largest) {
        ranges.push_back(ranges.back() * kFactor);
    }
    return ranges;
}

std::vector<BlockMeta> planCompaction(const std::vector<BlockMeta>& blocks,
                                      const std::vector<std::int64_t>& ranges)
{
    // Overlapping blocks first, a whole chain of them.
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        std::int64_t end = blocks[i - 1].maxTime;
        if (blocks[i].minTime >= end) {
            continue;
        }
        std::vector<BlockMeta> chain{blocks[i - 1]};
        for (std::size_t k = i; k < blocks.size() && blocks[k].minTime < end; ++k) {
            chain.push_back(blocks[k]);
            end = std::max(end, blocks[k].maxTime);
        }
        return chain;
    }
    if (blocks.size() < 2) {
        return {};
    }
    // The newest block may still get neighbours.
    const std::vector<BlockMeta> settled(blocks.begin(), blocks.end() - 1);
    const std::int64_t newestStart = settled.back().minTime;
    for (std::size_t r = 1; r < ranges.size(); ++r) {
        for (std::size_t i = 0; i < settled.size();) {
            const std::int64_t start = floorTo(settled[i].minTime, ranges[r]);
            if (settled[i].maxTime > start + ranges[r]) {
                ++i; // spans the border of this range: belongs to a larger one
                continue;
            }
            std::vector<BlockMeta> group;
            for (; i < settled.size() && settled[i].maxTime <= start + ranges[r] &&
                   settled[i].minTime >= start;
                 ++i) {
                group.push_back(settled[i]);
            }
            const bool failed = std::any_of(group.begin(), group.end(),
                                            [](const BlockMeta& b) { return b.failed; });
            // A block of late samples may lie where the head still holds others: merged with one in
            // order it would say that all of its range is in blocks.
            const bool isMixed = std::any_of(group.begin(), group.end(), [&](const BlockMeta& b) {
                return b.isLate() != group.front().isLate();
            });
            const bool isFull = group.back().maxTime - group.front().minTime == ranges[r];
            if (!failed && !isMixed && group.size() > 1 &&
                (isFull || group.back().maxTime <= newestStart)) {
                return group;
            }
        }
    }
    return {};
}

std::vector<std::string> beyondRetention(const std::vector<BlockMeta>& blocks,
                                         std::int64_t retentionMs)
{
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (const BlockMeta& block : blocks) {
        newest = std::max(newest, block.maxTime);
    }
    std::vector<std::string> doomed;
    for (const BlockMeta& block : blocks) {
        if (retentionMs > 0 && newest - block.maxTime >= retentionMs) {
            doomed.push_back(block.ulid);
        }
    }
    return doomed;
}

Compactor::Compactor(std::filesystem::path directory, Head& head, BlockList& blocks,
                     FileLayer& files, const base::Clock& clock, base::Logger log,
                     const CompactorOptions& options,
                     std::function<bool(std::uint64_t, std::uint32_t)> keepsSeries)
    : directory_(std::move(directory)),
      head_(head),
      blocks_(blocks),
      files_(files),
      clock_(clock),
      log_(std::move(log)),
      options_(options),
      keepsSeries_(std::move(keepsSeries))
{}

bool Compactor::headIsDue() const
{
    return !head_.isEmpty() && head_.maxTime() - head_.minTime() > options_.blockRangeMs / 2 * 3;
}

std::vector<BlockMeta> Compactor::metas() const
{
    std::vector<BlockMeta> metas;
    for (const auto& block : *blocks_.blocks()) {
        metas.push_back(block->meta());
    }
    return metas;
}

absl::Status Compactor::run(const std::stop_token& stop)
{
    while (headIsDue() && !stop.stop_requested()) {
        NARTHEX_RETURN_IF_ERROR(cutHead(stop));
    }
    const std::vector<std::int64_t> ranges =
        compactionRanges(options_.blockRangeMs, options_.retentionMs);
    while (!stop.stop_requested() && !headIsDue()) {
        const std::vector<BlockMeta> plan = planCompaction(metas(), ranges);
        if (plan.empty()) {
            break;
        }
        NARTHEX_RETURN_IF_ERROR(mergeBlocks(plan, stop));
    }
    const std::vector<std::string> doomed = beyondRetention(metas(), options_.retentionMs);
    return doomed.empty() ? absl::OkStatus() : blocks_.replace(nullptr, doomed);
}

absl::Status Compactor::cutHead(const std::stop_token& stop)
{
    const base::Duration begun = clock_.monotonic();
    const std::int64_t from = head_.minTime();
    const std::int64_t end = floorTo(from, options_.blockRangeMs) + options_.blockRangeMs;
    head_.raiseMinValidTime(end);
    if (!head_.waitForBatchesBefore(end, kWaitAtMost)) {
        return base::unavailable("a batch holds samples before {} back",
                                 base::formatTimestamp({end}));
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::shared_ptr<const Block> block,
                             writeHeadBlock(from, end, stop));
    if (block != nullptr) {
        // Readers find the block before the head lets go.
        NARTHEX_RETURN_IF_ERROR(blocks_.replace(block, {}));
    }
    if (!head_.isolation().waitForReadersBefore(end, kWaitAtMost)) {
        log_->warn("tsdb: a query over old samples takes long, its range leaves the head now");
    }
    const std::uint64_t collected = head_.truncate(end);
    log_->info("tsdb: block cut block={} samples={} series={} collected={} took={:.3f}s",
               block == nullptr ? "none" : block->meta().ulid,
               block == nullptr ? 0 : block->meta().stats.samples,
               block == nullptr ? 0 : block->meta().stats.series, collected,
               (clock_.monotonic() - begun).seconds());
    const CheckpointOptions options{.files = files_,
                                    .segmentBytes = options_.walSegmentBytes,
                                    .compression = options_.walCompression,
                                    .keepFromMs = end};
    return truncateWal(directory_ / "wal", *head_.journal(), options, keepsSeries_);
}

absl::StatusOr<std::shared_ptr<const Block>>
Compactor::writeHeadBlock(std::int64_t fromMs, std::int64_t endMs, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<HeadEntry> entries,
                             seriesIn(head_, fromMs, endMs - 1));
    if (entries.empty()) {
        return std::shared_ptr<const Block>();
    }
    const std::string ulid = makeUlid(clock_.now());
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(directory_, ulid, symbolsOf(entries)));
    std::vector<ExportedChunk> chunks;
    for (const HeadEntry& entry : entries) {
        if (stop.stop_requested()) {
            return base::cancelled("cutting a block was stopped");
        }
        chunks.clear();
        NARTHEX_RETURN_IF_ERROR(head_.exportChunks(entry.ref, fromMs, endMs - 1, chunks));
        NARTHEX_RETURN_IF_ERROR(writer->addSeries(entry.labels, chunks));
    }
    if (writer->stats().samples == 0) {
        return std::shared_ptr<const Block>();
    }
    BlockMeta meta;
    meta.minTime = fromMs;
    meta.maxTime = endMs;
    meta.sources = {ulid};
    NARTHEX_RETURN_IF_ERROR(writer->finish(meta).status());
    return Block::open(directory_ / ulid);
}

absl::Status Compactor::mergeBlocks(const std::vector<BlockMeta>& plan, const std::stop_token& stop)
{
    const base::Duration begun = clock_.monotonic();
    BlockList::Blocks parents;
    std::vector<std::string> ulids;
    for (const auto& block : *blocks_.blocks()) {
        const auto planned = [&block](const BlockMeta& meta) {
            return meta.ulid == block->meta().ulid;
        };
        if (std::any_of(plan.begin(), plan.end(), planned)) {
            parents.push_back(block);
            ulids.push_back(block->meta().ulid);
        }
    }
    const std::string ulid = makeUlid(clock_.now());
    const auto merged = writeMergedBlock(directory_, ulid, parents, stop);
    if (!merged.ok()) {
        // A full disk or a stop passes; anything else would come again and again.
        if (merged.status().code() == absl::StatusCode::kDataLoss) {
            for (const auto& parent : parents) {
                BlockMeta meta = parent->meta();
                meta.failed = true;
                base::ignore(writeBlockMeta(parent->directory(), meta),
                             "only spares later attempts");
            }
        }
        return merged.status();
    }
    std::shared_ptr<const Block> block;
    if (*merged) {
        NARTHEX_ASSIGN_OR_RETURN(block, Block::open(directory_ / ulid));
    }
    log_->info("tsdb: blocks merged block={} parents={} took={:.3f}s", ulid, ulids.size(),
               (clock_.monotonic() - begun).seconds());
    return blocks_.replace(std::move(block), ulids);
}

} // namespace narthex::tsdb
