// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Expressions that stand in a query several times: read once, with the values, counts and remarks
// that each by itself would give. A traced query, which evaluates every node, says what these are.
#include "core/promql/common_parts.h"
#include "core/promql/engine.h"
#include "core/promql/parser.h"
#include "support/memory_store.h"

#include <QtTest>

#include <algorithm>
#include <atomic>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr Features kFeatures{.experimentalFunctions = true, .perStepStats = true};

class CountedSeries final : public storage::Series
{
public:
    CountedSeries(std::shared_ptr<const storage::Series> inner, std::atomic<int>& reads)
        : inner_(std::move(inner)), reads_(reads)
    {}
    [[nodiscard]] const model::Labels& labels() const override { return inner_->labels(); }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        ++reads_;
        return inner_->read(from, to, out);
    }

private:
    const std::shared_ptr<const storage::Series> inner_;
    std::atomic<int>& reads_;
};

class CountedSet final : public storage::SeriesSet
{
public:
    CountedSet(std::unique_ptr<storage::SeriesSet> inner, std::atomic<int>& reads)
        : inner_(std::move(inner)), reads_(reads)
    {}
    absl::Status next(std::size_t limit,
                      std::vector<std::shared_ptr<const storage::Series>>& out) override
    {
        const std::size_t before = out.size();
        absl::Status status = inner_->next(limit, out);
        for (std::size_t i = before; i < out.size(); ++i) {
            out[i] = std::make_shared<CountedSeries>(std::move(out[i]), reads_);
        }
        return status;
    }

private:
    const std::unique_ptr<storage::SeriesSet> inner_;
    std::atomic<int>& reads_;
};

class CountedQuerier final : public storage::Querier
{
public:
    CountedQuerier(std::unique_ptr<storage::Querier> inner, std::atomic<int>& reads)
        : inner_(std::move(inner)), reads_(reads)
    {}
    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                               const model::Matchers& matchers,
                                                               std::stop_token stop) const override
    {
        auto set = inner_->select(hints, matchers, std::move(stop));
        if (!set.ok()) {
            return set.status();
        }
        return std::make_unique<CountedSet>(*std::move(set), reads_);
    }
    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                         const model::Matchers& matchers,
                                                         std::size_t limit) const override
    {
        return inner_->labelValues(name, matchers, limit);
    }
    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                        std::size_t limit) const override
    {
        return inner_->labelNames(matchers, limit);
    }

private:
    const std::unique_ptr<storage::Querier> inner_;
    std::atomic<int>& reads_;
};

class CountingStore final : public storage::Queryable
{
public:
    explicit CountingStore(const storage::Queryable& inner) : inner_(inner) {}
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override
    {
        auto inner = inner_.querier(from, to);
        if (!inner.ok()) {
            return inner.status();
        }
        return std::make_unique<CountedQuerier>(*std::move(inner), reads_);
    }
    [[nodiscard]] int takeReads() const { return reads_.exchange(0); }

private:
    const storage::Queryable& inner_;
    mutable std::atomic<int> reads_ = 0;
};

QByteArray described(const Result& result, std::string_view query)
{
    QByteArray text;
    for (const MatrixSeries& series : std::get<Matrix>(result.value)) {
        text += QByteArray::fromStdString(series.labels.toString());
        for (const Point& point : series.points) {
            text += " " + QByteArray::number(point.value, 'g', 17) + "@" +
                    QByteArray::number(qint64{point.time.ms});
        }
        text += '\n';
    }
    QByteArrayList remarks;
    for (const Annotation& annotation : result.annotations) {
        remarks << QByteArray::fromStdString(annotationText(annotation, query));
    }
    std::sort(remarks.begin(), remarks.end());
    text += remarks.join('\n') + '\n';
    text += QByteArray::number(qulonglong{result.statistics.totalQueryableSamples}) +
            " looked at, " + QByteArray::number(qulonglong{result.statistics.samplesRead}) +
            " read:";
    for (const StepCount& step : result.statistics.totalQueryableSamplesPerStep) {
        text += " " + QByteArray::number(qulonglong{step.samples});
    }
    return text;
}

} // namespace

class TestCommonParts : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void findsThem_data();
    void findsThem();
    void readsOnceAndAnswersTheSame_data();
    void readsOnceAndAnswersTheSame();

private:
    absl::StatusOr<Result> ask(const std::string& query, bool isTraced);

    test::MemoryStore memory_;
    CountingStore store_{memory_};
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
};

void TestCommonParts::initTestCase()
{
    for (std::int64_t minute = 0; minute <= 60; ++minute) {
        for (const char* instance : {"1", "2"}) {
            const auto value = static_cast<double>(minute * (instance[0] == '1' ? 3 : 5));
            const base::Timestamp time{minute * kMinute};
            memory_.add({{"__name__", "x_total"}, {"i", instance}}, time, value);
            memory_.add({{"__name__", "gauge"}, {"i", instance}}, time, value - 50);
        }
    }
}

void TestCommonParts::findsThem_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<int>("nodes");
    const auto row = [](const char* query, int nodes) {
        QTest::newRow(query) << QByteArray(query) << nodes;
    };
    row("sum(x) / sum(x)", 2);
    row("sum(x) / (sum(x) + count(x))", 2);
    row("sum(x) / sum(y)", 0);
    row("x / x", 0); // selectors are read again
    row("rate(x[5m]) / rate(x[5m])", 2);
    row("rate(x[5m]) / rate(x[6m])", 0);
    row("rate(x{a=\"1\",b=\"2\"}[5m]) / rate(x{b=\"2\",a=\"1\"}[5m])", 2);
    row("rate(x[5m]) / rate(x[5m] offset 1m)", 0);
    row("sum by (a) (x) + sum by (b) (x)", 0);
    row("sum by (a) (x) + sum by (a) (x)", 2);
    // The inside of what is found again is not asked for again.
    row("abs(rate(x[5m])) / abs(rate(x[5m]))", 2);
    row("abs(rate(x[5m])) / abs(rate(x[5m])) + rate(x[5m])", 5);
    row("(x + y) * (x + y)", 2);
    row("topk(1, x) or topk(2, x)", 0);
    row("1 + 1", 0);
    row("time() + time()", 0); // numbers
}

void TestCommonParts::findsThem()
{
    QFETCH(const QByteArray, query);
    QFETCH(const int, nodes);
    const auto expr = parse(query.toStdString(), kFeatures);
    QVERIFY(expr.ok());
    QCOMPARE(static_cast<int>(findCommonParts(**expr).size()), nodes);
}

void TestCommonParts::readsOnceAndAnswersTheSame_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<int>("reads");
    const auto row = [](const char* query, int reads) {
        QTest::newRow(query) << QByteArray(query) << reads;
    };
    row("sum(rate(x_total[5m])) / (sum(rate(x_total[5m])) + 1)", 2);
    row("rate(x_total[5m]) - rate(x_total[5m])", 2);
    row("abs(gauge) * abs(gauge) + abs(gauge)", 2);
    row("sum(gauge @ end()) + sum(gauge @ end())", 2);
    row("(gauge > 0) and (gauge > 0)", 2);
    row("max_over_time(abs(gauge)[10m:1m]) + max_over_time(abs(gauge)[10m:1m])", 2);
    // Of other steps: not the same.
    row("abs(gauge) + avg_over_time(abs(gauge)[10m:1m])", 4);
    // What is worth a remark is worked out each time.
    row("rate(gauge[5m]) + rate(gauge[5m])", 4);
    row("quantile(2, gauge) + quantile(2, gauge)", 4);
    row("label_replace(abs(gauge), \"j\", \"$1\", \"i\", \"(.*)\") * on (j) "
        "label_replace(abs(gauge), \"j\", \"$1\", \"i\", \"(.*)\")",
        2);
}

void TestCommonParts::readsOnceAndAnswersTheSame()
{
    QFETCH(const QByteArray, query);
    QFETCH(const int, reads);
    const std::string text = query.toStdString();
    const auto shared = ask(text, false);
    QVERIFY2(shared.ok(), shared.status().ToString().c_str());
    QCOMPARE(store_.takeReads(), reads);
    const auto each = ask(text, true);
    QVERIFY(each.ok());
    QCOMPARE(described(*shared, text), described(*each, text));
    QVERIFY(store_.takeReads() >= reads);
}

absl::StatusOr<Result> TestCommonParts::ask(const std::string& query, bool isTraced)
{
    const Engine engine({.features = kFeatures}, pool_, clock_);
    return engine.range(store_, query, {20 * kMinute}, {50 * kMinute}, 5_min,
                        {.perStepStatistics = true, .trace = isTraced}, {});
}

QTEST_GUILESS_MAIN(TestCommonParts)
#include "tst_common_parts.moc"
