// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/runner.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"
#include "core/promql/testscript/compare.h"
#include "core/promql/testscript/notation.h"
#include "core/promql/testscript/stored_hint.h"

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

std::string secondsText(std::int64_t ms)
{
    return base::formatFloat(base::Timestamp{ms}.seconds());
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

std::string failureText(const Failure& failure)
{
    std::string text = failure.query;
    if (!failure.variant.empty()) {
        text += fmt::format(" ({})", failure.variant);
    }
    for (std::string_view rest = failure.text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        text += fmt::format("\n  {}", rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    const auto list = [&text](std::string_view title, const std::vector<std::string>& lines) {
        text += fmt::format("\n  {}:", title);
        for (const std::string& line : lines) {
            text += "\n    " + line;
        }
    };
    if (!failure.expected.empty() || !failure.found.empty()) {
        list("expected", failure.expected);
        list("found", failure.found);
    }
    return text;
}

Report Runner::run(std::string_view script, const RunOptions& options)
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
        const bool goesOn = runCommand(command, options);
        if (!goesOn || (options.stopAtFirst && !report_.failures.empty())) {
            break;
        }
    }
    return report_;
}

/// False when the rest makes no sense without it.
bool Runner::runCommand(const Command& command, const RunOptions& options)
{
    ++report_.commands;
    if (const auto* eval = std::get_if<Eval>(&command.what)) {
        if (eval->query.find(options.filter) != std::string::npos) {
            ++report_.evaluations;
            report_.cases.push_back({eval->line, eval->query});
            this->eval(*eval);
        }
        return true;
    }
    if (const auto* load = std::get_if<Load>(&command.what)) {
        const absl::Status status = this->load(*load);
        if (!status.ok()) {
            report_.failures.push_back({.line = command.line,
                                        .query = "load",
                                        .text = std::string(base::messageOf(status))});
        }
        return status.ok();
    }
    store_.clear();
    newest_.clear();
    return true;
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

void Runner::check(const Eval& node, std::string_view query, std::string_view variant,
                   const absl::Status& problem, const Value* found)
{
    if (problem.ok()) {
        return;
    }
    std::string text(base::messageOf(problem));
    text.erase(text.find_last_not_of('\n') + 1);
    Failure failure{.line = node.line,
                    .query = std::string(query),
                    .variant = std::string(variant),
                    .text = std::move(text)};
    if (found != nullptr) {
        Found notation = foundLines(node, *found);
        failure.expected = expectedLines(node);
        failure.found = notation.lines;
        if (variant.empty() && notation.exact) {
            failure.update = {node.valueLines, node.lastLine, std::move(notation.lines)};
        }
    }
    report_.failures.push_back(std::move(failure));
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
    const std::string variant =
        query == node.query ? std::string() : fmt::format("at {}", secondsText(time));
    if (!result.ok() || node.has(ExpectKind::Fail)) {
        return check(node, query, variant, compareError(node, result.status()));
    }
    check(node, query, variant, compareAnnotations(node, query, result->annotations));
    check(node, query, variant, compareInstant(node, result->value), &result->value);
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
    const std::string variant = fmt::format("range mode around {}", secondsText(time));
    if (!result.ok()) {
        return check(node, query, variant, compareError(node, result.status()));
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
    const Value value = node.scalar && middle.size() == 1
                            ? Value(Scalar{middle[0].time, middle[0].value})
                            : Value(std::move(middle));
    check(node, query, variant, compareInstant(node, value), &value);
}

void Runner::evalRange(const Eval& node)
{
    const auto result = engine_.range(store_, node.query, base::Timestamp{node.range.from},
                                      base::Timestamp{node.range.to},
                                      base::Duration::fromMs(node.range.step), QueryOptions{}, {});
    if (!result.ok() || node.has(ExpectKind::Fail)) {
        return check(node, node.query, {}, compareError(node, result.status()));
    }
    check(node, node.query, {}, compareAnnotations(node, node.query, result->annotations));
    const absl::Status problem = node.scalar
                                     ? base::invalidArgument("a range query gives no scalar")
                                     : compareMatrix(node, node.range, result->value);
    check(node, node.query, {}, problem, &result->value);
}

} // namespace narthex::promql::testscript
