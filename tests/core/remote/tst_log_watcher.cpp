// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reading the log behind its writer: checkpoints, segments that were there before, damage, series
// that are gone. Source: spec/remote.md, 2.2.
#include "core/base/file.h"
#include "core/remote/sender/log_watcher.h"
#include "core/tsdb/wal_batches.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_writer.h"

#include <QtTest>

#include <filesystem>
#include <fstream>

namespace narthex::remote {
namespace {

using namespace base::literals;

constexpr std::int64_t kStart = 1'700'000'000'000;

/// Notes what it is told, a line each.
class Notebook final : public LogSink
{
public:
    void onSeries(std::uint64_t ref, std::string_view packedLabels, std::uint32_t segment) override
    {
        note(fmt::format("series {} {} {}", ref,
                         model::Labels::fromBytes(std::string(packedLabels)).toString(), segment));
    }
    bool onSamples(std::span<const tsdb::WalSample> samples, std::span<const std::int64_t>) override
    {
        for (const tsdb::WalSample& sample : samples) {
            note(fmt::format("sample {} {}", sample.ref, sample.time - kStart));
        }
        return true;
    }
    bool onHistograms(std::span<const tsdb::WalHistogram> histograms) override
    {
        note(fmt::format("histograms {}", histograms.size()));
        return true;
    }
    bool onExemplars(std::span<const tsdb::WalExemplar> exemplars) override
    {
        note(fmt::format("exemplars {}", exemplars.size()));
        return true;
    }
    void onMetadata(std::span<const tsdb::WalMetadata> metadata) override
    {
        for (const tsdb::WalMetadata& each : metadata) {
            note(fmt::format("metadata {} {}", each.ref, each.metadata.help));
        }
    }
    void onForgotten(std::uint32_t segment) override { note(fmt::format("forget {}", segment)); }
    void onIdle() override
    {
        const absl::MutexLock lock(&mutex_);
        ++idle_;
    }
    void onEnd() override { note("end"); }

    [[nodiscard]] std::string text() const
    {
        const absl::MutexLock lock(&mutex_);
        return text_;
    }
    [[nodiscard]] int idle() const
    {
        const absl::MutexLock lock(&mutex_);
        return idle_;
    }

private:
    void note(const std::string& line)
    {
        const absl::MutexLock lock(&mutex_);
        text_ += line + "\n";
    }

    mutable absl::Mutex mutex_;
    std::string text_ ABSL_GUARDED_BY(mutex_);
    int idle_ ABSL_GUARDED_BY(mutex_) = 0;
};

/// A log that the test writes, and its watcher.
class World
{
public:
    World() { writer_ = open(walDirectory(), 0); }

    [[nodiscard]] std::filesystem::path walDirectory() const { return directory_.path(); }
    std::unique_ptr<tsdb::WalWriter> open(const std::filesystem::path& folder, std::uint32_t first)
    {
        std::filesystem::create_directories(folder);
        return *tsdb::WalWriter::create(files_, folder, first, 4 * tsdb::kWalPageBytes,
                                        [](const std::shared_ptr<tsdb::AppendFile>&) {});
    }
    void startSegment(std::uint32_t number)
    {
        while (writer_->segment() < number) {
            QVERIFY(writer_->startNextSegment().ok());
        }
    }
    void series(std::uint64_t ref, const std::string& name) { series(*writer_, ref, name); }
    static void series(tsdb::WalWriter& writer, std::uint64_t ref, const std::string& name)
    {
        std::string record;
        tsdb::beginRecord(record, tsdb::WalRecordType::Series);
        tsdb::appendSeriesEntry(record, ref, model::Labels{{"__name__", name}}.bytes());
        write(writer, record);
    }
    void sample(std::uint64_t ref, std::int64_t ahead) { sample(*writer_, ref, ahead); }
    static void sample(tsdb::WalWriter& writer, std::uint64_t ref, std::int64_t ahead)
    {
        const tsdb::WalSample one{.ref = ref, .time = kStart + ahead};
        std::string record;
        tsdb::writeSamplesRecord(record, {&one, 1});
        write(writer, record);
    }
    void metadata(std::uint64_t ref, const std::string& help)
    {
        const tsdb::WalMetadata one{.ref = ref, .metadata = {.help = help}};
        std::string record;
        tsdb::writeMetadataRecord(record, {&one, 1});
        write(*writer_, record);
    }

    void start(WatcherOptions options = {})
    {
        options.walDirectory = walDirectory();
        watcher_ = std::make_unique<LogWatcher>(options, notebook_, timers_, base::nullLogger());
        watcher_->start();
    }
    /// Waits until everything that is there now was told.
    QString told()
    {
        // The first time it may have been at work already.
        for (int i = 0; i < 2; ++i) {
            const int before = notebook_.idle();
            watcher_->wake();
            if (!QTest::qWaitFor([&] { return notebook_.idle() > before; }, 5000)) {
                return QStringLiteral("not told");
            }
        }
        return QString::fromStdString(notebook_.text());
    }
    bool waitForLine(const std::string& line)
    {
        return QTest::qWaitFor(
            [&] { return ("\n" + notebook_.text()).find("\n" + line + "\n") != std::string::npos; },
            5000);
    }
    [[nodiscard]] std::string text() const { return notebook_.text(); }
    LogWatcher& watcher() { return *watcher_; }
    base::ManualTimers& timers() { return timers_; }

private:
    static void write(tsdb::WalWriter& writer, std::string_view record)
    {
        std::string buffer;
        const tsdb::WalRecord framed =
            tsdb::makeWalRecord(record, tsdb::WalCompression::Snappy, buffer);
        QVERIFY(writer.log({&framed, 1}).ok());
    }

    base::TemporaryDirectory directory_;
    tsdb::SystemFileLayer files_;
    std::unique_ptr<tsdb::WalWriter> writer_;
    base::ManualTimers timers_{base::Timestamp{kStart}};
    Notebook notebook_;
    std::unique_ptr<LogWatcher> watcher_;
};

} // namespace

class TestLogWatcher : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsSeriesOfOldSegmentsAndSamplesFromTheStartOn();
    void tellsWhatIsWrittenWhenItIsToldSo();
    void looksByItselfNowAndThen();
    void tellsTheSeriesOfACheckpointAndNotItsSamples();
    void aNewCheckpointSaysWhichSeriesAreGone();
    void goesOnBehindADamagedSegment();
    void recordsThatNobodyWantsAreNotTold();
    void countsWhatItReads();
    void finishReadsToTheEnd();
};

void TestLogWatcher::tellsSeriesOfOldSegmentsAndSamplesFromTheStartOn()
{
    World world;
    world.series(1, "a");
    world.sample(1, -5);
    world.sample(1, 0);
    world.sample(1, 7);
    world.startSegment(1);
    world.series(2, "b");
    world.start();
    QVERIFY(world.waitForLine("series 2 b 1"));
    QCOMPARE(world.text(), "series 1 a 0\nsample 1 7\nseries 2 b 1\n");
    QCOMPARE(world.watcher().counters().sentBeforeTail.load(), std::uint64_t{1});
    QCOMPARE(world.watcher().counters().currentSegment.load(), 1U);
}

void TestLogWatcher::tellsWhatIsWrittenWhenItIsToldSo()
{
    World world;
    world.start();
    world.series(1, "a");
    world.sample(1, 5);
    world.watcher().notify();
    QVERIFY(world.waitForLine("sample 1 5"));
    world.startSegment(1);
    world.sample(1, 6);
    world.watcher().notify();
    QVERIFY(world.waitForLine("sample 1 6"));
}

void TestLogWatcher::looksByItselfNowAndThen()
{
    World world;
    world.start();
    static_cast<void>(world.told());
    world.series(1, "a");
    world.timers().advance(5_s);
    QVERIFY(world.waitForLine("series 1 a 0"));
}

void TestLogWatcher::tellsTheSeriesOfACheckpointAndNotItsSamples()
{
    World world;
    const auto checkpoint = world.open(world.walDirectory() / "checkpoint.00000002", 0);
    World::series(*checkpoint, 9, "old");
    World::sample(*checkpoint, 9, 5);
    world.series(1, "before the checkpoint");
    world.startSegment(3);
    world.sample(9, 6);
    world.start();
    QVERIFY(world.waitForLine("sample 9 6"));
    QCOMPARE(world.text(), "series 9 old 2\nforget 2\nsample 9 6\n");
}

void TestLogWatcher::aNewCheckpointSaysWhichSeriesAreGone()
{
    World world;
    world.series(1, "a");
    world.startSegment(4);
    world.start();
    QVERIFY(world.waitForLine("series 1 a 0"));
    const auto checkpoint = world.open(world.walDirectory() / "checkpoint.00000003", 0);
    World::series(*checkpoint, 2, "b");
    world.timers().advance(5_s);
    QVERIFY(world.waitForLine("forget 3"));
    QVERIFY(world.text().ends_with("series 2 b 3\nforget 3\n"));
}

void TestLogWatcher::goesOnBehindADamagedSegment()
{
    World world;
    world.series(1, "a");
    world.startSegment(1);
    world.series(2, "b");
    {
        std::fstream file(world.walDirectory() / "00000000",
                          std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(12);
        file.put('\x7f');
    }
    world.start();
    QVERIFY(world.waitForLine("series 2 b 1"));
    QCOMPARE(world.text(), "series 2 b 1\n");
}

void TestLogWatcher::recordsThatNobodyWantsAreNotTold()
{
    World world;
    world.series(1, "a");
    world.metadata(1, "help");
    world.start();
    QVERIFY(world.waitForLine("series 1 a 0"));
    QVERIFY(!world.told().contains("metadata"));

    World other;
    other.series(1, "a");
    other.metadata(1, "help");
    other.start({.metadata = true});
    QVERIFY(other.waitForLine("metadata 1 help"));
}

void TestLogWatcher::countsWhatItReads()
{
    World world;
    world.series(1, "a");
    world.sample(1, 1);
    world.sample(1, 2);
    world.start();
    QVERIFY(world.waitForLine("sample 1 2"));
    const WatcherCounters& counters = world.watcher().counters();
    QCOMPARE(counters.records[1].load(), std::uint64_t{1});
    QCOMPARE(counters.records[2].load(), std::uint64_t{2});
    QCOMPARE(counters.decodeFailures.load(), std::uint64_t{0});
}

void TestLogWatcher::finishReadsToTheEnd()
{
    World world;
    world.start();
    static_cast<void>(world.told());
    world.series(1, "a");
    world.sample(1, 1);
    world.watcher().requestFinish(1_min);
    world.watcher().join();
    QCOMPARE(world.text(), "series 1 a 0\nsample 1 1\nend\n");
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestLogWatcher)
#include "tst_log_watcher.moc"
