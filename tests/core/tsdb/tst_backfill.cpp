// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/backfill.h"
#include "core/tsdb/openmetrics_import.h"
#include "core/tsdb/read_only_db.h"
#include "core/tsdb/verify.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <algorithm>
#include <filesystem>
#include <random>

using namespace narthex;
using test::Contents;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kWindow = 2 * kHour;
constexpr std::int64_t kStart = 1'699'999'200'000 / kWindow * kWindow;

Contents contents(TsdbFixture& fixture)
{
    const auto db =
        tsdb::ReadOnlyDb::open(fixture.path(), {}, {fixture.pool(), base::nullLogger()}, {});
    if (!db.ok()) {
        return {{"error: " + db.status().ToString(), {}}};
    }
    return test::contentsOf(**(*db)->querier({INT64_MIN}, {INT64_MAX}));
}

std::string damages(TsdbFixture& fixture)
{
    const auto report = tsdb::verifyDirectory(fixture.path(), {});
    if (!report.ok()) {
        return report.status().ToString();
    }
    std::string text;
    for (const tsdb::Damage& damage : report->damages) {
        text += damage.path.string() + ": " + damage.what + "\n";
    }
    return text;
}

absl::StatusOr<tsdb::ImportReport> import(TsdbFixture& fixture, const std::string& text,
                                          const tsdb::ImportOptions& options,
                                          std::vector<tsdb::BlockMeta>* blocks = nullptr)
{
    const auto take = [blocks](const tsdb::BlockMeta& meta) {
        if (blocks != nullptr) {
            blocks->push_back(meta);
        }
    };
    return tsdb::importOpenMetrics(text, fixture.path(), options, fixture.clock(), take, {});
}

std::string sampleLine(const char* series, std::int64_t time, double value)
{
    return fmt::format("{} {} {}.{:03}\n", series, value, time / 1000, time % 1000);
}

} // namespace

class TestBackfill : public QObject
{
    Q_OBJECT

private slots:
    void windowsAreTheRangesOfMergedBlocks();
    void windowsStartAtMultiplesBeforeTheEpochToo();
    void anyOrderGivesTheSameBlock();
    void theFirstOfEqualTimesCounts();
    void aBlockCoversItsSamplesExactly();
    void refusesSamplesOutsideTheWindow();
    void nothingGivesNoBlock();
    void importsWindowByWindow();
    void importsTheSameInSeveralPasses();
    void largerBlocksWhenAskedFor();
    void addsLabels();
    void aMistakeLeavesNoBlockBehind_data();
    void aMistakeLeavesNoBlockBehind();
    void histogramFamiliesKeepTheirLabels();
};

void TestBackfill::windowsAreTheRangesOfMergedBlocks()
{
    QCOMPARE(tsdb::backfillWindowMs(0), 2 * kHour);
    QCOMPARE(tsdb::backfillWindowMs(6 * kHour - 1), 2 * kHour);
    QCOMPARE(tsdb::backfillWindowMs(6 * kHour), 6 * kHour);
    QCOMPARE(tsdb::backfillWindowMs(24 * kHour), 18 * kHour);
    QCOMPARE(tsdb::backfillWindowMs(31 * 24 * kHour), 486 * kHour);
}

void TestBackfill::windowsStartAtMultiplesBeforeTheEpochToo()
{
    QCOMPARE(tsdb::windowStart(0, kWindow), std::int64_t{0});
    QCOMPARE(tsdb::windowStart(kWindow - 1, kWindow), std::int64_t{0});
    QCOMPARE(tsdb::windowStart(-1, kWindow), -kWindow);
    QCOMPARE(tsdb::windowStart(-kWindow, kWindow), -kWindow);
}

void TestBackfill::anyOrderGivesTheSameBlock()
{
    std::vector<std::pair<std::int64_t, double>> samples;
    for (std::int64_t i = 0; i < 700; ++i) {
        samples.emplace_back(kStart + i * 10'000, static_cast<double>(i) / 3);
    }
    const auto build = [&samples](TsdbFixture& fixture) {
        tsdb::BlockBuilder builder(kStart, kWindow);
        for (const auto& [time, value] : samples) {
            QVERIFY(builder.add({{"__name__", "a"}, {"b", "c"}}, time, value).ok());
            QVERIFY(builder.add({{"__name__", "Z"}}, time, -value).ok());
        }
        const auto meta = builder.write(fixture.path(), fixture.clock());
        QVERIFY(meta.ok() && meta->has_value());
        QCOMPARE((*meta)->stats.series, std::uint64_t{2});
        QCOMPARE((*meta)->stats.samples, std::uint64_t{1400});
        QCOMPARE((*meta)->stats.chunks, std::uint64_t{12});
        QCOMPARE(damages(fixture), std::string());
    };
    TsdbFixture ordered;
    build(ordered);
    TsdbFixture shuffled;
    std::mt19937 random(7);
    std::shuffle(samples.begin(), samples.end(), random);
    build(shuffled);
    const Contents found = contents(ordered);
    QCOMPARE(found.size(), std::size_t{2});
    QVERIFY(found == contents(shuffled));
}

void TestBackfill::theFirstOfEqualTimesCounts()
{
    TsdbFixture fixture;
    tsdb::BlockBuilder builder(kStart, kWindow);
    for (std::int64_t i = 0; i < 300; ++i) {
        QVERIFY(builder.add({{"__name__", "a"}}, kStart + i % 150 * 1000, i < 150 ? 1 : 2).ok());
    }
    QVERIFY(builder.write(fixture.path(), fixture.clock()).ok());
    QCOMPARE(builder.duplicates(), std::uint64_t{150});
    const Contents found = contents(fixture);
    const auto& samples = found.at("a");
    QCOMPARE(samples.size(), std::size_t{150});
    for (const auto& [time, bits] : samples) {
        QCOMPARE(std::bit_cast<double>(bits), 1.0);
    }
}

void TestBackfill::aBlockCoversItsSamplesExactly()
{
    TsdbFixture fixture;
    tsdb::BlockBuilder builder(kStart, kWindow);
    QVERIFY(builder.add({{"__name__", "a"}}, kStart + 500, 1).ok());
    QVERIFY(builder.add({{"__name__", "b"}}, kStart + kWindow - 1, 1).ok());
    const auto meta = builder.write(fixture.path(), fixture.clock());
    QVERIFY(meta.ok());
    QCOMPARE((*meta)->minTime, kStart + 500);
    QCOMPARE((*meta)->maxTime, kStart + kWindow);
    QCOMPARE((*meta)->level, 1);
    QVERIFY((*meta)->sources == std::vector<std::string>{(*meta)->ulid});
}

void TestBackfill::refusesSamplesOutsideTheWindow()
{
    tsdb::BlockBuilder builder(kStart, kWindow);
    for (const std::int64_t time : {kStart - 1, kStart + kWindow}) {
        QCOMPARE(builder.add({{"__name__", "a"}}, time, 1).code(),
                 absl::StatusCode::kInvalidArgument);
    }
    QCOMPARE(builder.add(model::Labels(), kStart, 1).code(), absl::StatusCode::kInvalidArgument);
}

void TestBackfill::nothingGivesNoBlock()
{
    TsdbFixture fixture;
    tsdb::BlockBuilder builder(kStart, kWindow);
    const auto meta = builder.write(fixture.path(), fixture.clock());
    QVERIFY(meta.ok() && !meta->has_value());
    const auto report = import(fixture, "# EOF\n", {});
    QVERIFY(report.ok());
    QCOMPARE(report->blocks, std::uint64_t{0});
    QVERIFY(!fs::exists(fixture.path()));
}

void TestBackfill::importsWindowByWindow()
{
    TsdbFixture fixture;
    std::string text = "# TYPE a counter\n";
    for (const std::int64_t time : {kStart + 1000, kStart + 2000, kStart + 3 * kWindow + 5}) {
        text += sampleLine("a_total{b=\"x\"}", time, 1);
    }
    text += sampleLine("a_total{b=\"y\"}", kStart + kWindow - 1, 2);
    std::vector<tsdb::BlockMeta> blocks;
    const auto report = import(fixture, text + "# EOF\n", {}, &blocks);
    QVERIFY2(report.ok(), report.status().ToString().c_str());
    QCOMPARE(report->samples, std::uint64_t{4});
    QCOMPARE(report->passes, std::uint64_t{1});
    QCOMPARE(blocks.size(), std::size_t{2});
    QCOMPARE(blocks[0].minTime, kStart + 1000);
    QCOMPARE(blocks[0].maxTime, kStart + kWindow);
    QCOMPARE(blocks[1].minTime, kStart + 3 * kWindow + 5);
    QCOMPARE(blocks[1].maxTime, kStart + 3 * kWindow + 6);
    QCOMPARE(contents(fixture).at("a_total{b=\"x\"}").size(), std::size_t{3});
    QCOMPARE(damages(fixture), std::string());
}

void TestBackfill::importsTheSameInSeveralPasses()
{
    std::string text;
    for (std::int64_t i = 0; i < 500; ++i) {
        text += sampleLine(i % 2 == 0 ? "a" : "b{c=\"d\"}", kStart + i * 100'000,
                           static_cast<double>(i));
    }
    text += "# EOF\n";
    TsdbFixture once;
    TsdbFixture often;
    QVERIFY(import(once, text, {}).ok());
    const auto report = import(often, text, {.samplesAtOnce = 100});
    QVERIFY(report.ok());
    QVERIFY(report->passes > 5);
    QVERIFY(contents(once) == contents(often));
}

void TestBackfill::largerBlocksWhenAskedFor()
{
    std::string text;
    for (std::int64_t hour = 0; hour < 36; ++hour) {
        text += sampleLine("a", kStart + hour * kHour, 1);
    }
    text += "# EOF\n";
    TsdbFixture small;
    TsdbFixture large;
    QCOMPARE(import(small, text, {})->blocks, std::uint64_t{18});
    QVERIFY(import(large, text, {.maxBlockMs = 24 * kHour})->blocks <= 3);
    QVERIFY(contents(small) == contents(large));
}

void TestBackfill::addsLabels()
{
    TsdbFixture fixture;
    const tsdb::ImportOptions options{.addedLabels = {{"site", "north"}, {"b", "new"}}};
    QVERIFY(import(fixture, "a{b=\"old\"} 1 1\n# EOF\n", options).ok());
    QCOMPARE(QString::fromStdString(contents(fixture).begin()->first),
             QString("a{b=\"new\", site=\"north\"}"));
}

void TestBackfill::aMistakeLeavesNoBlockBehind_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("message");
    QTest::addColumn<int>("line");
    QTest::newRow("no end") << QByteArray("a 1 1\n") << "data does not end with # EOF" << 2;
    QTest::newRow("no time") << QByteArray("a 1 1\nb{c=\"d\"} 2\n# EOF\n")
                             << "expected timestamp for series b{c=\"d\"}" << 2;
    QTest::newRow("syntax") << QByteArray("a 1 1\na 1 99999\nb x 1\n# EOF\n") << "invalid syntax"
                            << 3;
    QTest::newRow("repeated label")
        << QByteArray("a 1 1\na{b=\"c\",b=\"d\"} 1 1\n# EOF\n") << "not unique" << 2;
}

void TestBackfill::aMistakeLeavesNoBlockBehind()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, message);
    QFETCH(int, line);
    TsdbFixture fixture;
    const auto report = import(fixture, text.toStdString(), {});
    QCOMPARE(report.status().code(), absl::StatusCode::kInvalidArgument);
    const QString told = QString::fromStdString(std::string(base::messageOf(report.status())));
    QVERIFY2(told.contains(message), qPrintable(told));
    const auto place = base::positionOf(report.status());
    QVERIFY(place && place->line);
    QCOMPARE(static_cast<int>(*place->line), line);
    QVERIFY(!fs::exists(fixture.path()));
}

void TestBackfill::histogramFamiliesKeepTheirLabels()
{
    TsdbFixture fixture;
    const auto report = import(fixture,
                               "# TYPE h histogram\nh_bucket{le=\"1\"} 1 1\n"
                               "h_bucket{le=\"+Inf\"} 2 1\n# TYPE g gauge\ng{le=\"1\"} 1 1\n"
                               "h_bucket{le=\"1\"} 5 2\n# EOF\n",
                               {});
    QVERIFY(report.ok());
    const Contents found = contents(fixture);
    for (const char* series :
         {"g{le=\"1\"}", "h_bucket{le=\"1.0\"}", "h_bucket{le=\"+Inf\"}", "h_bucket{le=\"1\"}"}) {
        QVERIFY2(found.contains(series), series);
    }
}

QTEST_GUILESS_MAIN(TestBackfill)
#include "tst_backfill.moc"
