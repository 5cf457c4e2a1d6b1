// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Selectors, bare range vectors, and calls of functions over windows.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/eval.h"
#include "core/promql/matrix_input.h"
#include "core/promql/window_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace {

/// An instant selector over one series: the newest sample inside the lookback, at each step.
class LookbackSlider
{
public:
    LookbackSlider(const storage::SampleColumns& samples, std::int64_t lookback, bool asTime)
        : samples_(samples), lookback_(lookback), asTime_(asTime)
    {}

    /// `reference` never falls between calls.
    void fill(Row& row, std::size_t step, std::int64_t reference)
    {
        while (next_ < samples_.times.size() && samples_.times[next_] <= reference) {
            ++next_;
        }
        const auto& histogramTimes = samples_.histogramTimes;
        while (nextHistogram_ < histogramTimes.size() &&
               histogramTimes[nextHistogram_] <= reference) {
            ++nextHistogram_;
        }
        const bool histogram =
            nextHistogram_ > 0 &&
            (next_ == 0 || histogramTimes[nextHistogram_ - 1] > samples_.times[next_ - 1]);
        if (!histogram && next_ == 0) {
            return;
        }
        const std::int64_t time =
            histogram ? histogramTimes[nextHistogram_ - 1] : samples_.times[next_ - 1];
        if (time <= reference - lookback_) {
            return;
        }
        histogram ? putHistogram(row, step, time) : putFloat(row, step, time);
    }

private:
    void putFloat(Row& row, std::size_t step, std::int64_t time) const
    {
        const double value = samples_.values[next_ - 1];
        if (!model::isStale(value)) {
            row.setFloat(step, asTime_ ? static_cast<double>(time) / 1000 : value);
        }
    }
    void putHistogram(Row& row, std::size_t step, std::int64_t time) const
    {
        const auto& histogram = samples_.histograms[nextHistogram_ - 1];
        if (histogram->isStale()) {
            return;
        }
        asTime_ ? row.setFloat(step, static_cast<double>(time) / 1000)
                : row.setHistogram(step, histogram);
    }

    const storage::SampleColumns& samples_;
    const std::int64_t lookback_;
    const bool asTime_;
    std::size_t next_ = 0;
    std::size_t nextHistogram_ = 0;
};

bool isCounterName(std::string_view name)
{
    return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
           name.ends_with("_bucket");
}

} // namespace

namespace {

/// As LookbackSlider, for a series of floats only: writes every step.
void fillFloats(const storage::SampleColumns& samples, std::span<const std::int64_t> references,
                std::int64_t lookback, Row& row)
{
    const std::int64_t* const times = samples.times.data();
    const double* const values = samples.values.data();
    const std::size_t count = samples.times.size();
    std::size_t next = 0;
    for (std::size_t step = 0; step < references.size(); ++step) {
        const std::int64_t reference = references[step];
        while (next < count && times[next] <= reference) {
            ++next;
        }
        const bool there =
            next > 0 && times[next - 1] > reference - lookback && !model::isStale(values[next - 1]);
        row.cells[step] = there ? Cell::Float : Cell::None;
        row.values[step] = there ? values[next - 1] : 0;
    }
}

/// One instant selector, prepared for all its series.
class InstantReader
{
public:
    InstantReader(Run& run, const Grid& grid, const InstantRead& read)
        : run_(run), grid_(grid), read_(read), references_(grid.count)
    {
        for (std::size_t step = 0; step < grid.count; ++step) {
            references_[step] = read.reference(step);
        }
    }

    absl::Status prepare(const model::Matchers& matchers)
    {
        hints_.from = {references_.front() - run_.plan().span.lookbackMs + 1};
        hints_.to = {references_.back()};
        hints_.step = base::Duration::fromMs(grid_.step);
        hints_.function = read_.function;
        NARTHEX_ASSIGN_OR_RETURN(series_, run_.select(matchers, hints_));
        return absl::OkStatus();
    }

    [[nodiscard]] std::size_t size() const { return series_.size(); }

    /// `rows` out of the series from `first` on.
    absl::Status fillAll(std::span<Row> rows, std::size_t first)
    {
        return run_.parallelPieces(rows.size(), [&](std::size_t begin, std::size_t end) {
            storage::SampleColumns columns;
            absl::Status status;
            for (std::size_t i = begin; i < end && status.ok(); ++i) {
                status = fill(*series_[first + i], rows[i], columns);
            }
            return status;
        });
    }

private:
    absl::Status fill(const storage::Series& series, Row& row, storage::SampleColumns& columns)
    {
        columns.clear();
        NARTHEX_RETURN_IF_ERROR(series.read(hints_.from, hints_.to, columns));
        run_.countRead(columns.size());
        row.labels = series.labels();
        const std::int64_t lookback = run_.plan().span.lookbackMs;
        if (columns.histogramTimes.empty() && !read_.asTime) {
            row.resizeForOverwrite(grid_.count);
            fillFloats(columns, references_, lookback, row);
        } else {
            if (read_.statsOnly) {
                deriveResetHints(columns);
            }
            row.resize(grid_.count);
            LookbackSlider slider(columns, lookback, read_.asTime);
            for (std::size_t step = 0; step < grid_.count; ++step) {
                slider.fill(row, step, references_[step]);
            }
        }
        const std::size_t points = row.pointCount();
        run_.countQueryable(points);
        return run_.charge(points);
    }

    Run& run_;
    const Grid& grid_;
    const InstantRead& read_;
    std::vector<std::int64_t> references_;
    storage::SelectHints hints_;
    Run::SeriesList series_;
};

} // namespace

absl::StatusOr<Rows> readInstants(Run& run, const Grid& grid, const model::Matchers& matchers,
                                  const InstantRead& read)
{
    InstantReader reader(run, grid, read);
    NARTHEX_RETURN_IF_ERROR(reader.prepare(matchers));
    Rows rows(reader.size());
    NARTHEX_RETURN_IF_ERROR(reader.fillAll(rows, 0));
    removeEmpty(rows);
    return rows;
}

namespace {

/// The times whose newest samples a selector wants, by step.
class ReferenceTimes
{
public:
    ReferenceTimes(const Run& run, const Grid& grid, const VectorSelector& node,
                   const NodePlan& plan)
        : grid_(grid), pinned_(run.plan().atMs(node.at)), offset_(plan.offsetMs)
    {}
    std::int64_t operator()(std::size_t step) const
    {
        return pinned_.value_or(grid_.at(step)) - offset_;
    }

private:
    const Grid& grid_;
    const std::optional<std::int64_t> pinned_;
    const std::int64_t offset_;
};

} // namespace

absl::StatusOr<Rows> evalSelector(Run& run, const Grid& grid, const Expr& expr,
                                  const VectorSelector& node, std::string_view function)
{
    if (node.smoothed || node.anchored) {
        return notSupported(node.anchored ? "modifier anchored" : "modifier smoothed");
    }
    const NodePlan& plan = run.plan().of(expr);
    const ReferenceTimes reference(run, grid, node, plan);
    return readInstants(run, grid, node.matchers,
                        {.reference = reference,
                         .asTime = function == "timestamp",
                         .statsOnly = plan.statsOnly,
                         .function = function});
}

namespace {

/// One call of a function over windows, prepared for all its series.
class WindowCall
{
public:
    WindowCall(Run& run, const Grid& grid, const Call& node)
        : run_(run),
          grid_(grid),
          node_(node),
          info_(findWindowFunction(node.function->name)),
          columnFunction_(findColumnFunction(node.function->name))
    {}

    absl::Status prepare()
    {
        if (info_ == nullptr) {
            return notSupported(fmt::format("function {}()", node_.function->name));
        }
        for (const ExprPtr& arg : node_.args) {
            if (arg->type == ValueType::Scalar) {
                NARTHEX_ASSIGN_OR_RETURN(ScalarColumn column, evalScalar(run_, grid_, *arg));
                scalars_.push_back(std::move(column));
            } else {
                matrix_ = arg.get();
            }
        }
        NARTHEX_RETURN_IF_ERROR(checkArguments());
        NARTHEX_ASSIGN_OR_RETURN(input_,
                                 MatrixInput::open(run_, grid_, *matrix_, node_.function->name));
        return absl::OkStatus();
    }

    [[nodiscard]] std::size_t size() const { return input_.size(); }
    [[nodiscard]] const Expr& matrix() const { return *matrix_; }

    /// What a worker uses again for the next series.
    struct Worker
    {
        storage::SampleColumns columns;
        WindowScratch scratch;
    };

    /// Rows [begin, end) out of the series from `first` on; may be called for several pieces at
    /// once. Names are still those of the series.
    absl::Status fillAll(std::span<Row> rows, std::size_t first)
    {
        return run_.parallelPieces(rows.size(), [&](std::size_t begin, std::size_t end) {
            Worker worker;
            absl::Status status;
            for (std::size_t i = begin; i < end && status.ok(); ++i) {
                status = fill(first + i, rows[i], worker);
            }
            return status;
        });
    }

private:
    absl::Status fill(std::size_t index, Row& row, Worker& worker)
    {
        storage::SampleColumns& columns = worker.columns;
        NARTHEX_RETURN_IF_ERROR(input_.load(index, columns));
        const std::size_t loaded = columns.size();
        NARTHEX_RETURN_IF_ERROR(run_.charge(loaded));
        run_.countRead(loaded);
        row.labels = input_.labels(index);
        row.dropName = info_->keepsName && input_.dropName(index);
        row.resize(grid_.count);
        const bool anyFloat =
            hasColumnForm(columns) ? fillColumn(row, worker) : fillSteps(row, columns);
        run_.release(loaded);
        const std::string_view name = row.labels.metricName();
        if (info_->wantsCounter && anyFloat && !name.empty() && !isCounterLike(row.labels)) {
            noteNoCounter(row.labels);
        }
        return run_.charge(row.pointCount());
    }

    /// Whether all windows of these samples can be done at once.
    [[nodiscard]] bool hasColumnForm(const storage::SampleColumns& columns) const
    {
        return columnFunction_ != nullptr && columns.histogramTimes.empty() &&
               columns.startTimes.empty();
    }

    bool fillColumn(Row& row, Worker& worker)
    {
        const std::int64_t firstEnd = input_.windowEnd(grid_.start);
        WindowColumn column{.times = worker.columns.times,
                            .values = worker.columns.values,
                            .firstEnd = firstEnd,
                            .stepMs = input_.windowEnd(grid_.at(1)) - firstEnd,
                            .rangeMs = input_.rangeMs()};
        if (!scalars_.empty()) {
            column.argument = scalars_[0];
        }
        row.resizeForOverwrite(grid_.count);
        run_.countQueryable(findWindows(column, grid_.count, worker.scratch));
        columnFunction_(column, worker.scratch, row);
        return !row.isEmpty();
    }

    bool fillSteps(Row& row, const storage::SampleColumns& columns)
    {
        row.resize(grid_.count);
        WindowSlider slider(columns);
        NoteBits notes;
        bool anyFloat = false;
        std::uint64_t queryable = 0;
        for (std::size_t step = 0; step < grid_.count; ++step) {
            const std::int64_t end = input_.windowEnd(grid_.at(step));
            Window window = slider.next(end - input_.rangeMs(), end);
            queryable += window.size();
            if (window.size() == 0) {
                continue;
            }
            window.evalTime = grid_.at(step);
            for (std::size_t i = 0; i < scalars_.size(); ++i) {
                window.arguments[i] = scalars_[i][step];
            }
            WindowResult result = info_->function(window, notes);
            if (result.kind == Cell::Float) {
                row.setFloat(step, result.value);
                anyFloat = true;
            } else if (result.kind == Cell::Histogram) {
                row.setHistogram(step, std::move(result.histogram));
            }
        }
        run_.countQueryable(queryable);
        run_.notes().add(node_.args[0]->range, notes, row.labels.metricName());
        return anyFloat;
    }

    [[nodiscard]] bool isCounterLike(const model::Labels& labels) const
    {
        if (run_.features().typeAndUnitLabels) {
            const std::string_view type = labels.get("__type__");
            return type == "counter" || type == "histogram";
        }
        return isCounterName(labels.metricName());
    }

    void noteNoCounter(const model::Labels& labels)
    {
        if (!run_.features().typeAndUnitLabels) {
            NoteBits notes;
            notes.add(Note::MightNotBeCounter);
            return run_.notes().add(node_.args[0]->range, notes, labels.metricName());
        }
        run_.notes().inform(
            node_.args[0]->range,
            fmt::format(
                "metric might not be a counter, __type__ label is not set to \"counter\" or "
                "\"histogram\", got {}: {}",
                model::quote(labels.get("__type__")), model::quote(labels.metricName())));
    }

    absl::Status checkArguments()
    {
        const std::string_view name = info_->name;
        if (name == "double_exponential_smoothing") {
            NARTHEX_RETURN_IF_ERROR(checkFactor(scalars_[0], "smoothing"));
            NARTHEX_RETURN_IF_ERROR(checkFactor(scalars_[1], "trend"));
        }
        if (name == "quantile_over_time") {
            for (const double q : scalars_[0]) {
                if (!(q >= 0 && q <= 1)) {
                    run_.notes().warn(
                        node_.args[0]->range,
                        fmt::format("quantile value should be between 0 and 1, got {}",
                                    base::formatFloatG(q)));
                    break;
                }
            }
        }
        return absl::OkStatus();
    }

    static absl::Status checkFactor(const ScalarColumn& column, std::string_view what)
    {
        for (const double factor : column) {
            if (!(factor > 0 && factor < 1)) {
                return base::invalidArgument(
                    "invalid {0} factor. Expected: 0 < {1} < 1, got: {2:f}", what,
                    what == "trend" ? "tf" : "sf", factor);
            }
        }
        return absl::OkStatus();
    }

    Run& run_;
    const Grid& grid_;
    const Call& node_;
    const WindowFunctionInfo* info_;
    ColumnFunction columnFunction_;
    const Expr* matrix_ = nullptr;
    std::vector<ScalarColumn> scalars_;
    MatrixInput input_;

public:
    [[nodiscard]] bool keepsName() const { return info_->keepsName; }
};

/// The name drop of these cannot make two series equal: one metric, and the store has no series
/// twice.
bool hasOneName(const Expr& matrix)
{
    const auto* selector = unwrapParens(matrix).as<MatrixSelector>();
    if (selector == nullptr) {
        return false;
    }
    const auto& matchers = selector->selector.matchers;
    return std::any_of(matchers.begin(), matchers.end(), [](const model::Matcher& matcher) {
        return matcher.name() == model::kMetricName && matcher.type() == model::MatchType::Equal;
    });
}

/// Few enough to stay in the processor's cache with all their steps, enough to share among threads.
constexpr std::size_t kStreamBatch = 256;

/// Hands over the series of `source`, which has size() and fillAll(), in batches.
template <typename Source>
absl::Status streamFrom(Run& run, Source& source, bool dropsNames, RowSink sink)
{
    const bool later = dropsNames && run.features().delayedNameRemoval;
    const std::uint64_t held = run.charged();
    Rows rows(std::min(kStreamBatch, source.size()));
    for (std::size_t first = 0; first < source.size(); first += kStreamBatch) {
        const auto batch = std::span(rows).first(std::min(kStreamBatch, source.size() - first));
        NARTHEX_RETURN_IF_ERROR(source.fillAll(batch, first));
        for (Row& row : batch) {
            row.dropName = row.dropName || later;
        }
        NARTHEX_RETURN_IF_ERROR(sink({.rows = batch, .namesToDrop = dropsNames && !later}));
        NARTHEX_RETURN_IF_ERROR(run.settle(held, 0));
    }
    return absl::OkStatus();
}

bool isStreamable(const Call& call)
{
    if (call.function->name == "absent_over_time" ||
        findWindowFunction(call.function->name) == nullptr) {
        return false;
    }
    const auto matrix = std::find_if(call.args.begin(), call.args.end(), [](const ExprPtr& arg) {
        return arg->type == ValueType::Matrix;
    });
    return hasOneName(**matrix);
}

absl::Status streamSelector(Run& run, const Grid& grid, const Expr& expr,
                            const VectorSelector& node, RowSink sink)
{
    const NodePlan& plan = run.plan().of(expr);
    const ReferenceTimes reference(run, grid, node, plan);
    const InstantRead read{.reference = reference, .statsOnly = plan.statsOnly};
    InstantReader reader(run, grid, read);
    NARTHEX_RETURN_IF_ERROR(reader.prepare(node.matchers));
    return streamFrom(run, reader, false, sink);
}

absl::Status streamWindowCall(Run& run, const Grid& grid, const Call& node, RowSink sink)
{
    WindowCall call(run, grid, node);
    NARTHEX_RETURN_IF_ERROR(call.prepare());
    return streamFrom(run, call, !call.keepsName(), sink);
}

} // namespace

absl::StatusOr<Rows> evalWindowCall(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    WindowCall call(run, grid, node);
    NARTHEX_RETURN_IF_ERROR(call.prepare());
    Rows rows(call.size());
    NARTHEX_RETURN_IF_ERROR(call.fillAll(rows, 0));
    removeEmpty(rows);
    if (!call.keepsName()) {
        NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    }
    return rows;
}

absl::Status streamVector(Run& run, const Grid& grid, const Expr& expr, RowSink sink)
{
    const Expr& inner = unwrapParens(expr);
    const bool invariant = grid.count > 1 && run.plan().of(inner).invariant;
    if (!invariant) {
        if (const auto* selector = inner.as<VectorSelector>();
            selector != nullptr && !selector->anchored && !selector->smoothed) {
            return streamSelector(run, grid, inner, *selector, sink);
        }
        const auto* call = inner.as<Call>();
        if (call != nullptr && isStreamable(*call)) {
            return streamWindowCall(run, grid, *call, sink);
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, expr));
    return rows.empty() ? absl::OkStatus() : sink({.rows = rows});
}

absl::StatusOr<Matrix> evalMatrix(Run& run, const Grid& grid, const Expr& expr)
{
    NARTHEX_ASSIGN_OR_RETURN(const MatrixInput input, MatrixInput::open(run, grid, expr, {}));
    std::vector<MatrixSeries> result(input.size());
    const absl::Status done = run.parallelFor(input.size(), [&](std::size_t i) -> absl::Status {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(input.load(i, columns));
        const std::int64_t end = input.windowEnd(grid.start);
        const Window window = WindowSlider(columns).next(end - input.rangeMs(), end);
        result[i].labels =
            input.dropName(i) ? withoutMetricLabels(input.labels(i)) : input.labels(i);
        for (std::size_t k = 0; k < window.times.size(); ++k) {
            result[i].points.push_back({{window.times[k]}, window.values[k]});
        }
        for (std::size_t k = 0; k < window.histogramTimes.size(); ++k) {
            result[i].histograms.push_back({{window.histogramTimes[k]}, window.histograms[k]});
        }
        run.countRead(window.size());
        run.countQueryable(window.size());
        return run.charge(window.size());
    });
    NARTHEX_RETURN_IF_ERROR(done);
    std::erase_if(result, [](const MatrixSeries& series) {
        return series.points.empty() && series.histograms.empty();
    });
    return result;
}

} // namespace narthex::promql
