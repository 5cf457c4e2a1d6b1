// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head.h"

#include "core/base/status.h"
#include "core/tsdb/head_appender.h"
#include "core/tsdb/head_querier.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

/// Moves `bound` to `value` if that is further in the direction of `isFurther`.
template <typename Further>
void moveBound(std::atomic<std::int64_t>& bound, std::int64_t value, Further isFurther)
{
    std::int64_t old = bound.load(std::memory_order_relaxed);
    while (isFurther(value, old) && !bound.compare_exchange_weak(old, value)) {
    }
}

} // namespace

Head::Head(const HeadOptions& options)
    : options_(options), index_(table_, options.shards), labelIndex_(table_)
{}

Head::~Head() = default;

std::unique_ptr<storage::Appender> Head::appender()
{
    return std::make_unique<HeadAppender>(shared_from_this());
}

void Head::addExemplar(HeadRef ref, const model::Exemplar& exemplar)
{
    const auto labels = model::Labels::fromBytes(std::string(table_.labels(ref)));
    exemplars_.append(labels, storage::SeriesRef{ref}, exemplar);
}

std::unique_ptr<storage::Querier> Head::querier(std::int64_t fromMs, std::int64_t toMs)
{
    return std::make_unique<HeadQuerier>(shared_from_this(), fromMs, toMs);
}

HeadRef Head::createSeries(HeadRef ref, std::string_view packedLabels)
{
    SeriesPage& page = table_.makePage(SeriesTable::pageOf(ref));
    const std::uint32_t position = SeriesTable::positionOf(ref);
    {
        absl::MutexLock lock(&page.mutex);
        page.setLabels(position, packedLabels);
        page.hot[position].flags = HotSeries::Alive;
    }
    labelIndex_.add(ref);
    counters_.labelBytes.fetch_add(packedLabels.size() + kMallocHeaderBytes,
                                   std::memory_order_relaxed);
    counters_.series.fetch_add(1, std::memory_order_relaxed);
    counters_.seriesCreated.fetch_add(1, std::memory_order_relaxed);
    return ref;
}

HeadRef Head::seriesFor(std::string_view packedLabels)
{
    const auto create = [this, packedLabels] {
        const HeadRef ref = createSeries(lastRef_.fetch_add(1) + 1, packedLabels);
        // Before the shard is unlocked: whoever learns this number commits after the series was
        // queued.
        journal_->addSeries(ref, packedLabels);
        return ref;
    };
    return index_.findOrCreate(packedLabels, create).ref;
}

HeadRef Head::restoreSeries(std::uint64_t ref, std::string_view packedLabels)
{
    if (ref == 0 || ref > std::numeric_limits<HeadRef>::max() - SeriesPage::kSeries) {
        return 0;
    }
    const auto number = static_cast<HeadRef>(ref);
    lastRef_.store(std::max(lastRef_.load(), number));
    if (hasSeries(number)) {
        return number; // the same record again: a checkpoint and a segment both hold it
    }
    const HeadRef found =
        index_.findOrCreate(packedLabels, [&] { return createSeries(number, packedLabels); }).ref;
    if (!loaded_.empty()) {
        attachLoaded(found, ref);
    }
    return found;
}

bool Head::hasSeries(HeadRef ref) const
{
    SeriesPage* page = table_.page(SeriesTable::pageOf(ref));
    if (page == nullptr) {
        return false;
    }
    absl::ReaderMutexLock lock(&page->mutex);
    return page->hot[SeriesTable::positionOf(ref)].has(HotSeries::Alive);
}

std::int64_t Head::rangeEnd(std::int64_t time) const
{
    const std::int64_t range = options_.blockRangeMs;
    const std::int64_t floored = time >= 0 ? time / range : -((-(time + 1)) / range) - 1;
    return floored * range + range;
}

std::int64_t Head::minValidTime(std::int64_t firstTime) const
{
    std::int64_t newest = maxTime();
    if (newest == kNoTime) {
        newest = firstTime;
    }
    const std::int64_t half = options_.blockRangeMs / 2;
    const std::int64_t window = newest < kNoTime + half ? kNoTime : newest - half;
    return std::max(minValidTime_.load(std::memory_order_acquire), window);
}

void Head::raiseMinValidTime(std::int64_t ms) { moveBound(minValidTime_, ms, std::greater<>()); }

std::int64_t Head::beginBatch(std::int64_t firstTime)
{
    // Judged and entered in one step: a cut that raised the minimum either sees this batch or is
    // seen by it.
    absl::MutexLock lock(&batchMutex_);
    const std::int64_t minValid = minValidTime(firstTime);
    openBatches_.insert(minValid);
    return minValid;
}

void Head::endBatch(std::int64_t minValid)
{
    absl::MutexLock lock(&batchMutex_);
    openBatches_.erase(openBatches_.find(minValid));
}

bool Head::waitForBatchesBefore(std::int64_t ms, absl::Duration atMost)
{
    const auto none = [this, ms]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(batchMutex_) {
        return openBatches_.empty() || *openBatches_.begin() >= ms;
    };
    absl::MutexLock lock(&batchMutex_);
    return batchMutex_.AwaitWithTimeout(absl::Condition(&none), atMost);
}

std::int64_t Head::earliestOpenTime()
{
    const std::int64_t later = minValidTime(maxTime());
    absl::MutexLock lock(&batchMutex_);
    return openBatches_.empty() ? later : std::min(later, *openBatches_.begin());
}

void Head::extendTimes(std::int64_t lowest, std::int64_t highest)
{
    moveBound(minTime_, lowest, std::less<>());
    moveBound(maxTime_, highest, std::greater<>());
}

void Head::extendLateTimes(std::int64_t lowest, std::int64_t highest)
{
    moveBound(lateMinTime_, lowest, std::less<>());
    moveBound(lateMaxTime_, highest, std::greater<>());
}

std::uint64_t Head::memoryBytes() const
{
    return pool_.memoryBytes() + table_.memoryBytes() + index_.memoryBytes() +
           labelIndex_.memoryBytes() + counters_.labelBytes.load() +
           counters_.histogramBytes.load() + counters_.closedChunkBytes.load();
}

} // namespace narthex::tsdb
