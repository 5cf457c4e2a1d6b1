// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/context.h"

#include <QtTest>

#include <cmath>

using namespace narthex;

/// Results as JSON, in the forms of Prometheus' API.
class TestApiValues : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void valuesAreStringsAndTimesSeconds();
    void histogramsShowTheirBuckets();
    void errorsHaveTheirStatus();

private:
    static std::string written(const promql::Value& value)
    {
        std::string text;
        base::JsonWriter json(text);
        api::writeValue(json, value);
        return text;
    }
};

void TestApiValues::valuesAreStringsAndTimesSeconds()
{
    QCOMPARE(written(promql::Scalar{{1500}, 1e21}),
             std::string("[1.500,\"1000000000000000000000\"]"));
    QCOMPARE(written(promql::String{{2000}, "a\"b"}), std::string("[2,\"a\\\"b\"]"));
    const promql::Vector vector{
        {.labels = model::Labels{{"a", "b"}}, .time = {1000}, .value = std::nan("")}};
    QCOMPARE(written(vector), std::string("[{\"metric\":{\"a\":\"b\"},\"value\":[1,\"NaN\"]}]"));
    const promql::Matrix matrix{{.labels = {}, .points = {{{1000}, 1}, {{2000}, 1e-7}}}};
    QCOMPARE(written(matrix),
             std::string("[{\"metric\":{},\"values\":[[1,\"1\"],[2,\"1e-07\"]]}]"));
    QCOMPARE(written(promql::Matrix{}), std::string("[]"));
}

void TestApiValues::histogramsShowTheirBuckets()
{
    const auto histogram = std::make_shared<const model::FloatHistogram>(
        model::FloatHistogram{.schema = 0,
                              .zeroThreshold = 0.5,
                              .zeroCount = 2,
                              .count = 6,
                              .sum = 3.5,
                              .positiveSpans = {{.offset = 1, .length = 2}},
                              .negativeSpans = {{.offset = 0, .length = 1}},
                              .positiveBuckets = {3, 0},
                              .negativeBuckets = {1}});
    const promql::Vector vector{{.labels = {}, .time = {1000}, .histogram = histogram}};
    QCOMPARE(written(vector),
             std::string("[{\"metric\":{},\"histogram\":[1,{\"count\":\"6\",\"sum\":\"3.5\","
                         "\"buckets\":[[1,\"-1\",\"-0.5\",\"1\"],[3,\"-0.5\",\"0.5\",\"2\"],"
                         "[0,\"1\",\"2\",\"3\"]]}]}]"));
}

void TestApiValues::errorsHaveTheirStatus()
{
    const net::ServerResponse bad = api::errorResponse(api::ErrorType::BadData, "no \"x\"");
    QCOMPARE(bad.status, 400);
    QCOMPARE(bad.body,
             std::string(
                 "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no \\\"x\\\"\"}"));
    QCOMPARE(api::errorResponse(absl::DeadlineExceededError("late")).status, 503);
    QCOMPARE(api::errorResponse(absl::InvalidArgumentError("odd")).status, 422);
}

QTEST_GUILESS_MAIN(TestApiValues)
#include "tst_api_values.moc"
