// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/engine.h"

#include "core/base/status.h"
#include "core/promql/eval.h"
#include "core/promql/parser.h"
#include "core/promql/plan.h"
#include "core/promql/trace.h"

#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <algorithm>

namespace narthex::promql {

/// Lets only so many queries run at once; the others wait their turn.
struct Engine::Gate
{
    absl::Mutex mutex;
    std::size_t running ABSL_GUARDED_BY(mutex) = 0;
    std::size_t waiting ABSL_GUARDED_BY(mutex) = 0;
};

namespace {

constexpr std::string_view kSameLabels = "vector cannot contain metrics with the same labelset";

Vector toVector(Rows&& rows, base::Timestamp time)
{
    Vector vector;
    vector.reserve(rows.size());
    for (Row& row : rows) {
        VectorElement element{.labels = std::move(row.labels), .time = time};
        if (row.cells[0] == Cell::Histogram) {
            element.histogram = std::move(row.histograms[0]);
        } else {
            element.value = row.values[0];
        }
        vector.push_back(std::move(element));
    }
    return vector;
}

Matrix toMatrix(Rows&& rows, const Grid& grid)
{
    Matrix matrix;
    matrix.reserve(rows.size());
    for (Row& row : rows) {
        MatrixSeries series{.labels = std::move(row.labels)};
        series.points.reserve(row.pointCount());
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Float) {
                series.points.push_back({{grid.at(i)}, row.values[i]});
            } else if (row.cells[i] == Cell::Histogram) {
                series.histograms.push_back({{grid.at(i)}, std::move(row.histograms[i])});
            }
        }
        matrix.push_back(std::move(series));
    }
    return matrix;
}

absl::Status sortMatrix(Matrix& matrix)
{
    std::sort(matrix.begin(), matrix.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    const auto same =
        std::adjacent_find(matrix.begin(), matrix.end(),
                           [](const auto& a, const auto& b) { return a.labels == b.labels; });
    return same == matrix.end() ? absl::OkStatus() : base::invalidArgument("{}", kSameLabels);
}

At::Kind pinOf(const Expr& expr)
{
    if (const auto* selector = expr.as<VectorSelector>()) {
        return selector->at.kind;
    }
    if (const auto* matrix = expr.as<MatrixSelector>()) {
        return matrix->selector.at.kind;
    }
    const auto* subquery = expr.as<Subquery>();
    return subquery != nullptr ? subquery->at.kind : At::Kind::None;
}

/// Refuses what the options switch off.
absl::Status checkModifiers(const Plan& plan, const EngineOptions& options)
{
    for (const auto& [node, nodePlan] : plan.nodes) {
        if (!options.atModifier && pinOf(*node) != At::Kind::None) {
            return base::invalidArgument("@ modifier is disabled");
        }
        if (!options.negativeOffset && nodePlan.offsetMs < 0) {
            return base::invalidArgument("negative offset is disabled");
        }
    }
    return absl::OkStatus();
}

/// The value of a query, given its plan.
absl::StatusOr<Value> evaluate(Run& run, const Expr& expr)
{
    const Grid grid = run.plan().span.grid();
    const base::Timestamp time{grid.start};
    switch (expr.type) {
    case ValueType::String:
        return String{time, stringOf(expr)};
    case ValueType::Matrix: {
        NARTHEX_ASSIGN_OR_RETURN(Matrix matrix, evalMatrix(run, grid, expr));
        NARTHEX_RETURN_IF_ERROR(sortMatrix(matrix));
        return matrix;
    }
    case ValueType::Scalar: {
        NARTHEX_ASSIGN_OR_RETURN(ScalarColumn column, evalScalar(run, grid, expr));
        if (run.isInstant()) {
            return Scalar{time, column[0]};
        }
        Rows rows(1);
        rows[0].cells.assign(column.size(), Cell::Float);
        rows[0].values = std::move(column);
        return toMatrix(std::move(rows), grid);
    }
    case ValueType::Vector:
    case ValueType::None:
        break;
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, expr));
    NARTHEX_RETURN_IF_ERROR(finishNames(rows));
    if (run.isInstant()) {
        return toVector(std::move(rows), time);
    }
    return toMatrix(std::move(rows), grid);
}

/// A place among the running queries, given back at the end.
template <typename Gate>
class Turn
{
public:
    explicit Turn(Gate& gate) : gate_(gate)
    {
        const absl::MutexLock lock(&gate_.mutex);
        ++gate_.waiting;
    }
    ~Turn()
    {
        const absl::MutexLock lock(&gate_.mutex);
        has_ ? --gate_.running : --gate_.waiting;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// False when it is not our turn in time.
    bool await(std::size_t limit, base::Duration atMost, const std::stop_token& stop)
    {
        // Woken by the end of a query; a stop has no way to wake a mutex, so it is looked at now
        // and then.
        constexpr base::Duration kLook = 100_ms;
        const absl::MutexLock lock(&gate_.mutex);
        const auto free = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(gate_.mutex) {
            return gate_.running < limit;
        };
        for (base::Duration waited; !free(); waited = waited + kLook) {
            if (waited > atMost || stop.stop_requested()) {
                return false;
            }
            gate_.mutex.AwaitWithTimeout(absl::Condition(&free), absl::Nanoseconds(kLook.ns));
        }
        --gate_.waiting;
        ++gate_.running;
        has_ = true;
        return true;
    }

private:
    Gate& gate_;
    bool has_ = false;
};

} // namespace

Engine::Engine(EngineOptions options, base::WorkerPool& pool, const base::Clock& clock)
    : options_(options), pool_(pool), clock_(clock), gate_(std::make_unique<Gate>())
{}

Engine::~Engine() = default;

std::size_t Engine::activeQueries() const
{
    const absl::MutexLock lock(&gate_->mutex);
    return gate_->running + gate_->waiting;
}

void Engine::setActiveQueries(std::shared_ptr<ActiveQueries> active)
{
    const absl::MutexLock lock(&observersMutex_);
    observers_.active = std::move(active);
}

void Engine::setQueryLog(std::shared_ptr<QueryLog> log)
{
    const absl::MutexLock lock(&observersMutex_);
    observers_.log = std::move(log);
}

Engine::Observers Engine::observers() const
{
    const absl::MutexLock lock(&observersMutex_);
    return observers_;
}

void Engine::writeMetrics(exposition::TextWriter& out) const
{
    metrics_.write(out, {.active = activeQueries(),
                         .maxConcurrent = options_.maxConcurrent,
                         .logEnabled = observers().log != nullptr,
                         .now = clock_.monotonic()});
}

absl::StatusOr<Result> Engine::run(const storage::Queryable& store, const Expr& expr,
                                   std::string_view query, const QuerySpan& span,
                                   const QueryOptions& options, std::stop_token stop) const
{
    // Room for offsets and windows before and behind, far beyond any real time.
    constexpr std::int64_t kFarthestMs = std::int64_t{1} << 62;
    if (span.start < -kFarthestMs || span.end > kFarthestMs) {
        return base::invalidArgument("time of the query is out of range");
    }
    if (span.step != 0 && (expr.type == ValueType::String || expr.type == ValueType::Matrix)) {
        return base::invalidArgument(
            "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
            expr.type == ValueType::Matrix ? "range vector" : "string");
    }
    Statistics statistics;
    absl::StatusOr<Result> result = execute(store, query, expr, span, options, stop, statistics);
    metrics_.observe(statistics, clock_.monotonic());
    if (const std::shared_ptr<QueryLog> log = observers().log) {
        const absl::Status logged =
            log->write({.query = query,
                        .start = {span.start},
                        .end = {span.end},
                        .step = base::Duration::fromMs(span.step),
                        .error = base::messageOf(result.ok() ? result->failure : result.status()),
                        .statistics = statistics,
                        .origin = options.origin},
                       clock_.now());
        if (!logged.ok()) {
            metrics_.countLogFailure();
        }
    }
    if (result.ok()) {
        result->statistics = std::move(statistics);
    }
    return result;
}

absl::StatusOr<Result> Engine::execute(const storage::Queryable& store, std::string_view query,
                                       const Expr& expr, const QuerySpan& span,
                                       const QueryOptions& options, const std::stop_token& stop,
                                       Statistics& statistics) const
{
    const base::Duration begin = clock_.monotonic();
    const base::Duration timeout =
        std::min(options_.timeout, options.timeout.value_or(options_.timeout));
    Turn<Gate> turn(*gate_);
    const bool entered =
        turn.await(std::max<std::size_t>(options_.maxConcurrent, 1), timeout, stop);
    const base::Duration started = clock_.monotonic();
    statistics.execQueueTime = started - begin;
    statistics.execTotalTime = started - begin;
    if (!entered) {
        return stop.stop_requested() ? base::cancelled("query was canceled in query queue")
                                     : base::deadlineExceeded("query timed out in query queue");
    }
    const std::shared_ptr<ActiveQueries> active = observers().active;
    const ActiveQueries::Slot slot = active ? active->enter(query) : ActiveQueries::Slot();
    QuerySpan full = span;
    full.lookbackMs = options.lookback.value_or(options_.lookback).ms();
    full.subqueryStepMs = options_.defaultSubqueryStep.ms();
    if (full.grid().count > options_.maxSamples) {
        return base::resourceExhausted("{} steps are more than the limit of {} samples",
                                       full.grid().count, options_.maxSamples);
    }
    NARTHEX_ASSIGN_OR_RETURN(const Plan plan, makePlan(expr, full));
    NARTHEX_RETURN_IF_ERROR(checkModifiers(plan, options_));
    std::unique_ptr<storage::Querier> querier;
    if (plan.readFrom <= plan.readTo) {
        NARTHEX_ASSIGN_OR_RETURN(querier, store.querier(plan.readFrom, plan.readTo));
    }
    const base::Duration prepared = clock_.monotonic();
    statistics.queryPreparationTime = prepared - started;
    Run run(plan, options_.features, querier.get(), pool_, clock_,
            {.maxSamples = options_.maxSamples,
             .deadline = begin + timeout,
             .perStep = options.perStepStatistics && options_.features.perStepStats},
            stop);
    std::optional<Trace> trace;
    if (options.trace) {
        trace.emplace(expr, clock_, options.traceElements);
        run.setTrace(&*trace);
    }
    absl::StatusOr<Value> value = evaluate(run, expr);
    const base::Duration evaluated = clock_.monotonic();
    run.addTo(statistics);
    statistics.innerEvalTime = evaluated - prepared;
    if (trace) {
        completeTrace(run, expr, value.status());
    }
    if (auto* matrix = value.ok() ? std::get_if<Matrix>(&*value) : nullptr; matrix != nullptr) {
        if (const absl::Status status = sortMatrix(*matrix); !status.ok()) {
            value = status;
        }
    }
    const base::Duration end = clock_.monotonic();
    statistics.resultSortTime = end - evaluated;
    statistics.evalTotalTime = end - started;
    statistics.execTotalTime = end - begin;
    if (!value.ok() && !trace) {
        return value.status();
    }
    if (querier != nullptr) {
        for (const std::string& warning : querier->warnings()) {
            run.notes().warnOfSource(warning);
        }
    }
    Result result{.failure = value.status()};
    result.annotations = run.notes().take();
    if (trace) {
        result.nodes = trace->take(result.annotations);
    }
    if (value.ok()) {
        result.value = *std::move(value);
    }
    return result;
}

absl::StatusOr<Result> Engine::instant(const storage::Queryable& store, std::string_view query,
                                       base::Timestamp time, const QueryOptions& options,
                                       std::stop_token stop) const
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(query, options_.features));
    return run(store, *expr, query, {.start = time.ms, .end = time.ms}, options, std::move(stop));
}

absl::StatusOr<Result> Engine::instant(const storage::Queryable& store, const Expr& expr,
                                       std::string_view text, base::Timestamp time,
                                       const QueryOptions& options, std::stop_token stop) const
{
    return run(store, expr, text, {.start = time.ms, .end = time.ms}, options, std::move(stop));
}

absl::StatusOr<Result> Engine::range(const storage::Queryable& store, std::string_view query,
                                     base::Timestamp from, base::Timestamp to, base::Duration step,
                                     const QueryOptions& options, std::stop_token stop) const
{
    if (step.ms() <= 0) {
        return base::invalidArgument(
            "zero or negative query resolution step widths are not accepted");
    }
    if (to < from) {
        return base::invalidArgument("end timestamp must not be before start time");
    }
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(query, options_.features));
    return run(store, *expr, query, {.start = from.ms, .end = to.ms, .step = step.ms()}, options,
               std::move(stop));
}

} // namespace narthex::promql
