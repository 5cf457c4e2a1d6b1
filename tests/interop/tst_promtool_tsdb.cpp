// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One directory, two programs: Prometheus 2.42 reads what the store wrote, and the store reads what
// Prometheus wrote. Skipped when the peers are missing: unpack Debian's package `prometheus` into
// the peers' folder.
#include "support/prometheus_peer.h"
#include "support/tsdb_fixture.h"

#include <QProcess>
#include <QtTest>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;
using test::Contents;
using test::contentsOf;
using test::kPatienceMs;
using test::peerProgram;
using test::Prometheus;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

/// Two series over eight hours: blocks, a checkpoint and a head.
void fill(tsdb::Db& db, std::int64_t from, std::int64_t to)
{
    for (std::int64_t time = from; time < to; time += 60'000) {
        const auto appender = db.appender();
        appender->append(*appender->seriesFor({{"__name__", "counts"}, {"job", "x"}}), {time},
                         static_cast<double>(time % 100'000) / 8);
        appender->append(*appender->seriesFor({{"__name__", "flat"}}), {time}, 1);
        if (time % 600'000 == 0) {
            appender->append(
                *appender->seriesFor({{"__name__", "rare"}, {"t", std::to_string(time)}}), {time},
                -0.5);
        }
        base::ignore(appender->commit(), "the test looks at the contents");
    }
}

QByteArrayList dumped(const fs::path& directory)
{
    QProcess process;
    process.start(peerProgram("promtool"),
                  {"tsdb", "dump", QString::fromStdString(directory.string())});
    process.waitForFinished(kPatienceMs);
    QByteArrayList lines = process.readAllStandardOutput().split('\n');
    lines.removeAll(QByteArray());
    if (process.exitCode() != 0) {
        lines.append(process.readAllStandardError());
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// The contents as promtool prints them.
QByteArrayList asDump(const tsdb::Db& db)
{
    QByteArrayList lines;
    const auto querier = *db.querier({INT64_MIN}, {INT64_MAX});
    const auto set = *querier->select({}, {}, {});
    const auto all = *storage::collect(*set, 100'000);
    for (const auto& series : all) {
        QByteArrayList labels;
        for (const model::LabelView& label : series->labels()) {
            labels.append(QByteArray::fromStdString(std::string(label.name) + "=" +
                                                    model::quote(label.value)));
        }
        storage::SampleColumns columns;
        base::ignore(series->read({INT64_MIN}, {INT64_MAX}, columns), "compared line by line");
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            lines.append("{" + labels.join(", ") + "} " +
                         QByteArray::number(columns.values[i], 'g', 17) + " " +
                         QByteArray::number(qint64{columns.times[i]}));
        }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

} // namespace

class TestPromtoolTsdb : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void promtoolDumpsExactlyOurSamples();
    void prometheusAnswersTheSameAndTheStoreReopensItsDirectory();
    void promtoolAnalyzesOurBlocks();
    void prometheusReadsOurHistograms();
    void theStoreOpensWhatPrometheusWrote();
};

void TestPromtoolTsdb::initTestCase()
{
    if (!QFile::exists(peerProgram("prometheus")) || !QFile::exists(peerProgram("promtool"))) {
        QSKIP("prometheus and promtool are not in " NARTHEX_PEERS_DIR);
    }
}

void TestPromtoolTsdb::promtoolDumpsExactlyOurSamples()
{
    TsdbFixture fixture;
    QByteArrayList expected;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart + 5000, kStart + 2 * kHour);
        expected = asDump(*db);
        // Straight from the log of a store that is still open, as after a crash.
        fs::copy(fixture.path(), fixture.other("crashed"), fs::copy_options::recursive);
        QCOMPARE(dumped(fixture.other("crashed")), expected);
        fill(*db, kStart + 2 * kHour, kStart + 9 * kHour);
        QVERIFY(db->compact().ok());
        expected = asDump(*db);
    }
    QVERIFY(expected.size() > 1000);
    QCOMPARE(dumped(fixture.path()), expected);
}

void TestPromtoolTsdb::prometheusAnswersTheSameAndTheStoreReopensItsDirectory()
{
    TsdbFixture fixture;
    Contents ours;
    for (int run = 0; run < 5; ++run) { // segments enough for a checkpoint
        const auto db = fixture.open(kManual);
        fill(*db, kStart + run * 2 * kHour, kStart + (run + 1) * 2 * kHour);
        QVERIFY(db->compact().ok());
        ours = contentsOf(*db);
    }
    bool hasCheckpoint = false;
    for (const auto& entry : fs::directory_iterator(fixture.path() / "wal")) {
        hasCheckpoint =
            hasCheckpoint || entry.path().filename().string().starts_with("checkpoint.");
    }
    QVERIFY(hasCheckpoint);
    {
        Prometheus prometheus(fixture.path(), fixture.other("empty.yml"), "scrape_configs: []\n");
        QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
        const Contents theirs = prometheus.samples("{__name__=~\".+\"}[30h]", kStart + 10 * kHour);
        QCOMPARE(theirs.size(), ours.size());
        QVERIFY(theirs == ours);
        prometheus.terminate();
        const QByteArray output = prometheus.output();
        QVERIFY2(!output.contains("level=error"), output.constData());
        QVERIFY2(!output.contains("unknown series references"), output.constData());
    }
    const auto db = fixture.open(kManual);
    QVERIFY(contentsOf(*db) == ours);
    QCOMPARE(db->stats().walUnknownRefs, std::uint64_t{0});
    QCOMPARE(db->stats().walCorruptions, std::uint64_t{0});
}

void TestPromtoolTsdb::promtoolAnalyzesOurBlocks()
{
    TsdbFixture fixture;
    {
        const auto db = fixture.open(kManual);
        fill(*db, kStart, kStart + 9 * kHour);
        QVERIFY(db->compact().ok());
    }
    for (const QStringList& arguments :
         {QStringList{"tsdb", "list"}, QStringList{"tsdb", "analyze"}}) {
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(peerProgram("promtool"),
                      arguments + QStringList{QString::fromStdString(fixture.path().string())});
        QVERIFY(process.waitForFinished(kPatienceMs));
        const QByteArray output = process.readAll();
        QVERIFY2(process.exitCode() == 0, output.constData());
    }
}

void TestPromtoolTsdb::prometheusReadsOurHistograms()
{
    TsdbFixture fixture;
    const auto sumAt = [](std::int64_t minute) { return 4.5 + static_cast<double>(minute) / 4; };
    {
        const auto db = fixture.open(kManual);
        const auto appender = db->appender();
        const storage::SeriesRef ref = *appender->seriesFor({{"__name__", "h"}});
        for (std::int64_t minute = 0; minute < 240; ++minute) {
            model::FloatHistogram histogram;
            histogram.zeroThreshold = 0.001;
            histogram.positiveSpans = {{-3, 2}, {1, 1}};
            histogram.positiveBuckets = {1.0 + static_cast<double>(minute), 2.5, 3.0};
            histogram.count = 6.5 + static_cast<double>(minute);
            histogram.sum = sumAt(minute);
            appender->appendHistogram(ref, {kStart + minute * 60'000}, histogram);
            QVERIFY(appender->commit().ok());
        }
        QVERIFY(db->compact().ok());
        QCOMPARE(db->stats().blocks, std::uint64_t{1});
    }
    Prometheus prometheus(fixture.path(), fixture.other("empty.yml"), "scrape_configs: []\n");
    QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
    for (const std::int64_t minute : {0, 59, 119, 120, 239}) { // block, and head
        const std::int64_t time = kStart + minute * 60'000;
        QCOMPARE(prometheus.value("histogram_sum(h)", time), sumAt(minute));
        QCOMPARE(prometheus.value("histogram_count(h)", time), 6.5 + static_cast<double>(minute));
    }
}

void TestPromtoolTsdb::theStoreOpensWhatPrometheusWrote()
{
    TsdbFixture fixture;
    fs::create_directories(fixture.path());
    Contents theirs;
    {
        Prometheus prometheus(fixture.path(), fixture.other("self.yml"),
                              "global: {scrape_interval: 1s}\n"
                              "scrape_configs: [{job_name: self, static_configs: [{targets: "
                              "['127.0.0.1:PORT']}]}]\n");
        QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
        const auto now = [] { return QDateTime::currentMSecsSinceEpoch(); };
        QVERIFY(QTest::qWaitFor(
            [&] {
                const Contents up = prometheus.samples("up[10m]", now());
                return !up.empty() && up.begin()->second.size() >= 4;
            },
            kPatienceMs));
        theirs = prometheus.samples("{__name__=~\".+\"}[10m]", now());
        prometheus.kill();
    }
    QVERIFY(theirs.size() > 200);
    const auto db = fixture.open(kManual);
    QCOMPARE(db->stats().walUnknownRefs, std::uint64_t{0});
    const Contents ours = contentsOf(*db);
    for (const auto& [name, samples] : theirs) {
        const auto found = ours.find(name);
        QVERIFY2(found != ours.end(), name.c_str());
        // Prometheus went on scraping after it was asked.
        QVERIFY2(found->second.size() >= samples.size(), name.c_str());
        QVERIFY2(std::equal(samples.begin(), samples.end(), found->second.begin()), name.c_str());
    }
    // And the store writes on where Prometheus stopped.
    const std::int64_t later = db->stats().maxTime->ms + 1000;
    QCOMPARE(test::put(*db, {{"__name__", "up"}, {"instance", "new"}}, later, 1),
             storage::AppendResult::Appended);
}

QTEST_GUILESS_MAIN(TestPromtoolTsdb)
#include "tst_promtool_tsdb.moc"
