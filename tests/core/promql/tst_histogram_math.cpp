// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Arithmetic on native histograms, written in the notation of the scripts.
#include "core/promql/histogram_buckets.h"
#include "core/promql/histogram_math.h"
#include "core/promql/histogram_notation.h"
#include "core/promql/sample_counts.h"
#include "core/promql/series_description.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::promql;
using model::CounterResetHint;
using model::FloatHistogram;

namespace {

FloatHistogram read(const QByteArray& body)
{
    const auto parsed = parseHistogram(body.toStdString());
    return parsed.ok() ? parsed->histogram : FloatHistogram{};
}

QByteArray text(const FloatHistogram& histogram)
{
    return QByteArray::fromStdString(histogramNotation(histogram));
}

} // namespace

class TestHistogramMath : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void adds_data();
    void adds();
    void refusesToAddCustomToExponential();
    void reconcilesHints_data();
    void reconcilesHints();
    void findsResets_data();
    void findsResets();
    void comparesLayoutAndBits();
    void compacts_data();
    void compacts();
    void lowersResolution_data();
    void lowersResolution();
    void scalesAndDivides();
    void keepsSmallPartsOfASum();
    void trims_data();
    void trims();
    void weighsByRoom();
};

void TestHistogramMath::adds_data()
{
    QTest::addColumn<QByteArray>("a");
    QTest::addColumn<QByteArray>("b");
    QTest::addColumn<QByteArray>("sum");
    QTest::addColumn<bool>("reconciled");
    const auto row = [](const char* name, const char* a, const char* b, const char* sum,
                        bool reconciled = false) {
        QTest::newRow(name) << QByteArray(a) << QByteArray(b) << QByteArray(sum) << reconciled;
    };
    row("same layout", "count:3 sum:4 buckets:[1 2]", "count:5 sum:6 buckets:[2 3]",
        "{{count:8 sum:10 buckets:[3 5]}}");
    row("other places", "count:1 sum:1 buckets:[1]", "count:1 sum:9 offset:4 buckets:[1]",
        "{{count:2 sum:10 buckets:[1 0 0 0 1]}}");
    row("both sides", "count:1 sum:-1 n_buckets:[1]", "count:1 sum:1 buckets:[1]",
        "{{count:2 buckets:[1] n_buckets:[1]}}");
    row("the lower resolution wins", "schema:2 count:5 sum:6 offset:1 buckets:[1 1 1 1 1]",
        "schema:0 count:1 sum:1 offset:1 buckets:[1]", "{{count:6 sum:7 offset:1 buckets:[5 1]}}");
    row("the wider zero bucket swallows", "count:3 sum:1 offset:-3 buckets:[1 2]",
        "count:1 sum:0 z_bucket:1 z_bucket_w:0.125",
        "{{count:4 sum:1 z_bucket:2 z_bucket_w:0.125 offset:-2 buckets:[2]}}");
    row("a zero bucket that cuts another moves out", "count:3 sum:1 offset:-3 buckets:[1 2]",
        "count:1 sum:0 z_bucket:1 z_bucket_w:0.2", "{{count:4 sum:1 z_bucket:4 z_bucket_w:0.25}}");
    row("over an empty bucket it stays", "count:2 sum:1 buckets:[2]",
        "count:1 sum:0 z_bucket:1 z_bucket_w:0.2",
        "{{count:3 sum:1 z_bucket:1 z_bucket_w:0.2 buckets:[2]}}");
    row("custom bounds", "schema:-53 count:3 sum:4 custom_values:[1 2] buckets:[1 2]",
        "schema:-53 count:5 sum:6 custom_values:[1 2] buckets:[1 1 3]",
        "{{schema:-53 count:8 sum:10 custom_values:[1 2] buckets:[2 3 3]}}");
    row("other custom bounds", "schema:-53 count:6 sum:4 custom_values:[1 2 3] buckets:[1 2 2 1]",
        "schema:-53 count:3 sum:6 custom_values:[1 3] buckets:[1 1 1]",
        "{{schema:-53 count:9 sum:10 custom_values:[1 3] buckets:[2 5 2]}}", true);
    row("no bound in common", "schema:-53 count:3 sum:4 custom_values:[1] buckets:[1 2]",
        "schema:-53 count:3 sum:6 custom_values:[2] buckets:[2 1]",
        "{{schema:-53 count:6 sum:10 custom_values:[] buckets:[6]}}", true);
}

void TestHistogramMath::adds()
{
    QFETCH(QByteArray, a);
    QFETCH(QByteArray, b);
    FloatHistogram sum = read(a);
    AddNotes notes;
    QVERIFY(add(sum, read(b), notes));
    QTEST(text(sum), "sum");
    QTEST(notes.boundsReconciled, "reconciled");
    // Taking away again gives the first one in the layout of the sum.
    AddNotes ignored;
    FloatHistogram rest = sum;
    QVERIFY(subtract(rest, read(b), ignored));
    FloatHistogram nothing = rest;
    QVERIFY(subtract(nothing, read(a), ignored));
    QCOMPARE(nothing.count, 0.0);
    QCOMPARE(nothing.sum, 0.0);
}

void TestHistogramMath::refusesToAddCustomToExponential()
{
    FloatHistogram sum = read("count:3 sum:4 buckets:[1 2]");
    const QByteArray before = text(sum);
    AddNotes notes;
    const FloatHistogram custom = read("schema:-53 count:1 sum:1 custom_values:[1] buckets:[1]");
    QVERIFY(!add(sum, custom, notes));
    QVERIFY(!subtract(sum, custom, notes));
    QCOMPARE(text(sum), before);
}

void TestHistogramMath::reconcilesHints_data()
{
    QTest::addColumn<int>("a");
    QTest::addColumn<int>("b");
    QTest::addColumn<int>("result");
    QTest::addColumn<bool>("conflict");
    const auto row = [](const char* name, CounterResetHint a, CounterResetHint b,
                        CounterResetHint result, bool conflict = false) {
        QTest::newRow(name) << int(a) << int(b) << int(result) << conflict;
    };
    using enum CounterResetHint;
    row("equal", NoReset, NoReset, NoReset);
    row("both reset", Reset, Reset, Reset);
    row("a gauge", Reset, Gauge, Gauge);
    row("a gauge and unknown", Unknown, Gauge, Gauge);
    row("unknown", NoReset, Unknown, Unknown);
    row("conflict", NoReset, Reset, Unknown, true);
    row("conflict the other way", Reset, NoReset, Unknown, true);
}

void TestHistogramMath::reconcilesHints()
{
    QFETCH(int, a);
    QFETCH(int, b);
    FloatHistogram sum = read("count:3 sum:4 buckets:[1 2]");
    FloatHistogram other = sum;
    sum.hint = static_cast<CounterResetHint>(a);
    other.hint = static_cast<CounterResetHint>(b);
    AddNotes notes;
    QVERIFY(add(sum, other, notes));
    QTEST(int(sum.hint), "result");
    QTEST(notes.resetConflict, "conflict");
}

void TestHistogramMath::findsResets_data()
{
    QTest::addColumn<QByteArray>("previous");
    QTest::addColumn<QByteArray>("current");
    QTest::addColumn<bool>("reset");
    const auto row = [](const char* name, const char* previous, const char* current, bool reset) {
        QTest::newRow(name) << QByteArray(previous) << QByteArray(current) << reset;
    };
    row("more everywhere", "count:3 buckets:[1 2]", "count:5 buckets:[2 3]", false);
    row("the same", "count:3 buckets:[1 2]", "count:3 buckets:[1 2]", false);
    row("the sum is not looked at", "count:3 sum:9 buckets:[1 2]", "count:3 sum:1 buckets:[1 2]",
        false);
    row("the hint says so", "count:3 buckets:[1 2]",
        "count:5 buckets:[2 3] counter_reset_hint:reset", true);
    row("the hint denies it", "count:3 buckets:[1 2]",
        "count:1 buckets:[1] counter_reset_hint:not_reset", false);
    row("fewer in all", "count:3 buckets:[1 2]", "count:2 buckets:[1 2]", true);
    row("fewer in a bucket", "count:3 buckets:[1 2]", "count:4 buckets:[3 1]", true);
    row("a bucket vanished", "count:3 buckets:[1 2]", "count:4 buckets:[4]", true);
    row("fewer in a negative bucket", "count:3 n_buckets:[1 2]", "count:4 n_buckets:[3 1]", true);
    row("fewer in the zero bucket", "count:3 z_bucket:2 buckets:[1]",
        "count:4 z_bucket:1 buckets:[3]", true);
    row("a finer schema", "schema:0 count:1 buckets:[1]", "schema:1 count:2 buckets:[2]", true);
    row("a coarser schema", "schema:1 count:2 offset:1 buckets:[1 1]",
        "schema:0 count:2 offset:1 buckets:[2]", false);
    row("fewer at the coarser schema", "schema:1 count:3 offset:1 buckets:[1 2]",
        "schema:0 count:4 offset:1 buckets:[2 2]", true);
    row("a smaller zero bucket", "count:1 z_bucket:1 z_bucket_w:0.5",
        "count:2 z_bucket:2 z_bucket_w:0.25", true);
    row("a wider zero bucket", "count:2 z_bucket:1 z_bucket_w:0.25 offset:-1 buckets:[1]",
        "count:3 z_bucket:3 z_bucket_w:0.5", false);
    row("a zero bucket that cuts a bucket",
        "count:2 z_bucket:1 z_bucket_w:0.25 offset:-1 "
        "buckets:[1]",
        "count:3 z_bucket:3 z_bucket_w:0.3", true);
    row("custom after exponential", "count:3 buckets:[1 2]",
        "schema:-53 count:3 custom_values:[1] buckets:[1 2]", true);
    row("other custom bounds, more", "schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]",
        "schema:-53 count:4 custom_values:[2] buckets:[3 1]", false);
    row("other custom bounds, fewer", "schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]",
        "schema:-53 count:4 custom_values:[2] buckets:[1 3]", true);
}

void TestHistogramMath::findsResets()
{
    QFETCH(QByteArray, previous);
    QFETCH(QByteArray, current);
    QTEST(detectReset(read(current), read(previous)), "reset");
}

void TestHistogramMath::comparesLayoutAndBits()
{
    const FloatHistogram one = read("count:3 sum:4 buckets:[1 2]");
    FloatHistogram hinted = one;
    hinted.hint = CounterResetHint::Gauge;
    QVERIFY(sameHistogram(one, hinted));
    QVERIFY(sameHistogram(one, read("count:3 sum:4 buckets:[1 2 0]")));
    QVERIFY(!sameHistogram(one, read("count:3 sum:4 buckets:[2 1]")));
    QVERIFY(!sameHistogram(one, read("count:3 sum:4 z_bucket_w:0.1 buckets:[1 2]")));
    QVERIFY(!sameHistogram(one, read("count:3 sum:4 offset:1 buckets:[1 2]")));
    const FloatHistogram odd = read("count:3 sum:NaN buckets:[1 2]");
    QVERIFY(sameHistogram(odd, odd));
    QVERIFY(!sameHistogram(read("sum:0"), read("sum:-0")));
}

void TestHistogramMath::compacts_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("spans");
    QTest::newRow("nothing to do") << QByteArray("buckets:[1 2]") << QByteArray("0+2");
    QTest::newRow("empty at the ends") << QByteArray("buckets:[0 0 1 2 0]") << QByteArray("2+2");
    QTest::newRow("empty between") << QByteArray("buckets:[1 0 0 2]") << QByteArray("0+1 2+1");
    QTest::newRow("nothing in it") << QByteArray("buckets:[0 0 0]") << QByteArray();
}

void TestHistogramMath::compacts()
{
    QFETCH(QByteArray, body);
    QByteArrayList spans;
    const FloatHistogram small = compacted(read(body));
    for (const model::Span& span : small.positiveSpans) {
        spans << QByteArray::number(span.offset) + "+" + QByteArray::number(span.length);
    }
    QTEST(spans.join(' '), "spans");
}

void TestHistogramMath::lowersResolution_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<int>("schema");
    QTest::addColumn<QByteArray>("result");
    const QByteArray fine = "schema:2 count:9 offset:-3 buckets:[1 1 1 1 1 1 1 1 1]";
    // Buckets -3 … 5 of a quarter become -1, 0, 1, 2: four, then five from 1 on.
    QTest::newRow("two steps") << fine << 0 << QByteArray("{{count:9 buckets:[4 4 1]}}");
    QTest::newRow("one step") << fine << 1
                              << QByteArray("{{schema:1 count:9 offset:-1 buckets:[2 2 2 2 1]}}");
    QTest::newRow("not finer") << fine << 3
                               << QByteArray("{{schema:2 count:9 offset:-3 buckets:[1 1 1 1 1 1 1 "
                                             "1 1]}}");
    QTest::newRow("below zero") << fine << -2 << QByteArray("{{schema:-2 count:9 buckets:[4 5]}}");
}

void TestHistogramMath::lowersResolution()
{
    QFETCH(QByteArray, body);
    QFETCH(int, schema);
    QTEST(text(withSchema(read(body), schema)), "result");
}

void TestHistogramMath::scalesAndDivides()
{
    FloatHistogram histogram = read("count:3 sum:4 z_bucket:1 z_bucket_w:0.1 buckets:[2]");
    scale(histogram, 2);
    QCOMPARE(text(histogram),
             QByteArray("{{count:6 sum:8 z_bucket:2 z_bucket_w:0.1 buckets:[4]}}"));
    scale(histogram, -0.5);
    QCOMPARE(histogram.hint, CounterResetHint::Gauge);
    QCOMPARE(histogram.count, -3.0);
    divide(histogram, 0);
    QVERIFY(histogram.positiveBuckets.empty());
    QVERIFY(std::isinf(histogram.count) && std::isinf(histogram.zeroCount));
}

void TestHistogramMath::keepsSmallPartsOfASum()
{
    FloatHistogram sum = read("count:1e100 sum:1e100 buckets:[1e100]");
    FloatHistogram compensation;
    compensation.schema = sum.schema;
    AddNotes notes;
    QVERIFY(addCompensated(sum, compensation, read("count:1 sum:1 buckets:[1]"), notes));
    QVERIFY(
        addCompensated(sum, compensation, read("count:-1e100 sum:-1e100 buckets:[-1e100]"), notes));
    QVERIFY(add(sum, compensation, notes));
    QCOMPARE(text(sum), QByteArray("{{count:1 sum:1 buckets:[1]}}"));
}

void TestHistogramMath::trims_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<double>("bound");
    QTest::addColumn<bool>("below");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* name, const char* body, double bound, bool below,
                        const char* result) {
        QTest::newRow(name) << QByteArray(body) << bound << below << QByteArray(result);
    };
    const char* custom = "schema:-53 count:10 sum:60 custom_values:[5 10] buckets:[4 4 2]";
    row("below everything", custom, -1, true, "{{schema:-53 custom_values:[5 10]}}");
    row("inside the open first bucket", custom, 2.5, true,
        "{{schema:-53 count:2 sum:2.5 custom_values:[5 10] buckets:[2]}}");
    row("above the open first bucket", custom, 2.5, false,
        "{{schema:-53 count:8 sum:57.5 custom_values:[5 10] buckets:[2 4 2]}}");
    row("the open last bucket goes", custom, 20, true,
        "{{schema:-53 count:8 sum:40 custom_values:[5 10] buckets:[4 4]}}");
    row("the open last bucket stays whole", custom, 20, false,
        "{{schema:-53 count:2 sum:40 custom_values:[5 10] offset:2 buckets:[2]}}");
    row("an edge is whole", "count:4 sum:9 offset:1 buckets:[2 2]", 2, true,
        "{{count:2 sum:2.8284271247461903 offset:1 buckets:[2]}}");
    row("nothing changes", "count:4 sum:9 offset:1 buckets:[2 2]", 8, true,
        "{{count:4 sum:9 offset:1 buckets:[2 2]}}");
    row("one-sided zero bucket", "count:4 sum:9 z_bucket:2 z_bucket_w:0.5 offset:1 buckets:[2]", 0,
        false, "{{count:4 sum:9 z_bucket:2 z_bucket_w:0.5 offset:1 buckets:[2]}}");
}

void TestHistogramMath::trims()
{
    QFETCH(QByteArray, body);
    QFETCH(double, bound);
    QFETCH(bool, below);
    QTEST(text(trim(read(body), bound, below)), "result");
}

void TestHistogramMath::weighsByRoom()
{
    // (8 + 168) / 16, and half a sample for each span, bucket and bound.
    QCOMPARE(weightOf(read("")), std::uint64_t{11});
    QCOMPARE(weightOf(read("buckets:[1 2 3]")), std::uint64_t{13});
    QCOMPARE(weightOf(read("schema:-53 custom_values:[1 2] buckets:[1 2 3]")), std::uint64_t{14});
}

QTEST_GUILESS_MAIN(TestHistogramMath)
#include "tst_histogram_math.moc"
