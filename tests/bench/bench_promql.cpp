// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Range queries over 1,000 series and 1,000 steps, 15 s apart, one sample a step. The store hands
// out prepared columns, so the figures are the engine's own.
#include "core/promql/engine.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

constexpr std::size_t kSeries = 1000;
constexpr std::size_t kSteps = 1000;
constexpr std::int64_t kStepMs = 15'000;
/// Before the first step, for windows of an hour.
constexpr std::int64_t kLeadMs = 3'600'000;

class ColumnSeries final : public storage::Series
{
public:
    ColumnSeries(model::Labels labels, std::vector<std::int64_t> times, std::vector<double> values)
        : labels_(std::move(labels)), times_(std::move(times)), values_(std::move(values))
    {}
    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        const auto first = std::lower_bound(times_.begin(), times_.end(), from.ms) - times_.begin();
        const auto last = std::upper_bound(times_.begin(), times_.end(), to.ms) - times_.begin();
        out.times.insert(out.times.end(), times_.begin() + first, times_.begin() + last);
        out.values.insert(out.values.end(), values_.begin() + first, values_.begin() + last);
        return absl::OkStatus();
    }

private:
    const model::Labels labels_;
    const std::vector<std::int64_t> times_;
    const std::vector<double> values_;
};

using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;

class ListSet final : public storage::SeriesSet
{
public:
    explicit ListSet(SeriesList series) : series_(std::move(series)) {}
    absl::Status next(std::size_t limit, SeriesList& out) override
    {
        for (; limit > 0 && next_ < series_.size(); --limit) {
            out.push_back(series_[next_++]);
        }
        return absl::OkStatus();
    }

private:
    SeriesList series_;
    std::size_t next_ = 0;
};

class ListQuerier final : public storage::Querier
{
public:
    explicit ListQuerier(const SeriesList& series) : series_(series) {}
    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints&,
                                                               const model::Matchers& matchers,
                                                               std::stop_token) const override
    {
        SeriesList matching;
        std::copy_if(series_.begin(), series_.end(), std::back_inserter(matching),
                     [&matchers](const auto& series) {
                         return model::matchesAll(matchers, series->labels());
                     });
        return std::make_unique<ListSet>(std::move(matching));
    }
    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view, const model::Matchers&,
                                                         std::size_t) const override
    {
        return std::vector<std::string>{};
    }
    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers&,
                                                        std::size_t) const override
    {
        return std::vector<std::string>{};
    }

private:
    const SeriesList& series_;
};

class ListStore final : public storage::Queryable
{
public:
    ListStore()
    {
        for (std::size_t i = 0; i < kSeries; ++i) {
            std::vector<std::int64_t> times;
            std::vector<double> values;
            for (std::int64_t t = -kLeadMs; t <= static_cast<std::int64_t>(kSteps) * kStepMs;
                 t += kStepMs) {
                times.push_back(t);
                values.push_back(static_cast<double>((t + kLeadMs) / 1000 *
                                                     static_cast<std::int64_t>(i % 10 + 1)));
            }
            const std::string instance = fmt::format("i{:04}", i / 10);
            const std::string bound = i % 10 == 9 ? "+Inf" : fmt::format("{}", i % 10 + 1);
            const std::string job = fmt::format("job{}", i / 10 % 5);
            series_.push_back(std::make_shared<ColumnSeries>(
                model::Labels{
                    {"__name__", "x_bucket"}, {"instance", instance}, {"job", job}, {"le", bound}},
                std::move(times), std::move(values)));
        }
        std::sort(series_.begin(), series_.end(),
                  [](const auto& a, const auto& b) { return a->labels() < b->labels(); });
    }
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp,
                                                              base::Timestamp) const override
    {
        return std::make_unique<ListQuerier>(series_);
    }

private:
    SeriesList series_;
};

void runQuery(benchmark::State& state, const char* query, std::size_t expectedSeries)
{
    static const ListStore store;
    base::WorkerPool pool;
    const base::SystemClock clock;
    const promql::Engine engine({}, pool, clock);
    for (auto _ : state) {
        const auto result =
            engine.range(store, query, base::Timestamp{0},
                         base::Timestamp{static_cast<std::int64_t>(kSteps - 1) * kStepMs},
                         base::Duration::fromMs(kStepMs), {}, {});
        const bool right = result.ok() &&
                           std::get<promql::Matrix>(result->value).size() == expectedSeries &&
                           std::get<promql::Matrix>(result->value)[0].points.size() == kSteps;
        if (!right) {
            state.SkipWithError("wrong answer");
            return;
        }
    }
}

void runInstant(benchmark::State& state, const char* query)
{
    static const ListStore store;
    base::WorkerPool pool;
    const base::SystemClock clock;
    const promql::Engine engine({}, pool, clock);
    for (auto _ : state) {
        const auto result = engine.instant(store, query, base::Timestamp{0}, {}, {});
        if (!result.ok() || std::get<promql::Vector>(result->value).size() != 1) {
            state.SkipWithError("wrong answer");
            return;
        }
    }
}

void all(benchmark::internal::Benchmark* bench)
{
    bench->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(runQuery, selector, "x_bucket", kSeries)->Apply(all);
BENCHMARK_CAPTURE(runQuery, sum_rate, "sum by (job) (rate(x_bucket[5m]))", 5)->Apply(all);
BENCHMARK_CAPTURE(runQuery, quantile, "histogram_quantile(0.9, rate(x_bucket[5m]))", kSeries / 10)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, quantile_of_sum,
                  "histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))", 1)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, max_over_hour, "max_over_time(x_bucket[1h])", kSeries)->Apply(all);
BENCHMARK_CAPTURE(runQuery, avg_over_hour, "avg_over_time(x_bucket[1h])", kSeries)->Apply(all);
BENCHMARK_CAPTURE(runQuery, stddev_over_hour, "stddev_over_time(x_bucket[1h])", kSeries)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, quantile_over_hour, "quantile_over_time(0.9, x_bucket[1h])", kSeries)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, topk, "topk(5, x_bucket)", 5)->Apply(all);
BENCHMARK_CAPTURE(runQuery, quantile_by, "quantile by (job) (0.9, x_bucket)", 5)->Apply(all);
BENCHMARK_CAPTURE(runQuery, join_on, "x_bucket / on (instance, job, le) x_bucket", kSeries)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, join_group_left,
                  "x_bucket / on (instance) group_left () x_bucket{le=\"+Inf\"}", kSeries)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, regex, "sum by (job) (rate(x_bucket{instance=~\"i..[05].*\"}[5m]))", 5)
    ->Apply(all);
BENCHMARK_CAPTURE(runQuery, subquery, "max_over_time(rate(x_bucket[5m])[30m:1m])", kSeries)
    ->Apply(all);
BENCHMARK_CAPTURE(runInstant, one_series, "x_bucket{instance=\"i0050\",le=\"5\"}");

} // namespace

BENCHMARK_MAIN();
