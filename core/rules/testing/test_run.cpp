// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/testing/test_run.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/model/sample.h"
#include "core/promql/testscript/stored_hint.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::rules::testing {
namespace {

std::string mapText(const model::Labels& labels)
{
    std::string text;
    for (const model::LabelView label : labels) {
        text +=
            fmt::format("{}{}={}", text.empty() ? "" : ", ", label.name, model::quote(label.value));
    }
    return "{" + text + "}";
}

std::string alertText(const model::Labels& labels, const model::Labels& annotations)
{
    return fmt::format("labels: {} annotations: {}", mapText(labels), mapText(annotations));
}

model::Labels fromMap(const std::map<std::string, std::string>& map)
{
    model::LabelsBuilder builder;
    for (const auto& [name, value] : map) {
        builder.set(name, value);
    }
    return builder.build();
}

struct Found
{
    model::Labels labels;
    double value = 0;
    /// Empty: a float.
    std::string histogram;
};

std::string foundText(const Found& found)
{
    return found.labels.toString() + " " +
           (found.histogram.empty() ? base::formatFloat(found.value) : found.histogram);
}

bool sameValue(double a, double b, bool fuzzy)
{
    if (a == b || (std::isnan(a) && std::isnan(b))) {
        return true;
    }
    return fuzzy && std::nextafter(a, b) == b;
}

bool sameSamples(const std::vector<Found>& a, const std::vector<Found>& b, bool fuzzy)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [fuzzy](const auto& x, const auto& y) {
                          return x.labels == y.labels && x.histogram == y.histogram &&
                                 sameValue(x.value, y.value, fuzzy);
                      });
}

Found foundOf(const model::Labels& labels, double value, const promql::HistogramPtr& histogram)
{
    return {.labels = labels,
            .value = histogram ? 0 : value,
            .histogram = histogram ? promql::histogramNotation(*histogram) : std::string()};
}

std::vector<std::string> texts(std::vector<Found>& samples)
{
    std::stable_sort(samples.begin(), samples.end(),
                     [](const Found& a, const Found& b) { return a.labels < b.labels; });
    std::vector<std::string> result;
    for (const Found& sample : samples) {
        result.push_back(foundText(sample));
    }
    return result;
}

} // namespace

TestRun::TestRun(const RuleTest& test, const TestSetting& setting)
    : test_(test),
      setting_(setting),
      engine_(setting.engine, setting.pool, setting.clock),
      environment_{.queries = engine_, .reading = store_, .writing = store_, .clock = setting.clock}
{
    const auto surroundings = std::make_shared<const AlertSurroundings>(AlertSurroundings{
        .externalLabels = fromMap(test.externalLabels), .externalUrl = test.externalUrl});
    for (const RuleGroup& group : setting.groups) {
        groups_.push_back(std::make_unique<RuleSet>(
            group, environment_,
            RuleSetOptions{.surroundings = surroundings, .restored = true, .concurrent = false}));
    }
    for (const promql::SeriesDescription& series : test.input) {
        inputs_.push_back({.description = &series, .next = 0, .previous = nullptr});
    }
}

base::Duration TestRun::lastCheck() const
{
    base::Duration last;
    for (const AlertCheck& check : test_.alertChecks) {
        last = std::max(last, check.evalTime);
    }
    for (const ExprCheck& check : test_.exprChecks) {
        last = std::max(last, check.evalTime);
    }
    return last;
}

absl::Status TestRun::loadSeries(storage::Appender& appender, Input& input, base::Timestamp time)
{
    const promql::SeriesDescription& series = *input.description;
    NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender.seriesFor(series.labels));
    for (; input.next < series.values.size(); ++input.next) {
        const base::Timestamp at{test_.start.ms +
                                 static_cast<std::int64_t>(input.next) * test_.interval.ms()};
        if (at > time) {
            break;
        }
        const promql::SequenceValue& value = series.values[input.next];
        if (value.omitted) {
            continue;
        }
        storage::AppendResult result{};
        if (value.histogram) {
            auto stored = std::make_shared<model::FloatHistogram>(*value.histogram);
            stored->hint = promql::testscript::storedHint(*stored, input.previous);
            result = appender.appendHistogram(ref, at, *stored);
            input.previous = std::move(stored);
        } else {
            result = appender.append(ref, at, value.value);
            input.previous = nullptr;
        }
        if (result != storage::AppendResult::Appended &&
            result != storage::AppendResult::SameAgain) {
            return base::invalidArgument("series {}: a sample at {} is refused: there is one "
                                         "already; is the series given twice, or a rule's own?",
                                         series.labels.toString(),
                                         base::formatDuration(at - test_.start));
        }
    }
    return absl::OkStatus();
}

absl::Status TestRun::load(base::Timestamp time)
{
    const auto appender = store_.appender();
    for (Input& input : inputs_) {
        NARTHEX_RETURN_IF_ERROR(loadSeries(*appender, input, time));
    }
    return appender->commit();
}

bool TestRun::evaluate(base::Timestamp time, TestCase& result)
{
    static const std::atomic<bool> kGoOn{false};
    bool fine = true;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const RuleGroup& group = setting_.groups[i];
        const RunContext context{
            .slot = time,
            .queryTime = time - group.queryOffset.value_or(0_ns),
            .limit = group.limit,
            .sending = {.resendDelay = 1_min, .interval = setting_.file.evaluationInterval},
            .settling = false,
            .origin = nullptr,
            .stop = {}};
        const EvaluationReport report = groups_[i]->evaluate(context, {}, kGoOn);
        if (report.failedRule) {
            result.failures.push_back({.subject = fmt::format("group: {}, rule: {}", group.name,
                                                              group.rules[*report.failedRule].name),
                                       .time = time - test_.start,
                                       .error = std::string(base::messageOf(report.firstFailure)),
                                       .expected = {},
                                       .found = {}});
            fine = false;
        }
    }
    return fine;
}

void TestRun::checkAlert(const AlertCheck& check, TestCase& result) const
{
    std::vector<std::string> expected;
    for (const ExpectedAlert& alert : check.alerts) {
        std::map<std::string, std::string> labels = alert.labels;
        labels[std::string(kAlertName)] = check.alertname;
        expected.push_back(alertText(fromMap(labels), fromMap(alert.annotations)));
    }
    std::vector<std::string> found;
    for (const ActiveAlert& alert : firing(check.alertname)) {
        found.push_back(alertText(alert.labels, alert.annotations));
    }
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    if (expected != found) {
        result.failures.push_back({.subject = "alertname: " + check.alertname,
                                   .time = check.evalTime,
                                   .error = {},
                                   .expected = std::move(expected),
                                   .found = std::move(found),
                                   .line = check.line});
    }
}

void TestRun::checkAlerts(base::Timestamp time, TestCase& result) const
{
    const std::int64_t step = (time - test_.start).ms();
    for (const AlertCheck& check : test_.alertChecks) {
        const std::int64_t at = check.evalTime.ms();
        if (step <= at && at - step < setting_.file.evaluationInterval.ms()) {
            checkAlert(check, result);
        }
    }
}

std::vector<ActiveAlert> TestRun::firing(std::string_view alertname) const
{
    std::vector<ActiveAlert> result;
    for (const auto& group : groups_) {
        for (const AlertingRule* rule : group->alertingRules()) {
            if (rule->definition().name != alertname) {
                continue;
            }
            std::vector<ActiveAlert> alerts = rule->alerts();
            for (ActiveAlert& alert : alerts) {
                if (alert.state == AlertState::Firing) {
                    result.push_back(std::move(alert));
                }
            }
        }
    }
    return result;
}

absl::StatusOr<promql::Vector> TestRun::query(std::string_view expr, base::Duration evalTime) const
{
    NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                             engine_.instant(store_, expr, test_.start + evalTime, {}, {}));
    return toVector(std::move(result.value));
}

void TestRun::checkExpression(const ExprCheck& check, TestCase& result) const
{
    TestFailure failure{.subject = fmt::format("expr: {}", model::quote(check.expr)),
                        .time = check.evalTime,
                        .error = {},
                        .expected = {},
                        .found = {},
                        .line = check.line};
    const auto vector = query(check.expr, check.evalTime);
    if (!vector.ok()) {
        failure.error = base::messageOf(vector.status());
        result.failures.push_back(std::move(failure));
        return;
    }
    std::vector<Found> expected;
    for (const ExpectedSample& sample : check.samples) {
        expected.push_back(foundOf(sample.labels, sample.value, sample.histogram));
    }
    std::vector<Found> found;
    for (const promql::VectorElement& element : *vector) {
        found.push_back(foundOf(element.labels, element.value, element.histogram));
    }
    failure.expected = texts(expected);
    failure.found = texts(found);
    if (!sameSamples(expected, found, setting_.file.fuzzyCompare)) {
        result.failures.push_back(std::move(failure));
    }
}

void TestRun::run(TestCase& result)
{
    const auto refuse = [&](const absl::Status& status, base::Timestamp time) {
        result.failures.push_back({.subject = "input_series",
                                   .time = time - test_.start,
                                   .error = std::string(base::messageOf(status)),
                                   .expected = {},
                                   .found = {}});
    };
    const std::int64_t end = test_.start.ms + lastCheck().ms();
    const std::int64_t step = setting_.file.evaluationInterval.ms();
    for (base::Timestamp time = test_.start; time.ms <= end; time.ms += step) {
        if (const absl::Status status = load(time); !status.ok()) {
            refuse(status, time);
            return;
        }
        ++result.evaluations;
        if (!evaluate(time, result)) {
            return;
        }
        checkAlerts(time, result);
        if (time.ms > end - step) { // the sum may be beyond what can be counted
            break;
        }
    }
    if (const absl::Status status = load(base::Timestamp::max()); !status.ok()) {
        refuse(status, {end});
        return;
    }
    for (const ExprCheck& check : test_.exprChecks) {
        checkExpression(check, result);
    }
}

std::vector<std::string> TestRun::dump() const
{
    std::vector<std::string> lines;
    const auto querier = store_.querier(base::Timestamp::min(), base::Timestamp::max());
    const auto set = (*querier)->select({}, {}, {});
    const auto all = storage::collect(**set, std::numeric_limits<std::size_t>::max());
    if (!all.ok()) {
        return lines;
    }
    for (const auto& series : *all) {
        storage::SampleColumns columns;
        if (!series->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok()) {
            continue;
        }
        std::string line = series->labels().toString();
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            line += fmt::format(
                " {}@{}",
                model::isStale(columns.values[i]) ? std::string("stale")
                                                  : base::formatFloat(columns.values[i]),
                base::formatDuration(base::Timestamp{columns.times[i]} - test_.start));
        }
        for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
            line += fmt::format(
                " {}@{}", promql::histogramNotation(*columns.histograms[i]),
                base::formatDuration(base::Timestamp{columns.histogramTimes[i]} - test_.start));
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace narthex::rules::testing
