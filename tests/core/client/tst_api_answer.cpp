// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/client/http/api_answer.h"

#include <QtTest>

#include <cmath>

using namespace narthex;

class TestApiAnswer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsAMatrix();
    void tellsWhatTheServerSays();
    void refusesOtherAnswers_data();
    void refusesOtherAnswers();
    void refusesNativeHistograms();
};

void TestApiAnswer::readsAMatrix()
{
    const std::string json =
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"values\":[[1.5,\"1\"],[2,\"NaN\"],"
        "[1700000000.123,\"-Inf\"]]},{\"metric\":{},\"values\":[]}]}}";
    const auto matrix = client::parseMatrixAnswer(json);
    QVERIFY2(matrix.ok(), matrix.status().ToString().c_str());
    QCOMPARE(matrix->size(), std::size_t{2});
    const promql::MatrixSeries& series = matrix->front();
    QCOMPARE(QString::fromStdString(series.labels.toString()), QString("up{job=\"a\"}"));
    QCOMPARE(series.points[0].time.ms, std::int64_t{1500});
    QVERIFY(std::isnan(series.points[1].value));
    QCOMPARE(series.points[2].time.ms, std::int64_t{1'700'000'000'123});
    QVERIFY(std::isinf(series.points[2].value));
}

void TestApiAnswer::tellsWhatTheServerSays()
{
    const auto matrix = client::parseMatrixAnswer(
        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no such thing\"}");
    QCOMPARE(matrix.status().code(), absl::StatusCode::kInvalidArgument);
    QCOMPARE(QString::fromStdString(std::string(base::messageOf(matrix.status()))),
             QString("bad_data: no such thing"));
}

void TestApiAnswer::refusesOtherAnswers_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("nothing") << QByteArray("");
    QTest::newRow("page") << QByteArray("<html></html>");
    QTest::newRow("list") << QByteArray("[1]");
    QTest::newRow("other status") << QByteArray("{\"status\":\"error\"}");
    QTest::newRow("vector") << QByteArray(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
    QTest::newRow("sample") << QByteArray(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{},\"values\":[[1]]}]}}");
    QTest::newRow("value") << QByteArray(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{},\"values\":[[1,\"x\"]]}]}}");
    QTest::newRow("time") << QByteArray(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{},\"values\":[[1e300,\"1\"]]}]}}");
    QTest::newRow("label") << QByteArray(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"a\":1},\"values\":[]}]}}");
}

void TestApiAnswer::refusesOtherAnswers()
{
    QFETCH(QByteArray, json);
    QCOMPARE(client::parseMatrixAnswer(json.toStdString()).status().code(),
             absl::StatusCode::kUnavailable);
}

void TestApiAnswer::refusesNativeHistograms()
{
    const auto matrix = client::parseMatrixAnswer(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"__name__\":\"h\"},\"histograms\":[[1,{\"count\":\"1\",\"sum\":\"1\"}]]}]}"
        "}");
    QCOMPARE(matrix.status().code(), absl::StatusCode::kUnimplemented);
}

QTEST_GUILESS_MAIN(TestApiAnswer)
#include "tst_api_answer.moc"
