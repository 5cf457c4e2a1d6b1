// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries that are too large, too long, too deep, or no longer wanted: each stops promptly with an
// error that says which limit it met.
#include "core/base/status.h"
#include "core/promql/engine.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"
#include "support/memory_store.h"

#include <QElapsedTimer>
#include <QtTest>

#include <atomic>
#include <functional>
#include <semaphore>
#include <thread>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

constexpr std::int64_t kSecond = 1000;

/// Series with a sample every second, made up when they are read; calls back at each read.
class EndlessStore final : public storage::Queryable
{
public:
    EndlessStore(std::size_t series, std::function<void()> onRead)
        : series_(series), onRead_(std::move(onRead))
    {}
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp,
                                                              base::Timestamp) const override
    {
        return std::make_unique<EndlessQuerier>(*this);
    }

private:
    using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;

    class EndlessSeries final : public storage::Series
    {
    public:
        EndlessSeries(std::size_t number, const std::function<void()>& onRead)
            : labels_({{"__name__", "x"}, {"i", std::to_string(number)}}), onRead_(onRead)
        {}
        [[nodiscard]] const model::Labels& labels() const override { return labels_; }
        absl::Status read(base::Timestamp from, base::Timestamp to,
                          storage::SampleColumns& out) const override
        {
            onRead_();
            for (std::int64_t time = from.ms; time <= to.ms; time += kSecond) {
                out.times.push_back(time);
                out.values.push_back(static_cast<double>(time * 7919 % 10007));
            }
            return absl::OkStatus();
        }

    private:
        const model::Labels labels_;
        const std::function<void()>& onRead_;
    };

    class EndlessSet final : public storage::SeriesSet
    {
    public:
        explicit EndlessSet(const EndlessStore& store) : store_(store) {}
        absl::Status next(std::size_t limit, SeriesList& out) override
        {
            for (; limit > 0 && next_ < store_.series_; --limit) {
                out.push_back(std::make_shared<EndlessSeries>(next_++, store_.onRead_));
            }
            return absl::OkStatus();
        }

    private:
        const EndlessStore& store_;
        std::size_t next_ = 0;
    };

    class EndlessQuerier final : public storage::Querier
    {
    public:
        explicit EndlessQuerier(const EndlessStore& store) : store_(store) {}
        absl::StatusOr<std::unique_ptr<storage::SeriesSet>>
        select(const storage::SelectHints&, const model::Matchers&, std::stop_token) const override
        {
            return std::make_unique<EndlessSet>(store_);
        }
        absl::StatusOr<std::vector<std::string>>
        labelValues(std::string_view, const model::Matchers&, std::size_t) const override
        {
            return std::vector<std::string>();
        }
        absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers&,
                                                            std::size_t) const override
        {
            return std::vector<std::string>();
        }

    private:
        const EndlessStore& store_;
    };

    const std::size_t series_;
    const std::function<void()> onRead_;
};

std::string repeated(std::string_view text, int times)
{
    std::string result;
    for (int i = 0; i < times; ++i) {
        result += text;
    }
    return result;
}

std::string message(const absl::Status& status) { return std::string(base::messageOf(status)); }

/// A query ends within 100 ms of its limit; more is for a machine that has other work, or a program
/// with a sanitizer. The messages of the tests tell the times.
constexpr qint64 kRoomMs = 5000;

// Frames of programs built with a sanitizer are several times as large; the stack is not.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kDeep = 240;
#else
constexpr int kDeep = 900;
#endif

} // namespace

class TestLimits : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void stopsReadingAtTheSampleLimit();
    void stopsReadingAtTheDeadline();
    void stopsHeavyQueriesWhenTheyAreCancelled_data();
    void stopsHeavyQueriesWhenTheyAreCancelled();
    void stopsHeavyQueriesInTime_data();
    void stopsHeavyQueriesInTime();
    void saysWhichLimitItWas();
    void refusesOrAnswersDeepQueries_data();
    void refusesOrAnswersDeepQueries();

private:
    static void addHeavyQueries();

    const Features features_{.experimentalFunctions = true, .extendedRangeSelectors = true};
    base::WorkerPool pool_{2};
    base::SystemClock clock_;
};

void TestLimits::stopsReadingAtTheSampleLimit()
{
    std::atomic<int> reads{0};
    const EndlessStore store(10'000, [&reads] { ++reads; });
    const Engine engine({.maxSamples = 100'000}, pool_, clock_);
    const auto result = engine.instant(store, "x[1h]", base::Timestamp{7200 * kSecond}, {}, {});
    QCOMPARE(result.status().code(), absl::StatusCode::kResourceExhausted);
    QCOMPARE(message(result.status()),
             std::string("query processing would load too many samples into memory in query "
                         "execution"));
    // 3,600 samples each: the limit is met by the 28th; each worker finishes at most its own.
    QVERIFY2(reads.load() < 100, QByteArray::number(reads.load()).constData());
}

void TestLimits::stopsReadingAtTheDeadline()
{
    base::ManualClock clock{base::Timestamp{0}};
    std::atomic<int> reads{0};
    const EndlessStore store(10'000, [&] {
        // The time is over with the tenth read.
        if (++reads == 10) {
            clock.advance(3_min);
        }
    });
    const Engine engine({}, pool_, clock);
    const auto result =
        engine.instant(store, "sum(rate(x[1m]))", base::Timestamp{7200 * kSecond}, {}, {});
    QCOMPARE(result.status().code(), absl::StatusCode::kDeadlineExceeded);
    QCOMPARE(message(result.status()), std::string("query timed out in expression evaluation"));
    // A batch on each worker is finished.
    QVERIFY2(reads.load() < 600, QByteArray::number(reads.load()).constData());
}

void TestLimits::addHeavyQueries()
{
    QTest::addColumn<QByteArray>("query");
    // Minutes of work each.
    for (const char* query :
         {"mad_over_time(x[1h])", "stddev_over_time(x[2h])", "quantile_over_time(0.9, x[1h])",
          "sum(rate(x[1h]))", "deriv(x[1h])", "max_over_time(deriv(x[30m])[1h:1s])",
          "x * on(i) x + on(i) x - on(i) x", "sort_by_label(topk(100, x), \"i\")",
          "rate(x[2h] smoothed)", "count_values(\"v\", x)", "quantile by (i) (0.5, x)",
          "label_replace(x, \"a\", \"$1\", \"i\", \"(.*)\")"}) {
        QTest::newRow(query) << QByteArray(query);
    }
}

void TestLimits::stopsHeavyQueriesWhenTheyAreCancelled_data() { addHeavyQueries(); }

void TestLimits::stopsHeavyQueriesWhenTheyAreCancelled()
{
    QFETCH(QByteArray, query);
    std::binary_semaphore begun{0};
    std::atomic<bool> first{true};
    const EndlessStore store(20'000, [&] {
        if (first.exchange(false)) {
            begun.release();
        }
    });
    const Engine engine({.maxSamples = 500'000'000, .features = features_}, pool_, clock_);
    std::stop_source source;
    QElapsedTimer sinceStop;
    const std::jthread stopper([&] {
        begun.acquire();
        sinceStop.start();
        source.request_stop();
    });
    const auto result =
        engine.range(store, query.toStdString(), base::Timestamp{10'000 * kSecond},
                     base::Timestamp{13'600 * kSecond}, 1_s, {}, source.get_token());
    QCOMPARE(result.status().code(), absl::StatusCode::kCancelled);
    QVERIFY(message(result.status()).starts_with("query was canceled in"));
    QVERIFY2(sinceStop.elapsed() < 100 + kRoomMs,
             QByteArray::number(sinceStop.elapsed()).constData());
    qInfo("%s: stopped after %lld ms", query.constData(),
          static_cast<long long>(sinceStop.elapsed()));
}

void TestLimits::stopsHeavyQueriesInTime_data() { addHeavyQueries(); }

void TestLimits::stopsHeavyQueriesInTime()
{
    QFETCH(QByteArray, query);
    const EndlessStore store(20'000, [] {});
    const Engine engine({.maxSamples = 500'000'000, .features = features_}, pool_, clock_);
    QueryOptions options;
    options.timeout = 100_ms;
    QElapsedTimer timer;
    timer.start();
    const auto result = engine.range(store, query.toStdString(), base::Timestamp{10'000 * kSecond},
                                     base::Timestamp{13'600 * kSecond}, 1_s, options, {});
    QCOMPARE(result.status().code(), absl::StatusCode::kDeadlineExceeded);
    QVERIFY2(timer.elapsed() < 200 + kRoomMs, QByteArray::number(timer.elapsed()).constData());
    qInfo("%s: %lld ms after its time", query.constData(),
          static_cast<long long>(timer.elapsed() - 100));
}

void TestLimits::saysWhichLimitItWas()
{
    const EndlessStore store(1, [] {});
    const Engine engine({.maxSamples = 1000}, pool_, clock_);
    const auto steps = engine.range(store, "1", base::Timestamp{0},
                                    base::Timestamp{10'000 * kSecond}, 1_s, {}, {});
    QVERIFY(message(steps.status()).find("limit of 1000 samples") != std::string::npos);
    const auto subquery = engine.instant(store, "max_over_time(x[1d:1s])",
                                         base::Timestamp{100'000 * kSecond}, {}, {});
    QVERIFY(message(subquery.status()).find("too many samples") != std::string::npos);
    std::stop_source stopped;
    stopped.request_stop();
    const auto cancelled = engine.instant(store, "x", base::Timestamp{0}, {}, stopped.get_token());
    QVERIFY(message(cancelled.status()).starts_with("query was canceled in"));
}

void TestLimits::refusesOrAnswersDeepQueries_data()
{
    QTest::addColumn<QByteArray>("open");
    QTest::addColumn<QByteArray>("close");
    QTest::newRow("parentheses") << QByteArray("(") << QByteArray(")");
    QTest::newRow("signs") << QByteArray("-") << QByteArray();
    QTest::newRow("chain") << QByteArray("x + ") << QByteArray();
    QTest::newRow("powers") << QByteArray("2 ^ ") << QByteArray();
    QTest::newRow("calls") << QByteArray("abs(") << QByteArray(")");
    QTest::newRow("aggregations") << QByteArray("sum(") << QByteArray(")");
    QTest::newRow("subqueries") << QByteArray("max_over_time(") << QByteArray("[2s:1s])");
    QTest::newRow("set operators") << QByteArray("x or ") << QByteArray();
    QTest::newRow("right operands") << QByteArray("1 + (") << QByteArray(")");
}

void TestLimits::refusesOrAnswersDeepQueries()
{
    QFETCH(QByteArray, open);
    QFETCH(QByteArray, close);
    const EndlessStore store(2, [] {});
    const Engine engine({.features = features_}, pool_, clock_);
    const auto nested = [&](int depth) {
        return repeated(open.toStdString(), depth) + "x" + repeated(close.toStdString(), depth);
    };
    // Every way through a tree, also its end: as deep as it may be, and on a thread, as in a
    // server.
    std::jthread([&] {
        for (const int depth : {10, kDeep / 3, kDeep}) {
            const std::string query = nested(depth);
            const auto expr = parse(query, features_);
            if (expr.ok()) {
                static_cast<void>(print(**expr));
                static_cast<void>(format(**expr));
            }
            static_cast<void>(
                engine.instant(store, query, base::Timestamp{7200 * kSecond}, {}, {}));
        }
    }).join();
    const auto refused =
        engine.instant(store, nested(10'000), base::Timestamp{7200 * kSecond}, {}, {});
    QCOMPARE(refused.status().code(), absl::StatusCode::kInvalidArgument);
    QVERIFY(base::positionOf(refused.status()).has_value());
}

QTEST_GUILESS_MAIN(TestLimits)
#include "tst_limits.moc"
