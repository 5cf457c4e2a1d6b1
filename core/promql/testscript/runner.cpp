// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/runner.h"

#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"
#include "core/promql/testscript/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::promql::testscript {
namespace {

constexpr Features kFeatures{.experimentalFunctions = true,
                             .extendedRangeSelectors = true,
                             .binopFillModifiers = true,
                             .delayedNameRemoval = true,
                             .useStartTimestamps = true};

/// Functions whose value depends on the time of evaluation, wherever selectors are pinned.
bool dependsOnTime(std::string_view name)
{
    constexpr std::array<std::string_view, 15> kNames = {
        "day_of_month", "day_of_week", "day_of_year", "days_in_month",  "end",
        "hour",         "minute",      "month",       "predict_linear", "range",
        "start",        "step",        "time",        "timestamp",      "year"};
    return std::binary_search(kNames.begin(), kNames.end(), name);
}

void pin(At& at, std::int64_t time)
{
    if (at.kind != At::Kind::Time) {
        at = {At::Kind::Time, base::Timestamp{time}};
    }
}

/// Puts `@ time` on every selector and subquery that has none; false when a function forbids it.
bool pinAll(Expr& expr, std::int64_t time)
{
    if (auto* selector = expr.as<VectorSelector>()) {
        pin(selector->at, time);
        return true;
    }
    if (auto* matrix = expr.as<MatrixSelector>()) {
        pin(matrix->selector.at, time);
        return true;
    }
    if (auto* subquery = expr.as<Subquery>()) {
        pin(subquery->at, time);
        return true;
    }
    if (const auto* call = expr.as<Call>();
        call != nullptr && dependsOnTime(call->function->name)) {
        return false;
    }
    for (const Expr* child : childrenOf(expr)) {
        // The tree is this function's own; childrenOf only reads.
        if (!pinAll(const_cast<Expr&>(*child),
                    time)) { // NOLINT(cppcoreguidelines-pro-type-const-cast)
            return false;
        }
    }
    return true;
}

/// As a store of chunks gives hints: within a chunk no reset, at its start unknown.
model::CounterResetHint storedHint(const model::FloatHistogram& histogram,
                                   const HistogramPtr& previous)
{
    using model::CounterResetHint;
    if (histogram.hint == CounterResetHint::Gauge) {
        return CounterResetHint::Gauge;
    }
    if (!previous || previous->hint == CounterResetHint::Gauge ||
        previous->schema != histogram.schema ||
        previous->zeroThreshold != histogram.zeroThreshold ||
        previous->customValues != histogram.customValues) {
        return CounterResetHint::Unknown;
    }
    model::FloatHistogram current = histogram;
    if (current.hint == CounterResetHint::NoReset) {
        current.hint = CounterResetHint::Unknown;
    }
    return detectReset(current, *previous) ? CounterResetHint::Unknown : CounterResetHint::NoReset;
}

} // namespace

EngineOptions scriptOptions()
{
    using namespace base::literals;
    EngineOptions options;
    options.maxSamples = 10'000;
    options.timeout = 100_s;
    options.features = kFeatures;
    return options;
}

Report Runner::run(std::string_view script)
{
    report_ = {};
    store_.clear();
    newest_.clear();
    const auto commands = parseScript(script, engine_.options().features);
    if (!commands.ok()) {
        const auto position = base::positionOf(commands.status());
        report_.failures.push_back({.line = position && position->line ? *position->line : 0,
                                    .query = {},
                                    .text = std::string(base::messageOf(commands.status()))});
        return report_;
    }
    for (const Command& command : *commands) {
        ++report_.commands;
        if (const auto* eval = std::get_if<Eval>(&command.what)) {
            ++report_.evaluations;
            this->eval(*eval);
        } else if (const auto* load = std::get_if<Load>(&command.what)) {
            if (const absl::Status status = this->load(*load); !status.ok()) {
                report_.failures.push_back(
                    {command.line, "load", std::string(base::messageOf(status))});
                break;
            }
        } else {
            store_.clear();
            newest_.clear();
        }
    }
    return report_;
}

absl::Status Runner::load(const Load& node)
{
    const auto appender = store_.appender();
    for (const SeriesDescription& series : node.series) {
        NARTHEX_RETURN_IF_ERROR(append(*appender, series, node.stepMs));
    }
    NARTHEX_RETURN_IF_ERROR(appender->commit());
    for (const SeriesDescription& series : node.series) {
        NARTHEX_RETURN_IF_ERROR(setStarts(series, node.stepMs));
    }
    return absl::OkStatus();
}

absl::Status Runner::setStarts(const SeriesDescription& series, std::int64_t stepMs)
{
    for (std::size_t i = 0; i < series.values.size(); ++i) {
        const SequenceValue& value = series.values[i];
        const std::int64_t time = static_cast<std::int64_t>(i) * stepMs;
        if (!value.omitted && value.start) {
            NARTHEX_RETURN_IF_ERROR(
                store_.setStart(series.labels, {time}, {time + value.start->ms()}));
        }
    }
    return absl::OkStatus();
}

absl::Status Runner::append(storage::Appender& appender, const SeriesDescription& series,
                            std::int64_t stepMs)
{
    NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender.seriesFor(series.labels));
    HistogramPtr& previous = newest_[series.labels];
    for (std::size_t i = 0; i < series.values.size(); ++i) {
        const SequenceValue& value = series.values[i];
        if (value.omitted) {
            continue;
        }
        const base::Timestamp time{static_cast<std::int64_t>(i) * stepMs};
        storage::AppendResult result{};
        if (value.histogram) {
            auto stored = std::make_shared<model::FloatHistogram>(*value.histogram);
            stored->hint = storedHint(*stored, previous);
            result = appender.appendHistogram(ref, time, *stored);
            previous = std::move(stored);
        } else {
            result = appender.append(ref, time, value.value);
            previous = nullptr;
        }
        if (result != storage::AppendResult::Appended &&
            result != storage::AppendResult::SameAgain) {
            return base::invalidArgument("the store refused a sample of {} at {} ms",
                                         series.labels.toString(), time.ms);
        }
    }
    return absl::OkStatus();
}

void Runner::check(const Eval& node, std::string_view query, const absl::Status& problem)
{
    if (!problem.ok()) {
        report_.failures.push_back(
            {node.line, std::string(query), std::string(base::messageOf(problem))});
    }
}

void Runner::eval(const Eval& node)
{
    if (!node.instant) {
        return evalRange(node);
    }
    const std::size_t failed = report_.failures.size();
    runInstant(node, node.query, node.range.from);
    runAround(node, node.query, node.range.from);
    // One report for each evaluation is enough when the plain form fails already.
    if (report_.failures.size() == failed) {
        evalPinned(node);
    }
}

void Runner::evalPinned(const Eval& node)
{
    const std::int64_t time = node.range.from;
    auto expr = parse(node.query, engine_.options().features);
    if (!expr.ok() || !pinAll(**expr, time)) {
        return;
    }
    const std::string query = print(**expr);
    const std::vector<std::int64_t> times =
        time == 0 ? std::vector<std::int64_t>{-1000, 0, 1000}
                  : std::vector<std::int64_t>{-10 * time, 0, time / 5, time, 10 * time};
    const std::size_t failed = report_.failures.size();
    for (const std::int64_t at : times) {
        runInstant(node, query, at);
        runAround(node, query, at);
        if (report_.failures.size() != failed) {
            return;
        }
    }
}

void Runner::runInstant(const Eval& node, std::string_view query, std::int64_t time)
{
    const auto result = engine_.instant(store_, query, base::Timestamp{time}, QueryOptions{}, {});
    const std::string shown =
        query == node.query ? std::string(query) : fmt::format("{} at {} ms", query, time);
    if (!result.ok() || node.has(ExpectKind::Fail)) {
        return check(node, shown, compareError(node, result.status()));
    }
    check(node, shown, compareAnnotations(node, query, result->annotations));
    check(node, shown, compareInstant(node, result->value));
}

/// The same as the middle of a range query.
void Runner::runAround(const Eval& node, std::string_view query, std::int64_t time)
{
    constexpr std::int64_t kMinuteMs = 60'000;
    if (node.has(ExpectKind::Fail) || node.rangeVector || node.string) {
        return;
    }
    for (const std::string_view word : {"start()", "end()", "range()", "step()"}) {
        if (query.find(word) != std::string_view::npos) {
            return;
        }
    }
    const auto result = engine_.range(store_, query, base::Timestamp{time - kMinuteMs},
                                      base::Timestamp{time + kMinuteMs},
                                      base::Duration::fromMs(kMinuteMs), QueryOptions{}, {});
    const std::string shown = fmt::format("{} (range mode around {} ms)", query, time);
    if (!result.ok()) {
        return check(node, shown, compareError(node, result.status()));
    }
    if (node.has(ExpectKind::Ordered)) {
        return;
    }
    Vector middle;
    for (const MatrixSeries& series : std::get<Matrix>(result->value)) {
        for (const Point& point : series.points) {
            if (point.time.ms == time) {
                middle.push_back(
                    {.labels = series.labels, .time = point.time, .value = point.value});
            }
        }
        for (const HistogramPoint& point : series.histograms) {
            if (point.time.ms == time) {
                middle.push_back(
                    {.labels = series.labels, .time = point.time, .histogram = point.histogram});
            }
        }
    }
    if (node.scalar && middle.size() == 1) {
        return check(node, shown, compareInstant(node, Scalar{middle[0].time, middle[0].value}));
    }
    check(node, shown, compareInstant(node, std::move(middle)));
}

void Runner::evalRange(const Eval& node)
{
    const auto result = engine_.range(store_, node.query, base::Timestamp{node.range.from},
                                      base::Timestamp{node.range.to},
                                      base::Duration::fromMs(node.range.step), QueryOptions{}, {});
    if (!result.ok() || node.has(ExpectKind::Fail)) {
        return check(node, node.query, compareError(node, result.status()));
    }
    check(node, node.query, compareAnnotations(node, node.query, result->annotations));
    if (node.scalar) {
        return check(node, node.query, base::invalidArgument("a range query gives no scalar"));
    }
    check(node, node.query, compareMatrix(node, node.range, result->value));
}

} // namespace narthex::promql::testscript
