// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Instant selectors: all series at once, or in batches.
#include "core/base/status.h"
#include "core/promql/eval.h"
#include "core/promql/extended_window.h"
#include "core/promql/matrix_input.h"
#include "core/promql/row_stream.h"

#include <algorithm>

namespace narthex::promql {
namespace {

/// An instant selector over one series: the newest sample inside the lookback, at each step.
class LookbackSlider
{
public:
    LookbackSlider(const storage::SampleColumns& samples, std::int64_t lookback, InstantValue value)
        : samples_(samples), lookback_(lookback), value_(value)
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
        if (model::isStale(value)) {
            return;
        }
        value_ == InstantValue::Sample
            ? row.setFloat(step, value)
            : row.setFloat(step, timeOf(time, samples_.startTimes, next_ - 1));
    }
    void putHistogram(Row& row, std::size_t step, std::int64_t time) const
    {
        const auto& histogram = samples_.histograms[nextHistogram_ - 1];
        if (histogram->isStale()) {
            return;
        }
        value_ == InstantValue::Sample
            ? row.setHistogram(step, histogram)
            : row.setFloat(step, timeOf(time, samples_.histogramStartTimes, nextHistogram_ - 1));
    }
    /// In seconds.
    [[nodiscard]] double timeOf(std::int64_t time, const std::vector<std::int64_t>& starts,
                                std::size_t i) const
    {
        if (value_ == InstantValue::StartTime) {
            time = i < starts.size() ? starts[i] : 0;
        }
        return static_cast<double>(time) / 1000;
    }

    const storage::SampleColumns& samples_;
    const std::int64_t lookback_;
    const InstantValue value_;
    std::size_t next_ = 0;
    std::size_t nextHistogram_ = 0;
};

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
        if (read_.plan != nullptr) {
            setFunctionHints(*read_.plan, hints_);
        }
        NARTHEX_ASSIGN_OR_RETURN(series_, run_.select(matchers, hints_));
        return absl::OkStatus();
    }

    [[nodiscard]] std::size_t size() const { return series_.size(); }

    /// `rows` out of the series from `first` on.
    absl::Status fillAll(std::span<Row> rows, std::size_t first)
    {
        return run_.parallelPieces(rows.size(), [&](std::size_t begin, std::size_t end) {
            storage::SampleColumns columns;
            StepCounts counts = run_.noCounts();
            absl::Status status;
            for (std::size_t i = begin; i < end && status.ok(); ++i) {
                status = fill(*series_[first + i], rows[i], columns, counts);
            }
            run_.count(counts);
            return status;
        });
    }

private:
    absl::Status fill(const storage::Series& series, Row& row, storage::SampleColumns& columns,
                      StepCounts& counts)
    {
        columns.clear();
        NARTHEX_RETURN_IF_ERROR(series.read(hints_.from, hints_.to, columns));
        row.labels = series.labels();
        const std::int64_t lookback = run_.plan().span.lookbackMs;
        if (columns.histogramTimes.empty() && read_.value == InstantValue::Sample) {
            row.resizeForOverwrite(grid_.count);
            fillFloats(columns, references_, lookback, row);
        } else {
            if (read_.statsOnly) {
                deriveResetHints(columns);
            }
            row.resize(grid_.count);
            LookbackSlider slider(columns, lookback, read_.value);
            for (std::size_t step = 0; step < grid_.count; ++step) {
                slider.fill(row, step, references_[step]);
            }
        }
        countRow(row, counts);
        return run_.charge(weightOf(row));
    }

    Run& run_;
    const Grid& grid_;
    const InstantRead& read_;
    std::vector<std::int64_t> references_;
    storage::SelectHints hints_;
    Run::SeriesList series_;
};

} // namespace

void setFunctionHints(const NodePlan& plan, storage::SelectHints& hints)
{
    hints.function = plan.function;
    if (plan.grouping != nullptr) {
        hints.grouping = plan.grouping->grouping;
        hints.groupingIsBy = !plan.grouping->without;
    }
}

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

/// As readInstants, but between the samples around each time.
absl::StatusOr<Rows> readSmoothed(Run& run, const Grid& grid, const Expr& expr,
                                  const VectorSelector& node,
                                  absl::FunctionRef<std::int64_t(std::size_t)> reference)
{
    const std::int64_t lookback = run.plan().span.lookbackMs;
    storage::SelectHints hints;
    hints.from = {reference(0) - lookback + 1};
    hints.to = {reference(grid.count - 1) + lookback};
    hints.step = base::Duration::fromMs(grid.step);
    setFunctionHints(run.plan().of(expr), hints);
    NARTHEX_ASSIGN_OR_RETURN(const Run::SeriesList series, run.select(node.matchers, hints));
    Rows rows(series.size());
    const absl::Status done = run.parallelFor(series.size(), [&](std::size_t i) -> absl::Status {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(series[i]->read(hints.from, hints.to, columns));
        removeStale(columns);
        Row& row = rows[i];
        row.labels = series[i]->labels();
        row.resize(grid.count);
        WindowSlider slider(columns);
        NoteBits notes;
        for (std::size_t step = 0; step < grid.count; ++step) {
            const std::int64_t at = reference(step);
            const Window window = slider.next(at - lookback, at + lookback);
            if (window.size() > 0) {
                smoothedAt(window, at, notes).put(row, step);
            }
        }
        run.notes().add(expr.range, notes, row.labels.metricName());
        StepCounts counts = run.noCounts();
        countRow(row, counts);
        run.count(counts);
        return run.charge(weightOf(row));
    });
    NARTHEX_RETURN_IF_ERROR(done);
    removeEmpty(rows);
    return rows;
}

} // namespace

absl::StatusOr<Rows> evalSelector(Run& run, const Grid& grid, const Expr& expr,
                                  const VectorSelector& node, std::string_view function)
{
    const NodePlan& plan = run.plan().of(expr);
    const ReferenceTimes reference(run, grid, node, plan);
    InstantValue value = InstantValue::Sample;
    if (function == "timestamp") {
        value = InstantValue::Time;
    } else if (function == "start_timestamp") {
        value = InstantValue::StartTime;
    } else if (node.smoothed) {
        return readSmoothed(run, grid, expr, node, reference);
    }
    return readInstants(
        run, grid, node.matchers,
        {.reference = reference, .value = value, .statsOnly = plan.statsOnly, .plan = &plan});
}

absl::Status streamSelector(Run& run, const Grid& grid, const Expr& expr,
                            const VectorSelector& node, RowSink sink)
{
    const NodePlan& plan = run.plan().of(expr);
    const ReferenceTimes reference(run, grid, node, plan);
    const InstantRead read{.reference = reference, .statsOnly = plan.statsOnly, .plan = &plan};
    InstantReader reader(run, grid, read);
    NARTHEX_RETURN_IF_ERROR(reader.prepare(node.matchers));
    return streamFrom(run, reader, false, sink);
}

} // namespace narthex::promql
