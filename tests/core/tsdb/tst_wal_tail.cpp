// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Following a log while it is written: bytes come one at a time, segments change, pages tear.
#include "core/base/file.h"
#include "core/tsdb/wal_format.h"
#include "core/tsdb/wal_tail.h"
#include "core/tsdb/wal_writer.h"

#include <QtTest>

#include <fcntl.h>
#include <filesystem>
#include <random>

using namespace narthex;

namespace {

constexpr std::uint64_t kSegmentBytes = 4 * tsdb::kWalPageBytes;

std::string noise(std::size_t size, unsigned seed)
{
    std::mt19937 random(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) {
        c = static_cast<char>(random());
    }
    return bytes;
}

struct Log
{
    base::TemporaryDirectory directory;
    tsdb::SystemFileLayer files;
    std::unique_ptr<tsdb::WalWriter> writer;
    tsdb::WalTail tail{directory.path(), 0};

    explicit Log(std::uint32_t first = 0)
    {
        writer = *tsdb::WalWriter::create(files, directory.path(), first, kSegmentBytes,
                                          [](const std::shared_ptr<tsdb::AppendFile>&) {});
    }
    [[nodiscard]] std::filesystem::path segment(std::uint32_t number) const
    {
        return directory.path() / tsdb::walSegmentName(number);
    }
    void write(std::string_view record, tsdb::WalCompression compression = {}) const
    {
        std::string buffer;
        const tsdb::WalRecord framed = tsdb::makeWalRecord(record, compression, buffer);
        QVERIFY(writer->log({&framed, 1}).ok());
    }
    /// Everything that is there, and how it ended.
    std::vector<std::string> readAll(absl::Status& status)
    {
        std::vector<std::string> records;
        while (true) {
            const absl::StatusOr<bool> found = tail.next();
            status = found.status();
            if (!found.ok() || !*found) {
                return records;
            }
            records.emplace_back(tail.record());
        }
    }
    std::vector<std::string> readAll()
    {
        absl::Status status;
        std::vector<std::string> records = readAll(status);
        if (!status.ok()) {
            qWarning("%s", status.ToString().c_str());
            records.emplace_back("error");
        }
        return records;
    }
};

void append(const std::filesystem::path& path, std::string_view bytes)
{
    const auto file = base::File::open(path, O_WRONLY | O_CREAT | O_APPEND);
    QVERIFY(file.ok());
    QVERIFY(file->write(bytes).ok());
}

void overwrite(const std::filesystem::path& path, std::uint64_t offset, std::string_view bytes)
{
    const auto file = base::File::open(path, O_WRONLY);
    QVERIFY(file.ok());
    QVERIFY(file->writeAt(bytes, offset).ok());
}

using Strings = std::vector<std::string>;

} // namespace

class TestWalTail : public QObject
{
    Q_OBJECT

private slots:
    void waitsForALogThatIsNotThereYet();
    void givesEachRecordOnceItIsWhole();
    void followsFromSegmentToSegment();
    void readsACopyThatGrowsByteByByte();
    void triesABadTailAgain();
    void reportsABadPageThatIsComplete();
    void reportsATornRecordWhenTheNextSegmentBegins();
    void reportsSegmentsThatWereDeleted();
};

void TestWalTail::waitsForALogThatIsNotThereYet()
{
    base::TemporaryDirectory directory;
    tsdb::WalTail tail(directory.path() / "wal", 0);
    QVERIFY(!*tail.next());
    QVERIFY(!*tail.next());
    std::filesystem::create_directory(directory.path() / "wal");
    QVERIFY(!*tail.next());
}

void TestWalTail::givesEachRecordOnceItIsWhole()
{
    Log log;
    QCOMPARE(log.readAll(), Strings{});
    log.write("first");
    QCOMPARE(log.readAll(), Strings{"first"});
    QCOMPARE(log.readAll(), Strings{});
    const std::string compressible(3000, 'x');
    log.write("second");
    log.write(compressible, tsdb::WalCompression::Snappy);
    log.write(compressible, tsdb::WalCompression::Zstd);
    QCOMPARE(log.readAll(), (Strings{"second", compressible, compressible}));
    const std::string large = noise(70000, 1);
    log.write(large);
    QCOMPARE(log.readAll(), Strings{large});
}

void TestWalTail::followsFromSegmentToSegment()
{
    Log log;
    std::mt19937 random(1);
    Strings written;
    Strings read;
    for (unsigned i = 0; i < 400; ++i) {
        written.push_back(noise(random() % 5 == 0 ? random() % 40000 : random() % 300, i));
        log.write(written.back());
        if (random() % 7 == 0) {
            const Strings more = log.readAll();
            read.insert(read.end(), more.begin(), more.end());
        }
    }
    const Strings more = log.readAll();
    read.insert(read.end(), more.begin(), more.end());
    QVERIFY(log.writer->segment() > 3);
    QCOMPARE(log.tail.segment(), log.writer->segment());
    QVERIFY(read == written);
}

void TestWalTail::readsACopyThatGrowsByteByByte()
{
    Log log;
    const Strings written{"first", noise(100, 2), std::string(), noise(33000, 3), "last"};
    for (const std::string& record : written) {
        log.write(record);
    }
    const std::string bytes = *base::readFile(log.segment(0));
    base::TemporaryDirectory directory;
    const std::filesystem::path copy = directory.path() / tsdb::walSegmentName(0);
    tsdb::WalTail tail(directory.path(), 0);
    Strings read;
    for (std::size_t at = 0; at < bytes.size();) {
        // Byte by byte where fragments begin and end, faster within.
        const bool fast = at > 400 && at + 300 < bytes.size() && (at < 32700 || at > 32900);
        const std::size_t step = std::min<std::size_t>(fast ? 97 : 1, bytes.size() - at);
        append(copy, std::string_view(bytes).substr(at, step));
        at += step;
        while (true) {
            const absl::StatusOr<bool> found = tail.next();
            QVERIFY2(found.ok(), found.status().ToString().c_str());
            if (!*found) {
                break;
            }
            read.emplace_back(tail.record());
        }
    }
    QVERIFY(read == written);
    QCOMPARE(tail.offset(), std::uint64_t{bytes.size()});
}

void TestWalTail::triesABadTailAgain()
{
    Log log;
    log.write("first");
    const std::string before = *base::readFile(log.segment(0));
    log.write("second");
    const std::string after = *base::readFile(log.segment(0));
    // The bytes of the second record are there, but not yet right.
    overwrite(log.segment(0), before.size() + 9, "#");
    QCOMPARE(log.readAll(), Strings{"first"});
    QCOMPARE(log.readAll(), Strings{});
    overwrite(log.segment(0), 0, after);
    QCOMPARE(log.readAll(), Strings{"second"});
}

void TestWalTail::reportsABadPageThatIsComplete()
{
    Log log;
    log.write("first");
    const std::uint64_t second = std::filesystem::file_size(log.segment(0));
    log.write("second");
    overwrite(log.segment(0), second + 9, "#");
    QCOMPARE(log.readAll(), Strings{"first"});
    log.write(noise(tsdb::kWalPageBytes, 1)); // the page is complete now
    absl::Status status;
    QCOMPARE(log.readAll(status), Strings{});
    QCOMPARE(status.code(), absl::StatusCode::kDataLoss);
    const std::string message(status.message());
    QVERIFY2(message.find("00000000, offset " + std::to_string(second)) != std::string::npos,
             message.c_str());
    // Nothing more of this segment, but the next one is read.
    QCOMPARE(log.readAll(), Strings{});
    QVERIFY(log.writer->startNextSegment().ok());
    log.write("in the next segment");
    QCOMPARE(log.readAll(), Strings{"in the next segment"});
}

void TestWalTail::reportsATornRecordWhenTheNextSegmentBegins()
{
    Log log;
    log.write("first");
    const std::uint64_t end = std::filesystem::file_size(log.segment(0));
    log.write(noise(1000, 1));
    std::filesystem::resize_file(log.segment(0), end + 500);
    QCOMPARE(log.readAll(), Strings{"first"});
    tsdb::SystemFileLayer files;
    const auto next = *tsdb::WalWriter::create(files, log.directory.path(), 1, kSegmentBytes,
                                               [](const std::shared_ptr<tsdb::AppendFile>&) {});
    const tsdb::WalRecord record{"second"};
    QVERIFY(next->log({&record, 1}).ok());
    absl::Status status;
    QCOMPARE(log.readAll(status), Strings{});
    QCOMPARE(status.code(), absl::StatusCode::kDataLoss);
    QCOMPARE(log.readAll(), Strings{"second"});
}

void TestWalTail::reportsSegmentsThatWereDeleted()
{
    Log log(3);
    log.write("third");
    absl::Status status;
    QCOMPARE(log.readAll(status), Strings{});
    QCOMPARE(status.code(), absl::StatusCode::kOutOfRange);
    QVERIFY(status.message().find("segments 0 to 2") != absl::string_view::npos);
    QCOMPARE(log.readAll(), Strings{"third"});
}

QTEST_GUILESS_MAIN(TestWalTail)
#include "tst_wal_tail.moc"
