// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/backtest.h"

#include "core/base/status.h"
#include "core/promql/printer.h"
#include "core/rules/evaluated_rule.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <deque>
#include <map>

namespace narthex::rules {
namespace {

/// One element of a step, found again from the series of the range query.
struct Cell
{
    std::size_t series = 0;
    SampleValue value;
};

/// The points of a matrix, step by step.
std::vector<std::vector<Cell>> cellsByStep(const promql::Matrix& matrix, base::Timestamp first,
                                           base::Duration interval, std::size_t steps)
{
    std::vector<std::vector<Cell>> result(steps);
    const auto stepOf = [&](base::Timestamp time) {
        return static_cast<std::size_t>((time - first).ms() / interval.ms());
    };
    for (std::size_t i = 0; i < matrix.size(); ++i) {
        for (const promql::Point& point : matrix[i].points) {
            result[stepOf(point.time)].push_back({i, point.value});
        }
        for (const promql::HistogramPoint& point : matrix[i].histograms) {
            result[stepOf(point.time)].push_back({i, point.histogram});
        }
    }
    return result;
}

/// `@ start()` and `@ end()` mean other times in a range query than in those of the rule.
bool pinnedToEdges(const promql::Expr& expr)
{
    const auto isEdge = [](const promql::At& at) {
        return at.kind == promql::At::Kind::Start || at.kind == promql::At::Kind::End;
    };
    if (const auto* selector = expr.as<promql::VectorSelector>()) {
        return isEdge(selector->at);
    }
    if (const auto* matrix = expr.as<promql::MatrixSelector>()) {
        return isEdge(matrix->selector.at);
    }
    const auto* subquery = expr.as<promql::Subquery>();
    const std::vector<const promql::Expr*> children = promql::childrenOf(expr);
    return (subquery != nullptr && isEdge(subquery->at)) ||
           std::any_of(children.begin(), children.end(),
                       [](const promql::Expr* child) { return pinnedToEdges(*child); });
}

/// Turns the states of one alert, evaluation by evaluation, into its history.
class HistoryBuilder
{
public:
    HistoryBuilder(const BacktestOptions& options, const model::Labels& labels) : options_(options)
    {
        history_.labels = labels;
    }

    void see(const ActiveAlert& alert, base::Timestamp time)
    {
        if (!alert.isActive()) {
            close();
            return;
        }
        if (history_.annotations != alert.annotations) {
            history_.annotations = alert.annotations;
        }
        if (!current_ || current_->state != alert.state) {
            const AlertState before = current_ ? current_->state : AlertState::Inactive;
            close();
            current_ = StateSpan{.state = alert.state, .from = time, .to = time};
            begin(alert.state, before, time);
        }
        current_->to = time;
        (alert.state == AlertState::Firing ? history_.firingTime : history_.pendingTime) =
            (alert.state == AlertState::Firing ? history_.firingTime : history_.pendingTime) +
            options_.interval;
        if (alert.state == AlertState::Firing) {
            history_.lastFiring = time;
        }
    }
    /// The alert was forgotten.
    void forget()
    {
        if (current_ && current_->state == AlertState::Pending) {
            ++history_.falseStarts;
        }
        close();
    }
    void sent(const ActiveAlert& alert, base::Timestamp time)
    {
        ++history_.notificationCount;
        if (history_.notifications.size() < options_.maxEvents) {
            history_.notifications.push_back({time, alert.resolvedAt.has_value()});
        }
    }
    AlertHistory take()
    {
        close();
        return std::move(history_);
    }

private:
    void begin(AlertState state, AlertState before, base::Timestamp time)
    {
        if (state != AlertState::Firing || before == AlertState::Firing) {
            return;
        }
        ++history_.firings;
        if (!history_.firstFiring) {
            history_.firstFiring = time;
        }
        starts_.push_back(time);
        while (time - starts_.front() > 1_h) {
            starts_.pop_front();
        }
        history_.flapping = history_.flapping || starts_.size() > options_.flappingPerHour;
    }
    void close()
    {
        if (current_ && history_.spans.size() < options_.maxEvents) {
            history_.spans.push_back(*current_);
        }
        current_.reset();
    }

    const BacktestOptions& options_;
    AlertHistory history_;
    std::optional<StateSpan> current_;
    std::deque<base::Timestamp> starts_; // of firing, in the last hour
};

class Backtest
{
public:
    Backtest(const Rule& rule, const BacktestOptions& options, const promql::Engine& engine,
             const storage::Queryable& store, std::stop_token stop)
        : rule_(rule),
          options_(options),
          engine_(engine),
          store_(store),
          stop_(std::move(stop)),
          templates_(rule)
    {}

    absl::StatusOr<BacktestResult> run()
    {
        NARTHEX_RETURN_IF_ERROR(check());
        const base::Timestamp first = options_.from - options_.queryOffset;
        NARTHEX_ASSIGN_OR_RETURN(promql::Matrix matrix,
                                 pinnedToEdges(*rule_.expression) ? instants(first) : range(first));
        result_.evaluations = steps_;
        if (rule_.kind == RuleKind::Recording) {
            record(std::move(matrix));
        } else {
            NARTHEX_RETURN_IF_ERROR(
                watch(matrix, cellsByStep(matrix, first, options_.interval, steps_)));
            finish();
        }
        return std::move(result_);
    }

private:
    absl::Status check()
    {
        if (rule_.expression == nullptr) {
            return base::invalidArgument("rule {} has no expression", rule_.name);
        }
        if (options_.interval.ms() <= 0 || options_.to < options_.from) {
            return base::invalidArgument("a backtest needs a positive interval, and an end that is "
                                         "not before its start");
        }
        steps_ =
            static_cast<std::size_t>((options_.to - options_.from).ms() / options_.interval.ms()) +
            1;
        if (steps_ > options_.maxSteps) {
            return base::resourceExhausted("{} evaluations are more than the limit of {}; choose a "
                                           "shorter time or a longer interval",
                                           steps_, options_.maxSteps);
        }
        return absl::OkStatus();
    }

    absl::StatusOr<promql::Matrix> range(base::Timestamp first)
    {
        NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                                 engine_.range(store_, promql::print(*rule_.expression), first,
                                               options_.to - options_.queryOffset,
                                               options_.interval, {}, stop_));
        result_.annotations = std::move(result.annotations);
        return std::get<promql::Matrix>(std::move(result.value));
    }

    /// Slow: one query a step.
    absl::StatusOr<promql::Matrix> instants(base::Timestamp first)
    {
        std::map<model::Labels, promql::MatrixSeries> all;
        const std::string text = promql::print(*rule_.expression);
        for (std::size_t i = 0; i < steps_; ++i) {
            const base::Timestamp time = first + options_.interval * static_cast<std::int64_t>(i);
            NARTHEX_ASSIGN_OR_RETURN(
                promql::Result result,
                engine_.instant(store_, *rule_.expression, text, time, {}, stop_));
            NARTHEX_ASSIGN_OR_RETURN(const promql::Vector vector,
                                     toVector(std::move(result.value)));
            for (const promql::VectorElement& element : vector) {
                promql::MatrixSeries& series = all[element.labels];
                series.labels = element.labels;
                if (element.histogram) {
                    series.histograms.push_back({time, element.histogram});
                } else {
                    series.points.push_back({time, element.value});
                }
            }
        }
        promql::Matrix matrix;
        for (auto& [labels, series] : all) {
            matrix.push_back(std::move(series));
        }
        return matrix;
    }

    void record(promql::Matrix matrix)
    {
        std::map<model::Labels, std::size_t> seen;
        for (promql::MatrixSeries& series : matrix) {
            series.labels = recordedLabels(series.labels, rule_);
            ++seen[series.labels];
        }
        const auto same = std::find_if(seen.begin(), seen.end(),
                                       [](const auto& each) { return each.second > 1; });
        if (same != seen.end()) {
            fail(base::invalidArgument("vector contains metrics with the same labelset after "
                                       "applying rule labels: {}",
                                       same->first.toString()),
                 options_.from);
        }
        result_.series = std::move(matrix);
    }

    absl::Status watch(const promql::Matrix& matrix, const std::vector<std::vector<Cell>>& steps)
    {
        constexpr std::size_t kLook = 256;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (i % kLook == 0 && stop_.stop_requested()) {
                return base::cancelled("the backtest was stopped");
            }
            if (steps[i].empty() && table_.size() == 0) {
                continue;
            }
            step(matrix, steps[i],
                 options_.from + options_.interval * static_cast<std::int64_t>(i));
        }
        return absl::OkStatus();
    }

    void step(const promql::Matrix& matrix, const std::vector<Cell>& cells, base::Timestamp time)
    {
        const gotemplate::QueryFunction queries = templateQueries(engine_, store_, time, stop_);
        std::vector<AlertElement> elements;
        elements.reserve(cells.size());
        for (const Cell& cell : cells) {
            promql::VectorElement element{.labels = matrix[cell.series].labels, .time = time};
            if (const auto* number = std::get_if<double>(&cell.value)) {
                element.value = *number;
            } else {
                element.histogram = std::get<promql::HistogramPtr>(cell.value);
            }
            elements.push_back(templates_.expand(element, {.surroundings = options_.surroundings,
                                                           .now = time,
                                                           .query = queries,
                                                           .log = log_,
                                                           .stop = stop_}));
        }
        const absl::Status status = table_.apply(std::move(elements),
                                                 {.holdFor = rule_.holdFor,
                                                  .keepFiringFor = rule_.keepFiringFor,
                                                  .limit = options_.limit},
                                                 time);
        if (!status.ok()) {
            fail(status, time);
            if (table_.size() == 0) { // the limit drops everything
                forgetMissing();
            }
            return; // nothing is sent
        }
        ++round_;
        table_.forEach([&](AlertTable::Entry& entry) {
            Seen& seen = historyOf(entry.alert);
            seen.round = round_;
            seen.history.see(entry.alert, time);
        });
        forgetMissing();
        table_.collect(time, {.resendDelay = options_.resendDelay, .interval = options_.interval},
                       [&](const ActiveAlert& alert) {
                           historyOf(alert).history.sent(alert, time);
                           ++result_.notifications;
                       });
    }

    struct Seen
    {
        HistoryBuilder history;
        std::uint64_t round = 0;
        /// Among the entries of the table.
        bool isOpen = false;
    };
    Seen& historyOf(const ActiveAlert& alert)
    {
        const auto [found, isNew] = histories_.try_emplace(alert.labels.hash(), nullptr);
        if (isNew) {
            found->second =
                std::make_unique<Seen>(Seen{.history = HistoryBuilder(options_, alert.labels)});
        }
        open_ += found->second->isOpen ? 0U : 1U;
        found->second->isOpen = true;
        return *found->second;
    }
    void forgetMissing()
    {
        if (open_ == table_.size()) {
            return;
        }
        for (auto& [hash, seen] : histories_) {
            if (seen->isOpen && (seen->round != round_ || table_.size() == 0)) {
                seen->history.forget();
                seen->isOpen = false;
                --open_;
            }
        }
    }

    void fail(const absl::Status& status, base::Timestamp time)
    {
        if (result_.failures++ == 0) {
            result_.firstFailure = base::messageOf(status);
            result_.firstFailureTime = time;
        }
    }

    void finish()
    {
        for (auto& [hash, seen] : histories_) {
            result_.alerts.push_back(seen->history.take());
            result_.firings += result_.alerts.back().firings;
            result_.flapping += result_.alerts.back().flapping ? 1U : 0U;
        }
        std::sort(result_.alerts.begin(), result_.alerts.end(),
                  [](const auto& a, const auto& b) { return a.labels < b.labels; });
    }

    const Rule& rule_;
    const BacktestOptions& options_;
    const promql::Engine& engine_;
    const storage::Queryable& store_;
    const std::stop_token stop_;
    const AlertTemplates templates_;
    const base::Logger log_ = base::nullLogger();
    std::size_t steps_ = 0;
    std::uint64_t round_ = 0;
    std::size_t open_ = 0;
    AlertTable table_;
    absl::flat_hash_map<std::uint64_t, std::unique_ptr<Seen>> histories_; // by the labels' hash
    BacktestResult result_;
};

std::vector<StateSpan> firingSpans(const AlertHistory& history)
{
    std::vector<StateSpan> result;
    std::copy_if(history.spans.begin(), history.spans.end(), std::back_inserter(result),
                 [](const StateSpan& span) { return span.state == AlertState::Firing; });
    return result;
}

} // namespace

absl::StatusOr<BacktestResult> backtest(const Rule& rule, const BacktestOptions& options,
                                        const promql::Engine& engine,
                                        const storage::Queryable& store, std::stop_token stop)
{
    return Backtest(rule, options, engine, store, std::move(stop)).run();
}

BacktestComparison compareBacktests(BacktestResult before, BacktestResult after)
{
    BacktestComparison result{.before = std::move(before),
                              .after = std::move(after),
                              .onlyBefore = {},
                              .onlyAfter = {},
                              .different = {}};
    auto old = result.before.alerts.begin();
    auto next = result.after.alerts.begin();
    while (old != result.before.alerts.end() || next != result.after.alerts.end()) {
        if (next == result.after.alerts.end() ||
            (old != result.before.alerts.end() && old->labels < next->labels)) {
            result.onlyBefore.push_back((old++)->labels);
        } else if (old == result.before.alerts.end() || next->labels < old->labels) {
            result.onlyAfter.push_back((next++)->labels);
        } else {
            if (firingSpans(*old) != firingSpans(*next)) {
                result.different.push_back(next->labels);
            }
            ++old;
            ++next;
        }
    }
    return result;
}

} // namespace narthex::rules
