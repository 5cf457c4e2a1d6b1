// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The requests and signatures are those that AWS publishes: its Signature Version 4 test suite, and
// the worked example of the IAM documentation.
#include "core/net/crypto.h"
#include "core/net/parameters.h"
#include "core/net/sigv4.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::net;

class TestSigV4 : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void signsAsPublished_data();
    void signsAsPublished();
    void signsTemporaryCredentials();
    void leavesChangingHeadersOut();
    void hashesAndEncodes();
};

void TestSigV4::signsAsPublished_data()
{
    QTest::addColumn<QString>("method");
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("service");
    QTest::addColumn<QString>("signature");
    const QString host = "https://example.amazonaws.com";
    const QString form = "application/x-www-form-urlencoded";
    QTest::newRow("get-vanilla")
        << "GET" << host + "/"
        << ""
        << ""
        << "service"
        << "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    QTest::newRow("get-vanilla-query-order-key-case")
        << "GET" << host + "/?Param2=value2&Param1=value1"
        << ""
        << ""
        << "service"
        << "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    QTest::newRow("get-utf8-query")
        << "GET" << host + "/?%E1%88%B4=bar"
        << ""
        << ""
        << "service"
        << "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04";
    QTest::newRow("post-vanilla")
        << "POST" << host + "/"
        << ""
        << ""
        << "service"
        << "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    QTest::newRow("post-x-www-form-urlencoded")
        << "POST" << host + "/" << form << "Param1=value1"
        << "service"
        << "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    QTest::newRow("IAM ListUsers")
        << "GET"
        << "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
        << form + "; charset=utf-8"
        << ""
        << "iam"
        << "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
}

namespace {

const SigV4Credentials kExample{.accessKey = "AKIDEXAMPLE",
                                .secretKey =
                                    base::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};
constexpr base::Timestamp kTime{1440938160000}; // 2015-08-30T12:36:00Z

std::string headerOf(const HttpRequest& request, std::string_view name)
{
    for (const auto& header : request.headers) {
        if (sameHeaderName(header.first, name)) {
            return header.second;
        }
    }
    return {};
}

} // namespace

void TestSigV4::signsAsPublished()
{
    QFETCH(QString, method);
    QFETCH(QString, url);
    QFETCH(QString, type);
    QFETCH(QString, body);
    QFETCH(QString, service);
    QFETCH(QString, signature);
    HttpRequest request{
        .method = method.toStdString(), .url = url.toStdString(), .body = body.toStdString()};
    if (!type.isEmpty()) {
        request.headers.emplace_back("Content-Type", type.toStdString());
    }
    QVERIFY(signSigV4(request, kExample, {"us-east-1", service.toStdString()}, kTime).ok());
    QCOMPARE(headerOf(request, "x-amz-date"), std::string("20150830T123600Z"));
    QCOMPARE(QString::fromStdString(headerOf(request, "Authorization")),
             QString("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/%1/aws4_request, "
                     "SignedHeaders=%2host;x-amz-date, Signature=%3")
                 .arg(service, QString(type.isEmpty() ? "" : "content-type;"), signature));
}

void TestSigV4::signsTemporaryCredentials()
{
    SigV4Credentials credentials = kExample;
    credentials.sessionToken = base::Secret(
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
        "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
        "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s"
        "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==");
    HttpRequest request{.method = "POST", .url = "https://example.amazonaws.com/"};
    QVERIFY(signSigV4(request, credentials, {"us-east-1", "service"}, kTime).ok());
    QCOMPARE(headerOf(request, "X-Amz-Security-Token"), credentials.sessionToken.reveal());
    const std::string authorization = headerOf(request, "Authorization");
    QVERIFY2(
        authorization.ends_with("SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
                                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
        authorization.c_str());
    // Once more gives the same: the old signature is replaced.
    HttpRequest again = request;
    QVERIFY(signSigV4(again, credentials, {"us-east-1", "service"}, kTime).ok());
    QCOMPARE(again.headers, request.headers);
}

void TestSigV4::leavesChangingHeadersOut()
{
    HttpRequest request{
        .url = "https://h:8443/a%20b//c?x=&y=%2F",
        .headers = {
            {"User-Agent", "a"}, {"uber-trace-id", "b"}, {"X-Two", " a   b "}, {"x-two", "c"}}};
    HttpRequest plain{.url = request.url, .headers = {{"X-TWO", "a b,c"}}};
    QVERIFY(signSigV4(request, kExample, {"r", "s"}, kTime).ok());
    QVERIFY(signSigV4(plain, kExample, {"r", "s"}, kTime).ok());
    QCOMPARE(headerOf(request, "Authorization"), headerOf(plain, "Authorization"));
    HttpRequest bad{.url = "nowhere"};
    QVERIFY(!signSigV4(bad, kExample, {"r", "s"}, kTime).ok());
}

void TestSigV4::hashesAndEncodes()
{
    QCOMPARE(hex(sha256("")),
             std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    // RFC 4231, case 2
    QCOMPARE(hex(hmacSha256("Jefe", "what do ya want for nothing?")),
             std::string("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    QCOMPARE(base64("fooba"), std::string("Zm9vYmE="));
    QCOMPARE(base64(""), std::string());
    QCOMPARE(base64Url("\xFB\xFF\xFE!"), std::string("-__-IQ"));
    QCOMPARE(randomHex(8).size(), std::size_t{16});
    QVERIFY(randomHex(8) != randomHex(8));
}

QTEST_GUILESS_MAIN(TestSigV4)
#include "tst_sigv4.moc"
