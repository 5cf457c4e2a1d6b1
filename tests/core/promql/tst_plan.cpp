// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the engine asks of the store: how often, for which time, and with which hints.
#include "core/promql/engine.h"
#include "support/memory_store.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

constexpr std::int64_t kMinute = 60'000;

class RecordingQuerier final : public storage::Querier
{
public:
    RecordingQuerier(std::unique_ptr<storage::Querier> inner,
                     std::vector<storage::SelectHints>& asked)
        : inner_(std::move(inner)), asked_(asked)
    {}
    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                               const model::Matchers& matchers,
                                                               std::stop_token stop) const override
    {
        asked_.push_back(hints);
        return inner_->select(hints, matchers, std::move(stop));
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
    std::vector<storage::SelectHints>& asked_;
};

class RecordingStore final : public storage::Queryable
{
public:
    explicit RecordingStore(const storage::Queryable& inner) : inner_(inner) {}
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override
    {
        auto inner = inner_.querier(from, to);
        if (!inner.ok()) {
            return inner.status();
        }
        return std::make_unique<RecordingQuerier>(*std::move(inner), asked_);
    }
    [[nodiscard]] std::vector<storage::SelectHints> takeAsked() const
    {
        return std::exchange(asked_, {});
    }

private:
    const storage::Queryable& inner_;
    mutable std::vector<storage::SelectHints> asked_;
};

QByteArray hintText(const storage::SelectHints& hints)
{
    QByteArrayList labels;
    for (const std::string& label : hints.grouping) {
        labels << QByteArray::fromStdString(label);
    }
    return QByteArray::number(qint64{hints.from.ms / 1000}) + ".." +
           QByteArray::number(qint64{hints.to.ms / 1000}) + " range " +
           QByteArray::number(qint64{hints.range.ms() / 1000}) + " " +
           QByteArray::fromStdString(hints.function) + (hints.groupingIsBy ? " by" : "") + "(" +
           labels.join(",") + ")";
}

} // namespace

class TestPlan : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void hintsSayWhatSeriesAreReadFor_data();
    void hintsSayWhatSeriesAreReadFor();
    void sharedSeriesGiveWhatSeparateOnesGive();

private:
    absl::StatusOr<Result> ask(const QByteArray& query);

    test::MemoryStore memory_;
    RecordingStore store_{memory_};
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
};

void TestPlan::initTestCase()
{
    for (std::int64_t minute = 0; minute <= 60; ++minute) {
        const double value = static_cast<double>(minute * minute);
        memory_.add({{"__name__", "x"}, {"a", "1"}}, base::Timestamp{minute * kMinute}, value);
        if (minute < 20) {
            memory_.add({{"__name__", "x"}, {"a", "2"}}, base::Timestamp{minute * kMinute}, 1);
        }
    }
}

absl::StatusOr<Result> TestPlan::ask(const QByteArray& query)
{
    const Engine engine({}, pool_, clock_);
    return engine.range(store_, query.toStdString(), base::Timestamp{30 * kMinute},
                        base::Timestamp{40 * kMinute}, 1_min, {}, {});
}

void TestPlan::hintsSayWhatSeriesAreReadFor_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArrayList>("asked");
    const auto row = [](const char* query, QByteArrayList asked) {
        QTest::newRow(query) << QByteArray(query) << asked;
    };
    row("x", {"1500..2400 range 0 ()"});
    row("rate(x[2m])", {"1680..2400 range 120 rate()"});
    row("sum by (a, b) (x)", {"1500..2400 range 0 sum by(a,b)"});
    row("sum without (a) (rate(x[2m]))", {"1680..2400 range 120 rate(a)"});
    row("sum by (a) (abs(-(x)))", {"1500..2400 range 0 abs by(a)"});
    // An operator stands between.
    row("sum by (a) (x + 1)", {"1500..2400 range 0 ()"});
    row("max_over_time(x[10m:1m])", {"960..2400 range 0 max_over_time()"});
    // Once for the time of both.
    row("x - x offset 5m", {"1200..2400 range 0 ()"});
    row("rate(x[2m]) / on (a) sum by (a) (x)", {"1500..2400 range 120 rate()"});
    row("x - x{a=\"1\"}", {"1500..2400 range 0 ()", "1500..2400 range 0 ()"});
}

void TestPlan::hintsSayWhatSeriesAreReadFor()
{
    QFETCH(const QByteArray, query);
    QFETCH(const QByteArrayList, asked);
    QVERIFY(ask(query).ok());
    QByteArrayList actual;
    const std::vector<storage::SelectHints> all = store_.takeAsked();
    for (const storage::SelectHints& hints : all) {
        actual << hintText(hints);
    }
    QCOMPARE(actual, asked);
}

/// A series that ended before the time of the one selector is still there for the other.
void TestPlan::sharedSeriesGiveWhatSeparateOnesGive()
{
    const auto shared = ask("count(x offset 20m) - count(x)");
    const auto separate = ask("count(x offset 20m) - count({__name__=~\"x\"})");
    QVERIFY(shared.ok() && separate.ok());
    const Matrix& one = std::get<Matrix>(shared->value);
    const Matrix& other = std::get<Matrix>(separate->value);
    QVERIFY(one.size() == 1 && other.size() == 1);
    QVERIFY(one[0].points == other[0].points);
    QCOMPARE(one[0].points.front().value, 1.0);
}

QTEST_GUILESS_MAIN(TestPlan)
#include "tst_plan.moc"
