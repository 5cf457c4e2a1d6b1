// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/compactor.h"

#include "core/base/status.h"
#include "core/tsdb/block_merge.h"
#include "core/tsdb/head_source.h"
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

/// How long a cut waits for batches and readers that hold its range open before it leaves the work
/// to the next run.
constexpr absl::Duration kWaitAtMost = absl::Seconds(30);

bool overlap(const BlockList::Blocks& blocks)
{
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        if (blocks[i]->meta().minTime < blocks[i - 1]->meta().maxTime) {
            return true;
        }
    }
    return false;
}

/// Counts one compaction and how long it took, whatever becomes of it.
class CompactionTimer
{
public:
    CompactionTimer(StoreMetrics* metrics, const base::Clock& clock)
        : metrics_(metrics), clock_(clock), begun_(clock.monotonic())
    {
        if (metrics_ != nullptr) {
            metrics_->populatingBlock = 1;
        }
    }
    ~CompactionTimer()
    {
        if (metrics_ != nullptr) {
            metrics_->populatingBlock = 0;
            ++metrics_->compactions;
            metrics_->compactionSeconds.observe((clock_.monotonic() - begun_).seconds());
        }
    }
    CompactionTimer(const CompactionTimer&) = delete;
    CompactionTimer& operator=(const CompactionTimer&) = delete;

private:
    StoreMetrics* metrics_;
    const base::Clock& clock_;
    const base::Duration begun_;
};

/// Bytes of the file system that holds the directory; none when it cannot be asked.
std::optional<std::uint64_t> fileSystemBytes(const std::filesystem::path& directory)
{
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(directory, error);
    return error ? std::nullopt : std::optional<std::uint64_t>(space.capacity);
}

} // namespace

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
      keepsSeries_(std::move(keepsSeries)),
      retention_{options.retentionMs, options.retentionBytes, options.retentionPercent}
{}

bool Compactor::headIsFull() const
{
    return !head_.isEmpty() && head_.maxTime() - head_.minTime() > options_.blockRangeMs / 2 * 3;
}

bool Compactor::headIsDue()
{
    if (!headIsFull()) {
        fullSince_.reset();
        return false;
    }
    const base::Duration now = clock_.monotonic();
    if (!fullSince_) {
        fullSince_ = now;
    }
    return now - *fullSince_ >= options_.cutDelay;
}

std::vector<BlockMeta> Compactor::metas() const
{
    std::vector<BlockMeta> metas;
    for (const auto& block : *blocks_.blocks()) {
        metas.push_back(block->meta());
    }
    return metas;
}

RetentionLimits Compactor::retention() const
{
    absl::MutexLock lock(&mutex_);
    return retention_;
}

void Compactor::setRetention(const RetentionLimits& limits)
{
    absl::MutexLock lock(&mutex_);
    retention_ = limits;
}

absl::Status Compactor::run(const std::stop_token& stop)
{
    if (options_.metrics != nullptr) {
        ++options_.metrics->compactionsTriggered;
    }
    while (headIsDue() && !stop.stop_requested()) {
        NARTHEX_RETURN_IF_ERROR(cutHead(stop));
    }
    NARTHEX_RETURN_IF_ERROR(mergeAll(stop));
    return applyRetention();
}

absl::Status Compactor::mergeAll(const std::stop_token& stop)
{
    const std::vector<std::int64_t> ranges =
        compactionRanges(options_.blockRangeMs, retention().retentionMs, options_.maxBlockRangeMs);
    while (!stop.stop_requested() && !headIsDue()) {
        const std::vector<BlockMeta> plan = planCompaction(metas(), ranges);
        if (plan.empty()) {
            break;
        }
        NARTHEX_RETURN_IF_ERROR(mergeBlocks(plan, stop));
    }
    return absl::OkStatus();
}

absl::Status Compactor::applyRetention()
{
    const RetentionLimits limits = retention();
    const std::vector<BlockMeta> all = metas();
    const std::vector<std::string> tooOld = beyondRetention(all, limits.retentionMs);
    std::vector<std::string> tooMuch;
    std::uint64_t limit = limits.bytes;
    if (limits.percent > 0) {
        const auto capacity = fileSystemBytes(directory_);
        if (!capacity) {
            log_->warn("tsdb: size of the file system is unknown, its share is no limit now");
        }
        limit = capacity ? byteLimit(limits, *capacity) : 0;
    }
    if (limit > 0) {
        std::vector<SizedBlock> sizes;
        const std::shared_ptr<const BlockList::Blocks> blocks = blocks_.blocks();
        for (const auto& block : *blocks) {
            if (std::find(tooOld.begin(), tooOld.end(), block->meta().ulid) == tooOld.end()) {
                sizes.push_back({block->meta().ulid, block->meta().maxTime, block->sizeBytes()});
            }
        }
        tooMuch = beyondSize(sizes, options_.headBytes ? options_.headBytes() : 0, limit);
    }
    if (options_.metrics != nullptr) {
        options_.metrics->timeRetentions += tooOld.empty() ? 0 : 1;
        options_.metrics->sizeRetentions += tooMuch.empty() ? 0 : 1;
    }
    std::vector<std::string> doomed = tooOld;
    doomed.insert(doomed.end(), tooMuch.begin(), tooMuch.end());
    if (doomed.empty()) {
        return absl::OkStatus();
    }
    log_->info("tsdb: blocks given up too_old={} too_large={}", tooOld.size(), tooMuch.size());
    return blocks_.replace(nullptr, doomed);
}

absl::Status Compactor::cutHead(const std::stop_token& stop)
{
    const base::Duration begun = clock_.monotonic();
    const std::int64_t from = head_.minTime();
    const std::int64_t end = alignedStart(from, options_.blockRangeMs) + options_.blockRangeMs;
    head_.raiseMinValidTime(end);
    if (!head_.waitForBatchesBefore(end, kWaitAtMost)) {
        return base::unavailable("a batch holds samples before {} back",
                                 base::formatTimestamp({end}));
    }
    HeadSource source(head_);
    // Readers find the block before the head lets go.
    NARTHEX_ASSIGN_OR_RETURN(const std::shared_ptr<const Block> block,
                             cutBlock(source, from, end, {}, stop));
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
Compactor::cutBlock(BlockSource& source, std::int64_t fromMs, std::int64_t endMs,
                    std::vector<std::string> hints, const std::stop_token& stop)
{
    const CompactionTimer timer(options_.metrics, clock_);
    const NewBlock target{.directory = directory_,
                          .ulid = makeUlid(clock_.now()),
                          .fromMs = fromMs,
                          .endMs = endMs,
                          .hints = std::move(hints),
                          .chunkSegmentBytes = options_.chunkSegmentBytes,
                          .metrics = options_.metrics};
    NARTHEX_ASSIGN_OR_RETURN(const std::optional<BlockMeta> meta, writeBlock(source, target, stop));
    if (!meta) {
        return std::shared_ptr<const Block>();
    }
    NARTHEX_ASSIGN_OR_RETURN(std::shared_ptr<const Block> block,
                             Block::open(directory_ / target.ulid));
    NARTHEX_RETURN_IF_ERROR(blocks_.replace(block, {}));
    return block;
}

void Compactor::markFailed(const BlockList::Blocks& parents)
{
    for (const auto& parent : parents) {
        auto marked = parent->withMarks(true, false);
        if (marked.ok()) {
            blocks_.update(*std::move(marked));
        } else {
            log_->warn("tsdb: block cannot be marked as failed block={} error=\"{}\"",
                       parent->meta().ulid, base::messageOf(marked.status()));
        }
    }
}

/// The merged block; null when nothing was left.
absl::StatusOr<std::shared_ptr<const Block>>
Compactor::writeMerged(const std::string& ulid, const BlockList::Blocks& parents,
                       const std::stop_token& stop)
{
    const MergeOptions options{
        .ulid = ulid, .chunkSegmentBytes = options_.chunkSegmentBytes, .metrics = options_.metrics};
    NARTHEX_ASSIGN_OR_RETURN(const bool written,
                             writeMergedBlock(directory_, parents, options, stop));
    if (written) {
        return Block::open(directory_ / ulid);
    }
    // A crash before they are deleted must not bring them back.
    for (const auto& parent : parents) {
        NARTHEX_ASSIGN_OR_RETURN(std::shared_ptr<const Block> marked,
                                 parent->withMarks(parent->meta().failed, true));
        blocks_.update(std::move(marked));
    }
    return std::shared_ptr<const Block>();
}

absl::Status Compactor::mergeBlocks(const std::vector<BlockMeta>& plan, const std::stop_token& stop)
{
    const CompactionTimer timer(options_.metrics, clock_);
    const base::Duration begun = clock_.monotonic();
    BlockList::Blocks parents;
    std::vector<std::string> ulids;
    const std::shared_ptr<const BlockList::Blocks> all = blocks_.blocks();
    for (const auto& block : *all) {
        const auto planned = [&block](const BlockMeta& meta) {
            return meta.ulid == block->meta().ulid;
        };
        if (std::any_of(plan.begin(), plan.end(), planned)) {
            parents.push_back(block);
            ulids.push_back(block->meta().ulid);
        }
    }
    const std::string ulid = makeUlid(clock_.now());
    auto merged = writeMerged(ulid, parents, stop);
    if (!merged.ok()) {
        // A full disk or a stop passes; anything else would come again and again.
        const absl::StatusCode code = merged.status().code();
        if (code != absl::StatusCode::kCancelled && code != absl::StatusCode::kResourceExhausted) {
            markFailed(parents);
        }
        if (options_.metrics != nullptr && code != absl::StatusCode::kCancelled) {
            ++options_.metrics->compactionsFailed;
        }
        return base::annotate(merged.status(), fmt::format("merge {} blocks", parents.size()));
    }
    if (options_.metrics != nullptr && overlap(parents)) {
        ++options_.metrics->verticalCompactions;
    }
    log_->info("tsdb: blocks merged block={} parents={} took={:.3f}s",
               *merged == nullptr ? "none" : ulid, ulids.size(),
               (clock_.monotonic() - begun).seconds());
    return blocks_.replace(*std::move(merged), ulids);
}

} // namespace narthex::tsdb
