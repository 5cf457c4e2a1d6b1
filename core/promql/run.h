// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The changing state of one running query: its limits, its counters, its remarks, and the ways to
// read and to work in parallel. Owner: Engine, one a query. Threads: every member from any of the
// query's workers. Errors: Cancelled, DeadlineExceeded, ResourceExhausted.
#pragma once

#include "core/base/clock.h"
#include "core/base/worker_pool.h"
#include "core/promql/features.h"
#include "core/promql/notes.h"
#include "core/promql/plan.h"
#include "core/promql/sample_counts.h"
#include "core/storage/storage.h"

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::promql {

struct RunLimits
{
    std::uint64_t maxSamples = 0;
    /// On the clock's monotonic time.
    base::Duration deadline;
    /// Count samples by step, too.
    bool perStep = false;
};

class Trace;

class Run
{
public:
    using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;

    /// All outlive the run. `querier` is null when the query reads nothing.
    Run(const Plan& plan, const Features& features, const storage::Querier* querier,
        base::WorkerPool& pool, const base::Clock& clock, RunLimits limits, std::stop_token stop);

    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] const Features& features() const { return features_; }
    [[nodiscard]] Notes& notes() { return notes_; }
    [[nodiscard]] bool isInstant() const { return plan_.span.step == 0; }
    [[nodiscard]] const std::stop_token& stop() const { return stop_; }
    [[nodiscard]] base::WorkerPool& pool() { return pool_; }

    /// Not OK when the query was cancelled or is out of time. Cheap: to be called once a batch.
    [[nodiscard]] absl::Status check() const;

    /// Counts samples that are now in memory.
    [[nodiscard]] absl::Status charge(std::uint64_t samples);
    void release(std::uint64_t samples) { current_.fetch_sub(samples, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t charged() const { return current_.load(std::memory_order_relaxed); }
    /// Sets the count: what a subtree holds when it is done.
    [[nodiscard]] absl::Status settle(std::uint64_t before, std::uint64_t samples);

    /// Calls body(i) for all i < count on the pool, in batches; the first error ends it.
    [[nodiscard]] absl::Status parallelFor(std::size_t count,
                                           absl::FunctionRef<absl::Status(std::size_t)> body);

    /// The same in pieces [begin, end): for a body that has memory to use again for the next one.
    [[nodiscard]] absl::Status
    parallelPieces(std::size_t count,
                   absl::FunctionRef<absl::Status(std::size_t, std::size_t)> body);

    /// Calls body(from, to) for ranges of steps that cover all, on all threads. They begin at
    /// multiples of kStepPiece.
    void forStepRanges(std::size_t steps, absl::FunctionRef<void(std::size_t, std::size_t)> body);
    static constexpr std::size_t kStepPiece = 64;

    /// Series that match, sorted by labels; some may have no samples in the time of the hints.
    /// Selectors of the query with the same matchers ask the store once, for the time of them all.
    /// Threads: the query's own.
    absl::StatusOr<SeriesList> select(const model::Matchers& matchers,
                                      const storage::SelectHints& hints);

    /// Zeros for the grid that is being evaluated; a worker fills them in and gives them to
    /// count().
    [[nodiscard]] StepCounts noCounts() const
    {
        return StepCounts::of(countedSteps_, countsSteps_);
    }
    void count(const StepCounts& counts);
    /// While it lives, samples are counted for the steps of another grid: the inside of a subquery,
    /// or a part that is the same at every step. Threads: the query's own, outside of parallelFor.
    class CountScope
    {
    public:
        CountScope(Run& run, std::size_t steps, bool perStep);
        ~CountScope();
        CountScope(const CountScope&) = delete;
        CountScope& operator=(const CountScope&) = delete;
        /// Ends the scope; what was counted in it.
        StepCounts finish();

    private:
        Run& run_;
        StepCounts outer_;
        std::size_t outerSteps_;
        bool outerPerStep_;
        bool finished_ = false;
    };
    /// Whether samples are counted by step now.
    [[nodiscard]] bool countsSteps() const { return countsSteps_; }

    /// What a part of the query gave that stands in it several times, and what it counted.
    struct CommonResult
    {
        std::uint32_t part = 0;
        Grid grid;
        Rows rows;
        StepCounts counts;
    };
    /// Null when it was not worked out yet for this grid. Threads: the query's own.
    [[nodiscard]] const CommonResult* findCommon(std::uint32_t part, const Grid& grid) const;
    /// Keeps it unless there is too much already: it does not count against the query's limit.
    void keepCommon(CommonResult result, std::uint64_t points);

    /// Fills in the counters, not the times.
    void addTo(Statistics& statistics) const;

    /// Null unless the result of every node is wanted.
    [[nodiscard]] Trace* trace() const { return trace_; }
    void setTrace(Trace* trace) { trace_ = trace; }

private:
    absl::StatusOr<SeriesList> ask(const model::Matchers& matchers,
                                   const storage::SelectHints& hints);

    // Fixed after construction.
    const Plan& plan_;
    const Features features_;
    const storage::Querier* const querier_;
    base::WorkerPool& pool_;
    const base::Clock& clock_;
    const RunLimits limits_;
    const std::stop_token stop_;
    // Set before the evaluation starts.
    Trace* trace_ = nullptr;
    // Safe by themselves. Counters: relaxed, they order nothing.
    Notes notes_;
    std::atomic<std::uint64_t> current_{0};
    std::atomic<std::uint64_t> peak_{0};
    std::atomic<std::uint64_t> series_{0};
    // Changed by the query's own thread, between the parallel parts.
    base::StringMap<SeriesList> shared_; // of Plan::selections with several selectors
    std::vector<CommonResult> common_;
    std::uint64_t commonPoints_ = 0;
    std::size_t countedSteps_;
    bool countsSteps_;
    // Guarded.
    mutable absl::Mutex countsMutex_;
    StepCounts counts_ ABSL_GUARDED_BY(countsMutex_);
};

} // namespace narthex::promql
