// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The query engine: parses, plans once, evaluates in batches of series × steps on the worker pool.
// Owner: core/engine. Threads: instant() and range() from any thread, many at once up to
// `maxConcurrent`; both block, so callers come from a worker. Errors: InvalidArgument (syntax,
// types, matching; the Position payload has byte offsets), DeadlineExceeded, Cancelled,
// ResourceExhausted (too many samples), and what the store returns.
#pragma once

#include "core/base/clock.h"
#include "core/base/time.h"
#include "core/base/worker_pool.h"
#include "core/promql/active_queries.h"
#include "core/promql/engine_metrics.h"
#include "core/promql/features.h"
#include "core/promql/query_log.h"
#include "core/promql/value.h"
#include "core/storage/storage.h"

#include <absl/status/statusor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

namespace narthex::promql {

using namespace base::literals;

struct Expr;
struct QuerySpan;

struct EngineOptions
{
    /// Samples in memory at once; a query above it fails.
    std::size_t maxSamples = 50'000'000;
    /// From start, waiting included.
    base::Duration timeout = 2_min;
    /// Queries at once; more wait.
    std::size_t maxConcurrent = 20;
    /// How old a sample may be for an instant selector.
    base::Duration lookback = 5_min;
    /// Step of `[1h:]`: the global evaluation interval.
    base::Duration defaultSubqueryStep = 1_min;
    /// Whether queries may look at a fixed time (`@`), and ahead of the evaluation time.
    bool atModifier = true;
    bool negativeOffset = true;
    Features features{};
};

struct QueryOptions
{
    std::optional<base::Duration> lookback;
    /// Shorter than the engine's; longer has no effect.
    std::optional<base::Duration> timeout;
    /// For the query log; may be null.
    const QueryOrigin* origin = nullptr;
    /// Statistics by step, too (`stats=all`); wants the switch promql-per-step-stats.
    bool perStepStatistics = false;
    /// Result::nodes is wanted. Slower: nothing streams, and range vectors are read once more. An
    /// evaluation that fails is then told by Result::failure.
    bool trace = false;
    /// Elements kept of each node's value.
    std::size_t traceElements = 100;
};

class Engine
{
public:
    /// `pool` and `clock` outlive the engine.
    Engine(EngineOptions options, base::WorkerPool& pool, const base::Clock& clock);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    absl::StatusOr<Result> instant(const storage::Queryable& store, std::string_view query,
                                   base::Timestamp time, const QueryOptions& options,
                                   std::stop_token stop) const;

    /// The same for a query that was parsed before, with the engine's switches. `text` stands in
    /// logs, and positions of errors and remarks are bytes of the text that was parsed.
    absl::StatusOr<Result> instant(const storage::Queryable& store, const Expr& expr,
                                   std::string_view text, base::Timestamp time,
                                   const QueryOptions& options, std::stop_token stop) const;

    /// Evaluates at from, from + step, … <= to; the value is always a Matrix, series sorted by
    /// labels.
    absl::StatusOr<Result> range(const storage::Queryable& store, std::string_view query,
                                 base::Timestamp from, base::Timestamp to, base::Duration step,
                                 const QueryOptions& options, std::stop_token stop) const;

    [[nodiscard]] const EngineOptions& options() const { return options_; }
    /// Queries running or waiting.
    [[nodiscard]] std::size_t activeQueries() const;

    /// Where running queries are named from now on; null: nowhere. Any thread.
    void setActiveQueries(std::shared_ptr<ActiveQueries> active);
    /// Where queries that end are logged from now on; null: nowhere. Any thread.
    void setQueryLog(std::shared_ptr<QueryLog> log);
    void writeMetrics(exposition::TextWriter& out) const;

private:
    struct Gate;
    struct Observers
    {
        std::shared_ptr<ActiveQueries> active;
        std::shared_ptr<QueryLog> log;
    };

    absl::StatusOr<Result> run(const storage::Queryable& store, const Expr& expr,
                               std::string_view query, const QuerySpan& span,
                               const QueryOptions& options, std::stop_token stop) const;
    /// From the queue to the result; `statistics` is filled as far as it comes.
    absl::StatusOr<Result> execute(const storage::Queryable& store, std::string_view query,
                                   const Expr& expr, const QuerySpan& span,
                                   const QueryOptions& options, const std::stop_token& stop,
                                   Statistics& statistics) const;
    [[nodiscard]] Observers observers() const;

    const EngineOptions options_;
    base::WorkerPool& pool_;
    const base::Clock& clock_;
    std::unique_ptr<Gate> gate_;
    mutable EngineMetrics metrics_;

    mutable absl::Mutex observersMutex_;
    Observers observers_ ABSL_GUARDED_BY(observersMutex_);
};

} // namespace narthex::promql
