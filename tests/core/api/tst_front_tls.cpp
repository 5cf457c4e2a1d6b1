// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "front_world.h"

#include "support/certificates.h"

#include <QProcess>
#include <QStandardPaths>
#include <QtTest>

using namespace narthex;
using namespace narthex::test;

namespace {

/// A front with TLS, and curl to ask it.
struct TlsWorld
{
    explicit TlsWorld(const std::string& more = {}) { start(more); }

    void write(const std::string& name, const std::string& text) const
    {
        base::ignore(base::writeFileAtomically(folder.path() / name, text), "the handshake tells");
    }
    void start(const std::string& more)
    {
        write("ca.pem", authority.pem());
        const auto server = authority.issue("localhost", "IP:127.0.0.1");
        write("cert.pem", server.certificate);
        write("key.pem", server.key);
        const std::string at = folder.path().string();
        front = std::make_unique<FrontWorld>(
            api::FrontOptions{},
            fmt::format("tls_server_config:\n  cert_file: {0}/cert.pem\n  key_file: {0}/key.pem\n",
                        at) +
                fmt::format(fmt::runtime(more), at));
    }
    /// What curl gets from /-/healthy; "exit N" when it fails.
    [[nodiscard]] QString ask(QStringList arguments = {}, bool trust = true) const
    {
        QProcess curl;
        arguments << "-sS"
                  << "--max-time"
                  << "20" << QStringLiteral("https://127.0.0.1:%1/-/healthy").arg(front->port());
        if (trust) {
            arguments << "--cacert" << file("ca.pem");
        }
        curl.start("curl", arguments);
        curl.waitForFinished();
        return curl.exitCode() == 0 ? QString::fromUtf8(curl.readAllStandardOutput())
                                    : QStringLiteral("exit %1").arg(curl.exitCode());
    }
    [[nodiscard]] QString file(const std::string& name) const
    {
        return QString::fromStdString((folder.path() / name).string());
    }
    /// Arguments of curl for a certificate of its own.
    QStringList client(const tests::CertificateAuthority& by, const std::string& names) const
    {
        const auto pair = by.issue("client", names);
        write("client.pem", pair.certificate);
        write("client.key", pair.key);
        return {"--cert", file("client.pem"), "--key", file("client.key")};
    }

    base::TemporaryDirectory folder;
    tests::CertificateAuthority authority{"Test authority"};
    std::unique_ptr<FrontWorld> front;
};

const QString kHealthy = "Narthex is Healthy.\n";

} // namespace

class TestFrontTls : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void speaksTls();
    void offersHttp11Only();
    void takesNewCertificatesWithoutARestart();
    void keepsToItsVersions();
    void keepsToItsCiphers();
    void asksForCertificates_data();
    void asksForCertificates();
    void aBrokenFileFailsTheHandshake();
    void plainBytesGetNoAnswer();
};

void TestFrontTls::initTestCase()
{
    if (QStandardPaths::findExecutable("curl").isEmpty()) {
        QSKIP("curl is not there");
    }
}

void TestFrontTls::speaksTls()
{
    const TlsWorld world;
    QCOMPARE(world.ask(), kHealthy);
    QCOMPARE(world.ask({}, false), QString("exit 60")); // an authority that curl does not know
    QVERIFY(!world.front->front().authenticates());
}

void TestFrontTls::offersHttp11Only()
{
    const TlsWorld world;
    QCOMPARE(world.ask({"--http2", "-w", "%{http_version}"}), kHealthy + "1.1");
    QCOMPARE(world.ask({"--http1.1", "-w", "%{http_version}"}), kHealthy + "1.1");
}

void TestFrontTls::takesNewCertificatesWithoutARestart()
{
    const TlsWorld world;
    QCOMPARE(world.ask(), kHealthy);
    const tests::CertificateAuthority other("Another authority");
    const auto pair = other.issue("localhost", "IP:127.0.0.1");
    world.write("cert.pem", pair.certificate);
    // Between the two files nothing fits, and nobody gets in.
    QVERIFY(world.ask().startsWith("exit "));
    world.write("key.pem", pair.key);
    QCOMPARE(world.ask(), QString("exit 60"));
    world.write("ca.pem", other.pem());
    QCOMPARE(world.ask(), kHealthy);
}

void TestFrontTls::keepsToItsVersions()
{
    const TlsWorld world("  max_version: TLS12\n");
    QCOMPARE(world.ask(), kHealthy);
    QVERIFY(world.ask({"--tlsv1.3"}).startsWith("exit "));
    const TlsWorld newest("  min_version: TLS13\n");
    QCOMPARE(newest.ask(), kHealthy);
    QVERIFY(newest.ask({"--tls-max", "1.2"}).startsWith("exit "));
}

void TestFrontTls::keepsToItsCiphers()
{
    const TlsWorld world("  max_version: TLS12\n"
                         "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"
                         "  curve_preferences: [CurveP384]\n");
    QCOMPARE(world.ask({"--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"}), kHealthy);
    QVERIFY(world.ask({"--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"}).startsWith("exit "));
    QVERIFY(world.ask({"--curves", "P-256"}).startsWith("exit "));
}

void TestFrontTls::asksForCertificates_data()
{
    QTest::addColumn<QByteArray>("policy");
    QTest::addColumn<bool>("none");
    QTest::addColumn<bool>("known");
    QTest::addColumn<bool>("unknown");
    const std::string ca = "  client_ca_file: {}/ca.pem\n";
    const auto row = [](const char* name, const std::string& more, bool none, bool known,
                        bool unknown) {
        QTest::newRow(name) << QByteArray::fromStdString(
                                   fmt::format("  client_auth_type: {}\n", name) + more)
                            << none << known << unknown;
    };
    row("NoClientCert", "", true, true, true);
    row("RequestClientCert", "", true, true, true);
    row("RequireAnyClientCert", "", false, true, true);
    row("RequireClientCert", ca, false, true, true);
    row("VerifyClientCertIfGiven", ca, true, true, false);
    row("RequireAndVerifyClientCert", ca, false, true, false);
    QTest::newRow("a name that is allowed")
        << QByteArray::fromStdString("  client_auth_type: RequireAndVerifyClientCert\n" + ca +
                                     "  client_allowed_sans: [other, client.example]\n")
        << false << true << false;
    QTest::newRow("an address that is allowed")
        << QByteArray::fromStdString("  client_auth_type: RequireAndVerifyClientCert\n" + ca +
                                     "  client_allowed_sans: ['10.0.0.7']\n")
        << false << true << false;
    QTest::newRow("a name that is not allowed")
        << QByteArray::fromStdString("  client_auth_type: RequireAndVerifyClientCert\n" + ca +
                                     "  client_allowed_sans: [other.example]\n")
        << false << false << false;
}

void TestFrontTls::asksForCertificates()
{
    QFETCH(const QByteArray, policy);
    QFETCH(const bool, none);
    QFETCH(const bool, known);
    QFETCH(const bool, unknown);
    const TlsWorld world(policy.toStdString());
    const std::string names = "DNS:client.example,IP:10.0.0.7";
    QCOMPARE(world.ask() == kHealthy, none);
    QCOMPARE(world.ask(world.client(world.authority, names)) == kHealthy, known);
    const tests::CertificateAuthority stranger("A stranger");
    QCOMPARE(world.ask(world.client(stranger, names)) == kHealthy, unknown);
    QCOMPARE(world.front->front().authenticates(), !none);
}

void TestFrontTls::aBrokenFileFailsTheHandshake()
{
    const TlsWorld world;
    QCOMPARE(world.ask(), kHealthy);
    world.front->configure("nonsense: 1\n");
    QVERIFY(world.ask().startsWith("exit "));
}

void TestFrontTls::plainBytesGetNoAnswer()
{
    const TlsWorld world;
    tests::RawClient client(world.front->port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    QVERIFY(client.readAll().find("HTTP/1.1") == std::string::npos);
    QCOMPARE(world.ask(), kHealthy);
}

QTEST_GUILESS_MAIN(TestFrontTls)
#include "tst_front_tls.moc"
