// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/engine.h"
#include "support/memory_store.h"

#include <fmt/format.h>

#include <QtTest>

using namespace narthex;
using namespace narthex::promql;
using model::Labels;

namespace {

constexpr std::int64_t kMinute = 60'000;

const char* stateText(NodeState state)
{
    switch (state) {
    case NodeState::NotAsked:
        return "not asked";
    case NodeState::Done:
        return "done";
    case NodeState::Failed:
        return "failed";
    case NodeState::Blocked:
        return "blocked";
    }
    return "";
}

/// "  rate(...) [4,16) vector done 2": one line a node.
QString outlineOf(const Result& result)
{
    QString out;
    for (const NodeResult& node : result.nodes) {
        out += QString::fromStdString(
            fmt::format("{}{} [{},{}) {} {} {}\n", std::string(node.depth * 2, ' '), node.text,
                        node.range.begin, node.range.end, valueTypeText(node.type),
                        stateText(node.state), node.series));
    }
    return out;
}

std::string elementText(const NodeResult& node)
{
    std::string out;
    for (const VectorElement& element : node.elements) {
        out += (out.empty() ? "" : "; ") + element.labels.toString() + " " +
               base::formatFloat(element.value);
    }
    return out;
}

} // namespace

class TestTrace : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void recordsNothingUnlessAsked();
    void recordsEveryNodeInPreOrder();
    void showsRangeVectorsAsTheirNewestSamples();
    void keepsBoundedValuesAndCountsAll();
    void countsTheValuesOfLabels();
    void givesRemarksToTheNodeThatMadeThem();
    void marksTheFirstNodeThatIsEmpty();
    void tellsWhichNodeFailedAndWhatItBlocks();
    void evaluatesWhatAQueryReadsThroughItsParent();
    void tracesSubqueriesAndPinnedParts();
    void tracesRangeQueriesAtTheirLastStep();
    void givesTheSameValueAsWithoutATrace_data();
    void givesTheSameValueAsWithoutATrace();
    void countsSamplesOfEachNode();

private:
    void load(const Labels& labels, std::initializer_list<double> values);
    Result traced(const char* query, std::int64_t seconds);

    test::MemoryStore store_;
    base::WorkerPool pool_{2};
    base::ManualClock clock_{base::Timestamp{0}};
    Engine engine_{EngineOptions{.features = {.experimentalFunctions = true}}, pool_, clock_};
};

void TestTrace::load(const Labels& labels, std::initializer_list<double> values)
{
    std::int64_t time = 0;
    for (const double value : values) {
        store_.add(labels, base::Timestamp{time}, value);
        time += kMinute;
    }
}

Result TestTrace::traced(const char* query, std::int64_t seconds)
{
    auto result =
        engine_.instant(store_, query, base::Timestamp{seconds * 1000}, {.trace = true}, {});
    if (!result.ok()) {
        Result failed;
        failed.failure = result.status();
        return failed;
    }
    return *std::move(result);
}

void TestTrace::init()
{
    store_.clear();
    load({{"__name__", "x_total"}, {"i", "a"}, {"j", "1"}}, {0, 10, 20, 30, 40, 50});
    load({{"__name__", "x_total"}, {"i", "b"}, {"j", "1"}}, {0, 1, 2, 3, 4, 5});
    load({{"__name__", "gauge"}}, {5, 4, 3, 2, 1, 0});
    load({{"__name__", "b_bucket"}, {"le", "1"}}, {10, 10, 10, 10, 10, 10});
    load({{"__name__", "b_bucket"}, {"le", "2"}}, {9, 9, 9, 9, 9, 9});
    load({{"__name__", "b_bucket"}, {"le", "+Inf"}}, {10, 10, 10, 10, 10, 10});
}

void TestTrace::recordsNothingUnlessAsked()
{
    const auto result = engine_.instant(store_, "sum(x_total)", base::Timestamp{0}, {}, {});
    QVERIFY(result.ok());
    QVERIFY(result->nodes.empty());
}

void TestTrace::recordsEveryNodeInPreOrder()
{
    const Result result = traced("sum by (i) (rate(x_total[5m])) / 2", 300);
    QVERIFY(result.failure.ok());
    QCOMPARE(outlineOf(result), QString("/ [0,34) vector done 2\n"
                                        "  sum by (i) (...) [0,30) vector done 2\n"
                                        "    rate(...) [12,29) vector done 2\n"
                                        "      x_total[5m] [17,28) matrix done 2\n"
                                        "  2 [33,34) scalar not asked 0\n"));
    QCOMPARE(result.nodes[0].parent, std::nullopt);
    QCOMPARE(result.nodes[3].parent, std::optional<std::size_t>(2));
    QCOMPARE(result.nodes[4].parent, std::optional<std::size_t>(0));
    QVERIFY(result.nodes[3].kind == NodeKind::RangeSelector);
}

void TestTrace::showsRangeVectorsAsTheirNewestSamples()
{
    const Result result = traced("rate(x_total[2m])", 180);
    QCOMPARE(elementText(result.nodes[1]),
             std::string("x_total{i=\"a\", j=\"1\"} 30; x_total{i=\"b\", j=\"1\"} 3"));
}

void TestTrace::keepsBoundedValuesAndCountsAll()
{
    const auto result = engine_.instant(store_, "x_total", base::Timestamp{0},
                                        {.trace = true, .traceElements = 1}, {});
    QVERIFY(result.ok());
    QCOMPARE(result->nodes[0].elements.size(), std::size_t{1});
    QCOMPARE(result->nodes[0].elementCount, std::size_t{2});
    QCOMPARE(result->nodes[0].series, std::size_t{2});
}

void TestTrace::countsTheValuesOfLabels()
{
    const Result result = traced("x_total", 60);
    const auto& labels = result.nodes[0].labels;
    QCOMPARE(labels.size(), std::size_t{2});
    QCOMPARE(labels[0].name, std::string("i"));
    QCOMPARE(labels[0].distinct, std::size_t{2});
    QCOMPARE(labels[1].name, std::string("j"));
    QCOMPARE(labels[1].distinct, std::size_t{1});
    QCOMPARE(labels[1].top[0].second, std::size_t{2});
}

void TestTrace::givesRemarksToTheNodeThatMadeThem()
{
    const Result result = traced("histogram_quantile(0.5, b_bucket) + rate(gauge[5m])", 300);
    // +, histogram_quantile, 0.5, b_bucket, rate, gauge[5m]
    QCOMPARE(result.nodes.size(), std::size_t{6});
    QCOMPARE(result.nodes[1].annotations.size(), std::size_t{1});
    QVERIFY(result.nodes[1].annotations[0].text.find("monotonicity") != std::string::npos);
    QCOMPARE(result.nodes[4].annotations.size(), std::size_t{1});
    QVERIFY(result.nodes[4].annotations[0].text.find("might not be a counter") !=
            std::string::npos);
    QVERIFY(result.nodes[0].annotations.empty());
    QCOMPARE(result.annotations.size(), std::size_t{2});
}

void TestTrace::marksTheFirstNodeThatIsEmpty()
{
    const Result result = traced("sum(rate(x_total{i=\"z\"}[5m])) > 0", 300);
    QVERIFY(result.nodes[3].becomesEmpty);
    QVERIFY(!result.nodes[0].becomesEmpty && !result.nodes[1].becomesEmpty);
    const Result filtered = traced("sum(x_total) > 1000", 300);
    QVERIFY(filtered.nodes[0].becomesEmpty);
}

void TestTrace::tellsWhichNodeFailedAndWhatItBlocks()
{
    const Result result = traced("sum(gauge + (gauge * on () x_total)) + abs(gauge)", 300);
    QVERIFY(!result.failure.ok());
    QCOMPARE(outlineOf(result), QString("+ [0,49) vector blocked 0\n"
                                        "  sum(...) [0,36) vector blocked 0\n"
                                        "    + [4,35) vector blocked 0\n"
                                        "      gauge [4,9) vector done 1\n"
                                        "      (...) [12,35) vector blocked 0\n"
                                        "        * on () [13,34) vector failed 0\n"
                                        "          gauge [13,18) vector done 1\n"
                                        "          x_total [27,34) vector done 2\n"
                                        "  abs(...) [39,49) vector done 1\n"
                                        "    gauge [43,48) vector done 1\n"));
    QVERIFY(result.nodes[5].error.find("duplicate series") != std::string::npos);
    QVERIFY(result.nodes[0].error.empty());
}

void TestTrace::evaluatesWhatAQueryReadsThroughItsParent()
{
    const Result result = traced("timestamp(x_total) + on (i) rate((x_total[5m]))", 300);
    QCOMPARE(outlineOf(result), QString("+ on (i) [0,47) vector done 2\n"
                                        "  timestamp(...) [0,18) vector done 2\n"
                                        "    x_total [10,17) vector done 2\n"
                                        "  rate(...) [28,47) vector done 2\n"
                                        "    (...) [33,46) matrix done 2\n"
                                        "      x_total[5m] [34,45) matrix done 2\n"));
}

void TestTrace::tracesSubqueriesAndPinnedParts()
{
    const Result result = traced("max_over_time(sum(x_total)[3m:1m]) + scalar(gauge @ 60)", 300);
    QCOMPARE(outlineOf(result), QString("+ [0,55) vector done 1\n"
                                        "  max_over_time(...) [0,34) vector done 1\n"
                                        "    ...[3m:1m] [14,33) matrix done 1\n"
                                        "      sum(...) [14,26) vector done 1\n"
                                        "        x_total [18,25) vector done 2\n"
                                        "  scalar(...) [37,55) scalar done 1\n"
                                        "    gauge @ 60.000 [44,54) vector done 1\n"));
    QCOMPARE(elementText(result.nodes[2]), std::string("{} 55"));
    QCOMPARE(elementText(result.nodes[5]), std::string("{} 4"));
}

void TestTrace::tracesRangeQueriesAtTheirLastStep()
{
    const auto result = engine_.range(store_, "sum(x_total @ 60) + gauge", base::Timestamp{0},
                                      base::Timestamp{240'000}, base::Duration::fromMs(kMinute),
                                      {.trace = true}, {});
    QVERIFY(result.ok());
    QVERIFY(result->failure.ok());
    QCOMPARE(elementText(result->nodes[0]), std::string("{} 12"));
    QCOMPARE(elementText(result->nodes[3]), std::string("gauge 1"));
    QCOMPARE(result->nodes[3].elements[0].time, base::Timestamp{240'000});
}

void TestTrace::givesTheSameValueAsWithoutATrace_data()
{
    QTest::addColumn<QByteArray>("query");
    for (const char* query :
         {"sum by (i) (rate(x_total[5m]))", "topk(1, x_total)",
          "quantile_over_time(0.5, gauge[3m])", "absent_over_time(none[5m])",
          "label_replace(x_total, \"k\", \"$1\", \"i\", \"(.*)\")",
          "avg_over_time(rate(x_total[2m])[3m:1m])", "gauge > bool 1", "-gauge", "vector(time())",
          "count_values(\"v\", x_total)", "x_total and on (i) x_total{i=\"a\"}"}) {
        QTest::newRow(query) << QByteArray(query);
    }
}

void TestTrace::givesTheSameValueAsWithoutATrace()
{
    QFETCH(QByteArray, query);
    const auto plain =
        engine_.instant(store_, query.toStdString(), base::Timestamp{300'000}, {}, {});
    const Result result = traced(query.constData(), 300);
    QVERIFY(plain.ok() && result.failure.ok());
    const auto& expected = std::get<Vector>(plain->value);
    const auto& actual = std::get<Vector>(result.value);
    QCOMPARE(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
        QVERIFY(actual[i].labels == expected[i].labels);
        QCOMPARE(actual[i].value, expected[i].value);
    }
    QCOMPARE(result.nodes[0].elementCount, expected.size());
    QCOMPARE(result.statistics.samplesRead, plain->statistics.samplesRead);
}

void TestTrace::countsSamplesOfEachNode()
{
    const Result result = traced("sum(rate(x_total[5m])) + gauge", 300);
    // +, sum, rate, x_total[5m], gauge
    QCOMPARE(result.nodes[3].samplesQueryable, std::uint64_t{10});
    QCOMPARE(result.nodes[2].samplesQueryable, std::uint64_t{10});
    QCOMPARE(result.nodes[4].samplesQueryable, std::uint64_t{1});
    QCOMPARE(result.nodes[0].samplesQueryable, std::uint64_t{11});
}

QTEST_GUILESS_MAIN(TestTrace)
#include "tst_trace.moc"
