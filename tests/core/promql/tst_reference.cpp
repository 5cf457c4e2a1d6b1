// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine against a naive evaluator that looks at every sample at every step. The seed is
// printed; NARTHEX_SEED gives it back.
#include "core/promql/engine.h"
#include "core/promql/testscript/compare.h"
#include "support/memory_store.h"

#include <QtTest>

#include <cmath>
#include <random>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::base::literals;

namespace {

struct Sample
{
    std::int64_t time = 0;
    double value = 0;
};
using Samples = std::vector<Sample>;

/// The samples in (end - range, end] without stale markers.
Samples windowOf(const Samples& all, std::int64_t end, std::int64_t range)
{
    Samples result;
    for (const Sample& sample : all) {
        if (sample.time > end - range && sample.time <= end && !model::isStale(sample.value)) {
            result.push_back(sample);
        }
    }
    return result;
}

std::optional<double> naiveRate(const Samples& w, std::int64_t end, std::int64_t range)
{
    if (w.size() < 2) {
        return std::nullopt;
    }
    double delta = w.back().value - w.front().value;
    for (std::size_t i = 1; i < w.size(); ++i) {
        delta += w[i].value < w[i - 1].value ? w[i - 1].value : 0;
    }
    const double sampled = static_cast<double>(w.back().time - w.front().time) / 1000;
    const double average = sampled / static_cast<double>(w.size() - 1);
    double before = static_cast<double>(w.front().time - (end - range)) / 1000;
    double after = static_cast<double>(end - w.back().time) / 1000;
    before = before >= average * 1.1 ? average / 2 : before;
    after = after >= average * 1.1 ? average / 2 : after;
    if (delta > 0 && w.front().value >= 0) {
        before = std::min(before, sampled * w.front().value / delta);
    }
    return delta * (sampled + before + after) / sampled / (static_cast<double>(range) / 1000);
}

std::optional<double> naiveOverTime(const QByteArray& function, const Samples& w)
{
    if (w.empty()) {
        return std::nullopt;
    }
    double sum = 0;
    double high = w[0].value;
    double low = w[0].value;
    for (const Sample& sample : w) {
        sum += sample.value;
        high = std::max(high, sample.value);
        low = std::min(low, sample.value);
    }
    return function == "sum_over_time"   ? sum
           : function == "avg_over_time" ? sum / static_cast<double>(w.size())
           : function == "max_over_time" ? high
           : function == "min_over_time" ? low
                                         : static_cast<double>(w.size());
}

std::optional<double> naiveInstant(const Samples& all, std::int64_t time)
{
    std::optional<double> result;
    for (const Sample& sample : all) {
        if (sample.time <= time && sample.time > time - 300'000) {
            result = model::isStale(sample.value) ? std::nullopt : std::optional(sample.value);
        }
    }
    return result;
}

} // namespace

class TestReference : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void agreesWithTheNaiveEvaluator();
};

void TestReference::agreesWithTheNaiveEvaluator()
{
    const auto seed = qEnvironmentVariableIsSet("NARTHEX_SEED")
                          ? static_cast<unsigned>(qEnvironmentVariableIntValue("NARTHEX_SEED"))
                          : std::random_device()();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const auto number = [&random](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    base::WorkerPool pool(2);
    const base::ManualClock clock(base::Timestamp{0});
    const Engine engine({}, pool, clock);
    const QByteArrayList functions = {"",
                                      "rate",
                                      "sum_over_time",
                                      "avg_over_time",
                                      "max_over_time",
                                      "min_over_time",
                                      "count_over_time"};
    for (int round = 0; round < 300; ++round) {
        test::MemoryStore store;
        Samples samples;
        double value = 0;
        for (std::int64_t time = number(0, 100'000); time < 3'600'000;
             time += number(1, 60'000) * (number(0, 20) == 0 ? 10 : 1)) {
            value = number(0, 15) == 0 ? 0 : value + number(0, 50);
            samples.push_back({time, number(0, 25) == 0 ? model::staleMarker() : value});
            store.add({{"__name__", "x_total"}}, base::Timestamp{time}, samples.back().value);
        }
        const QByteArray& function = functions[round % functions.size()];
        const std::int64_t range = number(1, 900) * 1000;
        const std::int64_t step = number(1, 200'000);
        const std::int64_t start = number(0, 2'000'000);
        const QByteArray query =
            function.isEmpty() ? QByteArray("x_total")
                               : function + "(x_total[" + QByteArray::number(range / 1000) + "s])";
        const auto result =
            engine.range(store, query.toStdString(), base::Timestamp{start},
                         base::Timestamp{3'600'000}, base::Duration::fromMs(step), {}, {});
        QVERIFY(result.ok());
        const auto& matrix = std::get<Matrix>(result->value);
        std::size_t next = 0;
        for (std::int64_t time = start; time <= 3'600'000; time += step) {
            const Samples window = windowOf(samples, time, range);
            const auto expected = function.isEmpty()   ? naiveInstant(samples, time)
                                  : function == "rate" ? naiveRate(window, time, range)
                                                       : naiveOverTime(function, window);
            if (!expected) {
                continue;
            }
            QVERIFY2(!matrix.empty() && next < matrix[0].points.size(), query.constData());
            QCOMPARE(matrix[0].points[next].time.ms, time);
            QVERIFY2(testscript::nearlyEqual(*expected, matrix[0].points[next].value),
                     query.constData());
            ++next;
        }
        QCOMPARE(next, matrix.empty() ? std::size_t{0} : matrix[0].points.size());
    }
}

QTEST_GUILESS_MAIN(TestReference)
#include "tst_reference.moc"
