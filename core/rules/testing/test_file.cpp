// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/testing/test_file.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/yaml/decode.h"

#include <algorithm>
#include <set>

namespace narthex::rules::testing {
namespace {

class Reader
{
public:
    explicit Reader(bool ignoreUnknownFields) : ignoreUnknownFields_(ignoreUnknownFields) {}

    void file(const yaml::Value& value, TestFile& out) const
    {
        yaml::Object object(value, "unitTestFile");
        object.field("rule_files", out.ruleFiles);
        object.field("evaluation_interval", out.evaluationInterval);
        if (out.evaluationInterval.ms() <= 0) {
            out.evaluationInterval = 1_min;
        }
        if (const auto order = object.take("group_eval_order")) {
            order->into(out.groupEvalOrder);
            checkOrder(*order, out.groupEvalOrder);
        }
        object.field("fuzzy_compare", out.fuzzyCompare);
        if (const auto tests = object.take("tests")) {
            for (const yaml::Value& element : tests->elements()) {
                out.tests.push_back(test(element, out.evaluationInterval));
            }
        }
        finish(object);
    }

private:
    void finish(yaml::Object& object) const
    {
        if (!ignoreUnknownFields_) {
            object.finish();
        }
    }

    static void checkOrder(const yaml::Value& value, const std::vector<std::string>& order)
    {
        std::set<std::string> names;
        for (const std::string& name : order) {
            if (!names.insert(name).second) {
                value.fail(fmt::format("group name repeated in evaluation order: {}", name));
            }
        }
    }

    RuleTest test(const yaml::Value& value, base::Duration evaluationInterval) const
    {
        RuleTest test{.interval = evaluationInterval, .line = value.line()};
        yaml::Object object(value, "testGroup");
        object.field("name", test.name);
        object.field("interval", test.interval);
        if (test.interval.ms() <= 0) {
            test.interval = evaluationInterval;
        }
        if (const auto start = object.take("start_timestamp")) {
            test.start = startTime(*start);
        }
        if (const auto input = object.take("input_series")) {
            for (const yaml::Value& element : input->elements()) {
                series(element, test.input);
            }
        }
        if (const auto checks = object.take("alert_rule_test")) {
            for (const yaml::Value& element : checks->elements()) {
                test.alertChecks.push_back(alertCheck(element, test.name));
            }
        }
        if (const auto checks = object.take("promql_expr_test")) {
            for (const yaml::Value& element : checks->elements()) {
                test.exprChecks.push_back(exprCheck(element));
            }
        }
        object.field("external_labels", test.externalLabels);
        object.field("external_url", test.externalUrl);
        finish(object);
        return test;
    }

    static base::Timestamp startTime(const yaml::Value& value)
    {
        std::string text;
        if (value.isNull() || !value.into(text)) {
            return {};
        }
        const auto time = base::parseTimestamp(text);
        if (!time.ok()) {
            value.fail(fmt::format("start_timestamp: {}", base::messageOf(time.status())));
        }
        return time.value_or(base::Timestamp{});
    }

    void series(const yaml::Value& value, std::vector<promql::SeriesDescription>& out) const
    {
        std::string series;
        std::string values;
        yaml::Object object(value, "series");
        object.field("series", series);
        object.field("values", values);
        finish(object);
        // Line breaks of folded YAML text are white space as any other.
        std::string line = series + " " + values;
        std::replace(line.begin(), line.end(), '\n', ' ');
        auto described = promql::parseSeriesDescription(line);
        if (described.ok()) {
            out.push_back(*std::move(described));
        } else {
            value.fail(fmt::format("series {}: {}", series, base::messageOf(described.status())));
        }
    }

    AlertCheck alertCheck(const yaml::Value& value, const std::string& test) const
    {
        AlertCheck check{.evalTime = {}, .alertname = {}, .alerts = {}, .line = value.line()};
        yaml::Object object(value, "alertTestCase");
        object.field("eval_time", check.evalTime);
        object.field("alertname", check.alertname);
        if (const auto alerts = object.take("exp_alerts")) {
            for (const yaml::Value& element : alerts->elements()) {
                ExpectedAlert alert;
                yaml::Object inner(element, "alert");
                inner.field("exp_labels", alert.labels);
                inner.field("exp_annotations", alert.annotations);
                finish(inner);
                check.alerts.push_back(std::move(alert));
            }
        }
        finish(object);
        if (check.alertname.empty()) {
            value.fail(fmt::format("an item under alert_rule_test misses required attribute "
                                   "alertname at eval_time {} of test group {}",
                                   base::formatDuration(check.evalTime), model::quote(test)));
        }
        return check;
    }

    ExprCheck exprCheck(const yaml::Value& value) const
    {
        ExprCheck check{.expr = {}, .evalTime = {}, .samples = {}, .line = value.line()};
        yaml::Object object(value, "promqlTestCase");
        object.field("expr", check.expr);
        object.field("eval_time", check.evalTime);
        if (const auto samples = object.take("exp_samples")) {
            for (const yaml::Value& element : samples->elements()) {
                sample(element, check.samples);
            }
        }
        finish(object);
        return check;
    }

    void sample(const yaml::Value& value, std::vector<ExpectedSample>& out) const
    {
        std::string labels;
        std::string histogram;
        ExpectedSample sample;
        yaml::Object object(value, "sample");
        object.field("labels", labels);
        object.field("value", sample.value);
        object.field("histogram", histogram);
        finish(object);
        if (!labels.empty()) {
            std::size_t length = 0;
            auto parsed = promql::parseMetric(labels, length);
            if (parsed.ok() && length < labels.size()) {
                parsed = base::invalidArgument("unexpected {} behind the labels",
                                               model::quote(labels.substr(length)));
            }
            if (!parsed.ok()) {
                value.fail(fmt::format("labels {}: {}", model::quote(labels),
                                       base::messageOf(parsed.status())));
                return;
            }
            sample.labels = *std::move(parsed);
        }
        if (!histogram.empty()) {
            const auto sequence = promql::parseSequence(histogram);
            if (!sequence.ok() || sequence->size() != 1 || !sequence->front().histogram) {
                value.fail(fmt::format(
                    "histogram {}: {}", model::quote(histogram),
                    sequence.ok() ? "exactly one histogram is wanted, as in {{sum:1 count:1}}"
                                  : base::messageOf(sequence.status())));
                return;
            }
            sample.histogram = sequence->front().histogram;
        }
        out.push_back(std::move(sample));
    }

    const bool ignoreUnknownFields_;
};

} // namespace

absl::StatusOr<TestFile> parseTestFile(const std::string& path, const std::string& text,
                                       bool ignoreUnknownFields)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<yaml::Document> document,
                             yaml::Document::parse(path, text));
    TestFile file;
    file.path = path;
    Reader(ignoreUnknownFields).file(document->root(), file);
    NARTHEX_RETURN_IF_ERROR(document->status());
    return file;
}

absl::StatusOr<TestFile> loadTestFile(const std::string& path, bool ignoreUnknownFields)
{
    constexpr std::uint64_t kLimitBytes = 64ULL << 20U;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(path, kLimitBytes));
    return parseTestFile(path, text, ignoreUnknownFields);
}

} // namespace narthex::rules::testing
