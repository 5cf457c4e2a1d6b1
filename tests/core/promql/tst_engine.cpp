// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/engine.h"
#include "support/memory_store.h"

#include <QtTest>

#include <cmath>
#include <thread>

using namespace narthex;
using namespace narthex::promql;
using model::Labels;

namespace {

constexpr std::int64_t kMinute = 60'000;

QByteArray text(const absl::StatusOr<Result>& result)
{
    if (!result.ok()) {
        return "error: " + QByteArray::fromStdString(std::string(base::messageOf(result.status())));
    }
    QByteArrayList parts;
    if (const auto* scalar = std::get_if<Scalar>(&result->value)) {
        return QByteArray::fromStdString(base::formatFloat(scalar->value));
    }
    if (const auto* string = std::get_if<promql::String>(&result->value)) {
        return QByteArray::fromStdString(string->value);
    }
    if (const auto* vector = std::get_if<Vector>(&result->value)) {
        for (const VectorElement& element : *vector) {
            parts << QByteArray::fromStdString(element.labels.toString() + " " +
                                               base::formatFloat(element.value));
        }
    }
    if (const auto* matrix = std::get_if<Matrix>(&result->value)) {
        for (const MatrixSeries& series : *matrix) {
            std::string line = series.labels.toString();
            for (const Point& point : series.points) {
                line += " " + base::formatFloat(point.value) + "@" +
                        base::formatFloat(point.time.seconds());
            }
            parts << QByteArray::fromStdString(line);
        }
    }
    return parts.join("; ");
}

} // namespace

class TestEngine : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refusesModifiersThatAreSwitchedOff_data();
    void refusesModifiersThatAreSwitchedOff();
    void init();
    void answersInstantQueries_data();
    void answersInstantQueries();
    void answersRangeQueries_data();
    void answersRangeQueries();
    void warnsWithPositions();
    void refusesMatricesAndStringsInRanges();
    void stopsAtTheSampleLimit();
    void stopsWhenAsked();
    void stopsAtTheDeadline();
    void runsManyQueriesAtOnce();
    void dropsNamesAtOnceByDefault();
    void looksBackAsToldByTheQuery();

private:
    /// Values from 0 on, one a minute.
    void load(const Labels& labels, std::initializer_list<double> values);
    absl::StatusOr<Result> instant(const QByteArray& query, std::int64_t seconds);

    test::MemoryStore store_;
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
    Engine engine_{
        EngineOptions{.features = {.experimentalFunctions = true, .delayedNameRemoval = true}},
        pool_, clock_};
};

void TestEngine::load(const Labels& labels, std::initializer_list<double> values)
{
    std::int64_t time = 0;
    for (const double value : values) {
        store_.add(labels, base::Timestamp{time}, value);
        time += kMinute;
    }
}

absl::StatusOr<Result> TestEngine::instant(const QByteArray& query, std::int64_t seconds)
{
    return engine_.instant(store_, query.toStdString(), base::Timestamp{seconds * 1000}, {}, {});
}

void TestEngine::init()
{
    store_.clear();
    load({{"__name__", "x_total"}, {"i", "a"}}, {0, 10, 20, 30, 40, 50});
    load({{"__name__", "x_total"}, {"i", "b"}}, {0, 1, 2, 3, 4, 5});
    load({{"__name__", "gone"}}, {1, 2, model::staleMarker()});
    load({{"__name__", "reset"}}, {1, 2, 1, 1, 0});
    load({{"__name__", "nans"}, {"i", "1"}}, {NAN, NAN, 1});
    load({{"__name__", "b_bucket"}, {"le", "1"}}, {10});
    load({{"__name__", "b_bucket"}, {"le", "2"}}, {9});
    load({{"__name__", "b_bucket"}, {"le", "+Inf"}}, {10});
    load({{"__name__", "const"}}, {5, 5, 5});
}

void TestEngine::answersInstantQueries_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<int>("seconds");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* query, int seconds, const char* result) {
        QTest::newRow(query) << QByteArray(query) << seconds << QByteArray(result);
    };
    row("0755", 0, "493");
    row("-1^2", 0, "-1");
    row("-2^-1", 0, "-0.5");
    row("2^3^2", 0, "512");
    row("5 % 3 * 2", 0, "4");
    row("1 - 2 - 3", 0, "-4");
    row("1h30m", 0, "5400");
    row("5m + 1", 0, "301");
    row("1 == bool 1", 0, "1");
    row("\"a\\tb\"", 0, "a\tb");
    row("vector(1) == 2", 0, "");
    row("2 > vector(1)", 0, "{} 1");
    row("x_total", 300, "x_total{i=\"a\"} 50; x_total{i=\"b\"} 5");
    row("x_total{i=\"a\"} offset 1m", 300, "x_total{i=\"a\"} 40");
    row("x_total{i=\"a\"} @ 60", 300, "x_total{i=\"a\"} 10");
    row("x_total @ 240 offset 1m", 0, "x_total{i=\"a\"} 30; x_total{i=\"b\"} 3");
    row("const", 419, "const 5");
    row("const", 420, "");
    row("gone", 100, "gone 2");
    row("gone", 120, "");
    row("count_over_time(gone[5m])", 120, "{} 2");
    row("count_over_time(x_total{i=\"a\"}[1m])", 120, "{i=\"a\"} 1");
    row("sum(x_total)", 300, "{} 55");
    row("sum by (i) (x_total)", 300, "{i=\"a\"} 50; {i=\"b\"} 5");
    row("avg(x_total)", 300, "{} 27.5");
    row("count(x_total) + max(x_total) + min(x_total)", 300, "{} 57");
    row("topk(1, x_total)", 300, "x_total{i=\"a\"} 50");
    row("bottomk(1, x_total)", 300, "x_total{i=\"b\"} 5");
    row("topk(NaN, x_total)", 300, "error: Parameter value is NaN");
    row("topk(0.9, x_total)", 300, "");
    row("quantile(1.1, x_total)", 300, "{} +Inf");
    row("increase(x_total{i=\"a\"}[5m])", 300, "{i=\"a\"} 50");
    row("rate(x_total{i=\"a\"}[5m])", 300, "{i=\"a\"} 0.16666666666666666");
    row("resets(reset[10m])", 300, "{} 2");
    row("changes(nans[10m])", 300, "{i=\"1\"} 1");
    row("deriv(const[10m])", 300, "{} 0");
    row("predict_linear(const[10m], 3600)", 300, "{} 5");
    row("round(vector(-2.5))", 0, "{} -2");
    row("round(vector(2.5))", 0, "{} 3");
    row("round(vector(7), 5)", 0, "{} 5");
    row("clamp(x_total, 2, 1)", 300, "");
    row("sgn(vector(-0))", 0, "{} -0");
    row("absent(y{a=\"1\",b=~\"y\"})", 0, "{a=\"1\"} 1");
    row("absent(y{a=\"1\",a=\"2\",c=\"3\"})", 0, "{c=\"3\"} 1");
    row("absent(y{a!=\"0\",a=\"1\"})", 0, "{a=\"1\"} 1");
    row("absent(sum(y))", 0, "{} 1");
    row("label_replace(x_total{i=\"a\"}, \"d\", \"$1-${1}$$\", \"i\", \"(.*)\")", 300,
        "x_total{d=\"a-a$\", i=\"a\"} 50");
    row("histogram_quantile(0.5, b_bucket)", 0, "{} 0.5");
    row("x_total - on(i) group_left() x_total", 300, "{i=\"a\"} 0; {i=\"b\"} 0");
    row("x_total / on() x_total", 300,
        "error: found duplicate series for the match group {} on the right hand-side of the "
        "operation: "
        "[{__name__=\"x_total\", i=\"a\"}, {__name__=\"x_total\", i=\"b\"}];many-to-many matching "
        "not "
        "allowed: matching labels must be unique on one side");
    row("x_total > on() const", 120,
        "error: multiple matches for labels: many-to-one matching must be explicit "
        "(group_left/group_right)");
    row("x_total and on() const", 120, "x_total{i=\"a\"} 20; x_total{i=\"b\"} 2");
    row("x_total{i=\"a\"} or const", 120, "x_total{i=\"a\"} 20; const 5");
    row("x_total unless x_total{i=\"a\"}", 120, "x_total{i=\"b\"} 2");
    row("count_over_time(x_total{i=\"a\"}[5m:1m])", 300, "{i=\"a\"} 5");
    row("max_over_time(rate(x_total{i=\"a\"}[2m])[5m:1m])", 300, "{i=\"a\"} 0.16666666666666666");
    row("count_values(\"v\", const)", 0, "{v=\"5\"} 1");
    row("-{__name__=~\"const|gone\"}", 60,
        "error: vector cannot contain metrics with the same labelset");
    row("scalar(x_total)", 300, "NaN");
    row("time()", 7, "7");
    row("timestamp(x_total{i=\"a\"})", 310, "{i=\"a\"} 300");
    row("timestamp(-x_total{i=\"a\"})", 310, "{i=\"a\"} 310");
    row("year() + month() + day_of_month()", 0, "{} 1972");
    row("days_in_month(vector(1456790399))", 0, "{} 29");
    row("sort_desc(x_total)", 300, "x_total{i=\"a\"} 50; x_total{i=\"b\"} 5");
    row("gone[5m]", 120, "gone 1@0 2@60");
    row("foo[step()-1]", 0, "error: 4:12: duration must be greater than 0");
}

void TestEngine::answersInstantQueries()
{
    QFETCH(QByteArray, query);
    QFETCH(int, seconds);
    const auto result = instant(query, seconds);
    QTEST(text(result), "result");
}

void TestEngine::answersRangeQueries_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* query, const char* result) {
        QTest::newRow(query) << QByteArray(query) << QByteArray(result);
    };
    row("x_total{i=\"a\"}", "x_total{i=\"a\"} 0@0 10@60 20@120");
    row("gone", "gone 1@0 2@60");
    row("1", "{} 1@0 1@60 1@120");
    row("x_total{i=\"a\"} > 5", "x_total{i=\"a\"} 10@60 20@120");
    row("sum(x_total)", "{} 0@0 11@60 22@120");
    row("x_total{i=\"a\"} @ 60", "x_total{i=\"a\"} 10@0 10@60 10@120");
    row("absent(gone)", "{} 1@120");
    row("sum_over_time(x_total{i=\"b\"}[2m])", "{i=\"b\"} 0@0 1@60 3@120");
    row("time() + 1", "{} 1@0 61@60 121@120");
    row("topk(1, {__name__=~\"gone|const\"})", "const 5@0 5@60 5@120");
}

void TestEngine::answersRangeQueries()
{
    QFETCH(QByteArray, query);
    const auto result = engine_.range(store_, query.toStdString(), base::Timestamp{0},
                                      base::Timestamp{2 * kMinute}, 1_min, {}, {});
    QTEST(text(result), "result");
}

void TestEngine::warnsWithPositions()
{
    const auto result = instant("sum(rate(const[5m])) + quantile(2, const)", 60);
    QVERIFY(result.ok());
    QCOMPARE(result->annotations.size(), std::size_t{2});
    QCOMPARE(result->annotations[0].text,
             std::string("PromQL info: metric might not be a counter, name does not end in "
                         "_total/_sum/_count/_bucket: \"const\""));
    QCOMPARE(result->annotations[0].begin.value_or(0), 9U);
    QCOMPARE(result->annotations[1].text,
             std::string("PromQL warning: quantile value should be between 0 and 1, got 2"));
    const auto repaired = instant("histogram_quantile(0.5, b_bucket)", 0);
    QVERIFY(repaired->annotations[0].text.find("from buckets 2 to 2, with a max diff of 1") !=
            std::string::npos);
}

void TestEngine::refusesMatricesAndStringsInRanges()
{
    for (const char* query : {"x_total[5m]", "\"a\""}) {
        const auto result = engine_.range(store_, query, base::Timestamp{0},
                                          base::Timestamp{kMinute}, 1_min, {}, {});
        QCOMPARE(result.status().code(), absl::StatusCode::kInvalidArgument);
    }
}

void TestEngine::stopsAtTheSampleLimit()
{
    const Engine engine({.maxSamples = 5}, pool_, clock_);
    const auto result = engine.range(store_, "x_total", base::Timestamp{0},
                                     base::Timestamp{4 * kMinute}, 1_min, {}, {});
    QCOMPARE(result.status().code(), absl::StatusCode::kResourceExhausted);
    QVERIFY(engine.instant(store_, "x_total", base::Timestamp{0}, {}, {}).ok());
    const auto subquery =
        engine.instant(store_, "max_over_time(x_total[1000d:1ms])", base::Timestamp{0}, {}, {});
    QCOMPARE(subquery.status().code(), absl::StatusCode::kResourceExhausted);
}

void TestEngine::stopsWhenAsked()
{
    std::stop_source source;
    source.request_stop();
    const auto result =
        engine_.instant(store_, "sum(x_total)", base::Timestamp{0}, {}, source.get_token());
    QCOMPARE(result.status().code(), absl::StatusCode::kCancelled);
}

void TestEngine::stopsAtTheDeadline()
{
    const auto result = engine_.instant(store_, "sum(x_total)", base::Timestamp{0},
                                        {.lookback = {}, .timeout = base::Duration{-1}}, {});
    QCOMPARE(result.status().code(), absl::StatusCode::kDeadlineExceeded);
}

void TestEngine::runsManyQueriesAtOnce()
{
    const Engine engine({.maxConcurrent = 2}, pool_, clock_);
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 20; ++k) {
                    const auto result =
                        engine.range(store_, "sum(rate(x_total[2m]))", base::Timestamp{0},
                                     base::Timestamp{5 * kMinute}, 1_min, {}, {});
                    good += result.ok() ? 1 : 0;
                }
            });
        }
    }
    QCOMPARE(good.load(), 160);
    QCOMPARE(engine.activeQueries(), std::size_t{0});
}

void TestEngine::dropsNamesAtOnceByDefault()
{
    const Engine engine({}, pool_, clock_);
    const auto result = engine.instant(store_, "sum by (__name__) (rate(x_total{i=\"a\"}[5m]))",
                                       base::Timestamp{5 * kMinute}, {}, {});
    QCOMPARE(text(result), QByteArray("{} 0.16666666666666666"));
    const auto same =
        engine.instant(store_, "abs({__name__=~\"const|gone\"})", base::Timestamp{kMinute}, {}, {});
    QCOMPARE(text(same), QByteArray("error: vector cannot contain metrics with the same labelset"));
}

void TestEngine::looksBackAsToldByTheQuery()
{
    const auto result = engine_.instant(store_, "const", base::Timestamp{600'000},
                                        {.lookback = 10_min, .timeout = {}}, {});
    QCOMPARE(text(result), QByteArray("const 5"));
}

void TestEngine::refusesModifiersThatAreSwitchedOff_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<bool>("isPinned");
    QTest::newRow("selector") << QByteArray("foo @ 100") << true;
    QTest::newRow("range") << QByteArray("rate(foo[5m] @ end())") << true;
    QTest::newRow("subquery") << QByteArray("rate(foo[5m:1m] @ start())") << true;
    QTest::newRow("offset") << QByteArray("foo offset -1m") << false;
    QTest::newRow("offset of a range") << QByteArray("sum(rate(foo[5m] offset -1m))") << false;
    QTest::newRow("offset by a sum") << QByteArray("foo offset (1m - 2m)") << false;
    QTest::newRow("offset of a subquery")
        << QByteArray("max_over_time(foo[5m:] offset -1m)") << false;
}

void TestEngine::refusesModifiersThatAreSwitchedOff()
{
    QFETCH(const QByteArray, query);
    QFETCH(const bool, isPinned);
    base::WorkerPool pool(1);
    const base::ManualClock clock(base::Timestamp{0});
    const test::MemoryStore store;
    const auto ask = [&](const EngineOptions& options) {
        return Engine(options, pool, clock)
            .instant(store, query.toStdString(), base::Timestamp{0}, {}, {})
            .status();
    };
    QVERIFY(ask({}).ok());
    QVERIFY(ask({.atModifier = isPinned, .negativeOffset = !isPinned}).ok());
    const absl::Status refused = ask({.atModifier = !isPinned, .negativeOffset = isPinned});
    QCOMPARE(refused.code(), absl::StatusCode::kInvalidArgument);
    QCOMPARE(std::string(base::messageOf(refused)),
             std::string(isPinned ? "@ modifier is disabled" : "negative offset is disabled"));
}

QTEST_GUILESS_MAIN(TestEngine)
#include "tst_engine.moc"
