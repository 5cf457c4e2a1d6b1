// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/net/content_encoding.h"
#include "core/net/http_client.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::net;

namespace {

std::string unpacked(const std::string& bytes, ContentCoding coding)
{
    if (coding == ContentCoding::Gzip) {
        std::string out;
        base::ignore(inflateGzip(bytes, 0, out), "empty then");
        return out;
    }
    // Qt wants the length first; it is a hint.
    QByteArray zlib = QByteArray::fromHex("00010000");
    zlib.append(bytes.data(), static_cast<qsizetype>(bytes.size()));
    return qUncompress(zlib).toStdString();
}

/// Everything that a stream gives.
absl::StatusOr<std::string> drained(const BodyStream& stream, int& pieces)
{
    std::string all;
    absl::Status failed;
    bool over = false;
    while (!over) {
        stream([&](absl::StatusOr<std::string> piece) {
            failed = piece.status();
            over = !piece.ok() || piece->empty();
            all += piece.ok() ? *piece : std::string();
            ++pieces;
        });
    }
    return failed.ok() ? absl::StatusOr<std::string>(all) : failed;
}

} // namespace

class TestContentEncoding : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void choosesACoding_data();
    void choosesACoding();
    void compressesWholeBodies();
    void compressesStreams_data();
    void compressesStreams();
    void passesErrorsOfStreamsOn();
    void leavesOthersAlone();
};

void TestContentEncoding::choosesACoding_data()
{
    QTest::addColumn<QByteArray>("accepted");
    QTest::addColumn<QByteArray>("api");
    QTest::addColumn<bool>("metrics");
    QTest::newRow("nothing") << QByteArray() << QByteArray() << false;
    QTest::newRow("gzip") << QByteArray("gzip") << QByteArray("gzip") << true;
    QTest::newRow("deflate") << QByteArray("deflate") << QByteArray("deflate") << false;
    QTest::newRow("the first known one") << QByteArray("br, gzip") << QByteArray("gzip") << true;
    QTest::newRow("in order") << QByteArray("deflate,gzip") << QByteArray("deflate") << true;
    QTest::newRow("weights are not understood by the API")
        << QByteArray("gzip;q=1.0") << QByteArray() << true;
    QTest::newRow("weight nought") << QByteArray("gzip;q=0") << QByteArray() << false;
    QTest::newRow("weight nought with decimals")
        << QByteArray("gzip; q=0.000") << QByteArray() << false;
    QTest::newRow("anything") << QByteArray("*") << QByteArray() << true;
    QTest::newRow("case counts") << QByteArray("GZIP") << QByteArray() << false;
    QTest::newRow("blanks") << QByteArray(" \t gzip \t ,") << QByteArray("gzip") << true;
    QTest::newRow("a longer word") << QByteArray("gzipped") << QByteArray() << false;
}

void TestContentEncoding::choosesACoding()
{
    QFETCH(const QByteArray, accepted);
    QFETCH(const QByteArray, api);
    QFETCH(const bool, metrics);
    const std::string_view name = codingName(codingForApi(accepted.toStdString()));
    QCOMPARE(QByteArray(name.data(), static_cast<qsizetype>(name.size())), api);
    QCOMPARE(takesGzip(accepted.toStdString()), metrics);
}

void TestContentEncoding::compressesWholeBodies()
{
    for (const ContentCoding coding : {ContentCoding::Gzip, ContentCoding::Deflate}) {
        ServerResponse response{.body = "a short text"};
        compress(response, coding);
        QCOMPARE(response.headers.size(), std::size_t{1});
        QCOMPARE(response.headers[0].second, std::string(codingName(coding)));
        QCOMPARE(unpacked(response.body, coding), std::string("a short text"));
    }
}

void TestContentEncoding::compressesStreams_data()
{
    QTest::addColumn<int>("coding");
    QTest::newRow("gzip") << int(ContentCoding::Gzip);
    QTest::newRow("deflate") << int(ContentCoding::Deflate);
}

void TestContentEncoding::compressesStreams()
{
    QFETCH(const int, coding);
    auto left = std::make_shared<int>(3);
    ServerResponse response{.body = "begin ", .stream = [left](BodyPiece take) {
                                take(*left == 0
                                         ? std::string()
                                         : std::string(50'000, static_cast<char>('a' + (*left)--)));
                            }};
    compress(response, ContentCoding(coding));
    QVERIFY(response.body.empty());
    int pieces = 0;
    const auto bytes = drained(response.stream, pieces);
    QVERIFY(bytes.ok());
    QVERIFY(bytes->size() < 5000);
    QCOMPARE(pieces, 6); // the beginning, three, the end of the format, the end
    QCOMPARE(unpacked(*bytes, ContentCoding(coding)), "begin " + std::string(50'000, 'd') +
                                                          std::string(50'000, 'c') +
                                                          std::string(50'000, 'b'));
}

void TestContentEncoding::passesErrorsOfStreamsOn()
{
    ServerResponse response{
        .stream = [](BodyPiece take) { take(base::unavailable("the disk is gone")); }};
    compress(response, ContentCoding::Gzip);
    int pieces = 0;
    QVERIFY(absl::IsUnavailable(drained(response.stream, pieces).status()));
}

void TestContentEncoding::leavesOthersAlone()
{
    ServerResponse empty{.status = 204};
    compress(empty, ContentCoding::Gzip);
    QVERIFY(empty.headers.empty());
    ServerResponse packed{.body = "xyz", .headers = {{"content-encoding", "zstd"}}};
    compress(packed, ContentCoding::Gzip);
    QCOMPARE(packed.body, std::string("xyz"));
    ServerResponse plain{.body = "xyz"};
    compress(plain, ContentCoding::Identity);
    QCOMPARE(plain.body, std::string("xyz"));
}

QTEST_GUILESS_MAIN(TestContentEncoding)
#include "tst_content_encoding.moc"
