// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/run.h"

#include "core/base/status.h"

#include <algorithm>
#include <utility>

namespace narthex::promql {
namespace {

/// Enough work to be worth a task, little enough to spread and to be stopped promptly.
constexpr std::size_t kBatch = 16;

} // namespace

Run::Run(const Plan& plan, const Features& features, const storage::Querier* querier,
         base::WorkerPool& pool, const base::Clock& clock, RunLimits limits, std::stop_token stop)
    : plan_(plan),
      features_(features),
      querier_(querier),
      pool_(pool),
      clock_(clock),
      limits_(limits),
      stop_(std::move(stop)),
      countedSteps_(plan.span.grid().count),
      countsSteps_(limits.perStep),
      counts_(StepCounts::of(countedSteps_, countsSteps_))
{}

absl::Status Run::check() const
{
    if (stop_.stop_requested()) {
        return base::cancelled("query was canceled in expression evaluation");
    }
    if (clock_.monotonic() > limits_.deadline) {
        return base::deadlineExceeded("query timed out in expression evaluation");
    }
    return absl::OkStatus();
}

absl::Status Run::charge(std::uint64_t samples)
{
    const std::uint64_t now = current_.fetch_add(samples, std::memory_order_relaxed) + samples;
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    if (now > limits_.maxSamples) {
        return base::resourceExhausted(
            "query processing would load too many samples into memory in query execution");
    }
    return absl::OkStatus();
}

absl::Status Run::settle(std::uint64_t before, std::uint64_t samples)
{
    current_.store(before, std::memory_order_relaxed);
    return charge(samples);
}

absl::Status Run::parallelPieces(std::size_t count,
                                 absl::FunctionRef<absl::Status(std::size_t, std::size_t)> body)
{
    const std::size_t batches = (count + kBatch - 1) / kBatch;
    std::atomic<bool> failed{false}; // relaxed: a hint to stop early; the status is under the mutex
    absl::Mutex mutex;
    absl::Status first;
    const auto runBatch = [&](std::size_t batch) {
        if (failed.load(std::memory_order_relaxed)) {
            return;
        }
        absl::Status status = check();
        if (status.ok()) {
            status = body(batch * kBatch, std::min(count, (batch + 1) * kBatch));
        }
        if (!status.ok()) {
            failed.store(true, std::memory_order_relaxed);
            const absl::MutexLock lock(&mutex);
            first.Update(status);
        }
    };
    if (batches == 1) {
        runBatch(0);
    } else if (batches > 1) {
        pool_.parallelFor(batches, runBatch);
    }
    return first;
}

absl::Status Run::parallelFor(std::size_t count, absl::FunctionRef<absl::Status(std::size_t)> body)
{
    return parallelPieces(count, [this, body](std::size_t begin, std::size_t end) {
        absl::Status status;
        for (std::size_t i = begin; i < end && status.ok(); ++i) {
            status = check();
            if (status.ok()) {
                status = body(i);
            }
        }
        return status;
    });
}

void Run::forStepRanges(std::size_t steps, absl::FunctionRef<void(std::size_t, std::size_t)> body)
{
    // Less is not worth waking a thread.
    constexpr std::size_t kFewest = 2 * kStepPiece;
    const std::size_t ranges = std::min(pool_.threadCount() + 1, steps / kFewest);
    if (ranges < 2) {
        return body(0, steps);
    }
    const std::size_t pieces = (steps + kStepPiece - 1) / kStepPiece;
    const auto bound = [&](std::size_t range) {
        return std::min(steps, range * pieces / ranges * kStepPiece);
    };
    pool_.parallelFor(ranges, [&](std::size_t range) { body(bound(range), bound(range + 1)); });
}

absl::StatusOr<Run::SeriesList> Run::ask(const model::Matchers& matchers,
                                         const storage::SelectHints& hints)
{
    NARTHEX_RETURN_IF_ERROR(check());
    SeriesList list;
    if (querier_ == nullptr) {
        return list;
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto set, querier_->select(hints, matchers, stop_));
    constexpr std::size_t kSeriesBatch = 1024;
    for (std::size_t before = list.size();; before = list.size()) {
        NARTHEX_RETURN_IF_ERROR(set->next(kSeriesBatch, list));
        if (list.size() == before) {
            break;
        }
        NARTHEX_RETURN_IF_ERROR(check());
    }
    return list;
}

absl::StatusOr<Run::SeriesList> Run::select(const model::Matchers& matchers,
                                            const storage::SelectHints& hints)
{
    const std::string key = selectionKey(matchers);
    const auto selection = plan_.selections.find(key);
    const bool shares = selection != plan_.selections.end() && selection->second.selectors > 1 &&
                        selection->second.from <= hints.from && hints.to <= selection->second.to;
    SeriesList list;
    if (!shares) {
        NARTHEX_ASSIGN_OR_RETURN(list, ask(matchers, hints));
    } else if (const auto known = shared_.find(key); known != shared_.end()) {
        list = known->second;
    } else {
        storage::SelectHints all = hints;
        all.from = selection->second.from;
        all.to = selection->second.to;
        NARTHEX_ASSIGN_OR_RETURN(list, ask(matchers, all));
        shared_.emplace(key, list);
    }
    series_.fetch_add(list.size(), std::memory_order_relaxed);
    return list;
}

void Run::count(const StepCounts& counts)
{
    const absl::MutexLock lock(&countsMutex_);
    counts_.add(counts);
}

const Run::CommonResult* Run::findCommon(std::uint32_t part, const Grid& grid) const
{
    for (const CommonResult& known : common_) {
        if (known.part == part && known.grid == grid) {
            return &known;
        }
    }
    return nullptr;
}

void Run::keepCommon(CommonResult result, std::uint64_t points)
{
    constexpr std::uint64_t kMostPoints = 2'000'000;
    if (commonPoints_ + points <= kMostPoints) {
        commonPoints_ += points;
        common_.push_back(std::move(result));
    }
}

Run::CountScope::CountScope(Run& run, std::size_t steps, bool perStep)
    : run_(run), outerSteps_(run.countedSteps_), outerPerStep_(run.countsSteps_)
{
    run.countedSteps_ = steps;
    run.countsSteps_ = perStep;
    const absl::MutexLock lock(&run.countsMutex_);
    outer_ = std::exchange(run.counts_, StepCounts::of(steps, perStep));
}

Run::CountScope::~CountScope()
{
    if (!finished_) {
        finish();
    }
}

StepCounts Run::CountScope::finish()
{
    finished_ = true;
    run_.countedSteps_ = outerSteps_;
    run_.countsSteps_ = outerPerStep_;
    const absl::MutexLock lock(&run_.countsMutex_);
    return std::exchange(run_.counts_, std::move(outer_));
}

void Run::addTo(Statistics& statistics) const
{
    statistics.peakSamples = peak_.load(std::memory_order_relaxed);
    const absl::MutexLock lock(&countsMutex_);
    statistics.samplesRead = counts_.read;
    statistics.totalQueryableSamples = counts_.queryable;
    const Grid grid = plan_.span.grid();
    const auto byTime = [&grid](const std::vector<std::uint64_t>& counts) {
        std::vector<StepCount> result(counts.size());
        for (std::size_t i = 0; i < counts.size(); ++i) {
            result[i] = {{grid.at(i)}, counts[i]};
        }
        return result;
    };
    statistics.totalQueryableSamplesPerStep = byTime(counts_.queryablePerStep);
    statistics.samplesReadPerStep = byTime(counts_.readPerStep);
    statistics.seriesSelected = series_.load(std::memory_order_relaxed);
}

} // namespace narthex::promql
