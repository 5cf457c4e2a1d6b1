// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"

#include <QtTest>

#include <fcntl.h>
#include <limits>

using namespace narthex::base;

class TestCodec : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void roundTripsIntegers();
    void failsOnAnOverlongVarint();
    void failsPastTheEndAndStaysFailed();
    void checksumsAreCastagnoli();
    void knowsValidUtf8();
    void replacesFilesAtomically();
    void aSecondLockNamesTheHolder();
};

void TestCodec::roundTripsIntegers()
{
    const std::vector<std::int64_t> values = {0,
                                              1,
                                              -1,
                                              63,
                                              -64,
                                              64,
                                              1700000000000,
                                              std::numeric_limits<std::int64_t>::max(),
                                              std::numeric_limits<std::int64_t>::min()};
    for (const std::int64_t value : values) {
        std::string bytes;
        appendVarint(bytes, value);
        appendUvarint(bytes, static_cast<std::uint64_t>(value));
        appendBigEndian(bytes, static_cast<std::uint64_t>(value));
        ByteReader reader(bytes);
        QCOMPARE(reader.varint(), value);
        QCOMPARE(reader.uvarint(), static_cast<std::uint64_t>(value));
        QCOMPARE(reader.u64(), static_cast<std::uint64_t>(value));
        QVERIFY(reader.ok());
        QCOMPARE(reader.remaining(), std::size_t{0});
    }
}

void TestCodec::failsOnAnOverlongVarint()
{
    ByteReader reader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    reader.uvarint();
    QVERIFY(!reader.ok());
}

void TestCodec::failsPastTheEndAndStaysFailed()
{
    ByteReader reader("abc");
    QCOMPARE(reader.u32(), 0U);
    QCOMPARE(int(reader.u8()), 0);
    QVERIFY(!reader.ok());
}

void TestCodec::checksumsAreCastagnoli()
{
    QCOMPARE(crc32c("123456789"), 0xE3069283U);
    QCOMPARE(crc32c("6789", crc32c("12345")), 0xE3069283U);
    QCOMPARE(crc32c(""), 0U);
}

void TestCodec::knowsValidUtf8()
{
    QVERIFY(isValidUtf8("Grüße 日本 🙂"));
    QVERIFY(!isValidUtf8("\xc0\x80"));
    QVERIFY(!isValidUtf8("\xed\xa0\x80"));
    QVERIFY(!isValidUtf8("\xf0\x9f"));
}

void TestCodec::replacesFilesAtomically()
{
    const TemporaryDirectory directory;
    const auto path = directory.path() / "file";
    QVERIFY(writeFileAtomically(path, "one").ok());
    QVERIFY(writeFileAtomically(path, "two").ok());
    QCOMPARE(readFile(path).value(), std::string("two"));
    QCOMPARE(readFile(directory.path() / "missing").status().code(), absl::StatusCode::kNotFound);
}

void TestCodec::aSecondLockNamesTheHolder()
{
    const TemporaryDirectory directory;
    const auto path = directory.path() / "lock";
    const auto first = FileLock::acquire(path);
    QVERIFY(first.ok());
    const auto second = FileLock::acquire(path);
    QVERIFY(!second.ok());
    const std::string message(second.status().message());
    QVERIFY2(message.find("tst_codec") != std::string::npos, message.c_str());
}

QTEST_GUILESS_MAIN(TestCodec)
#include "tst_codec.moc"
