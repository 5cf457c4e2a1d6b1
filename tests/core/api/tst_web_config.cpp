// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/web_config.h"
#include "core/base/file.h"
#include "core/base/status.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::api;

namespace {

const std::string kPair = "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n";

} // namespace

class TestWebConfig : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsEveryKey();
    void refusesMistakes_data();
    void refusesMistakes();
    void readsTheFileAgainWhenItChanged();
};

void TestWebConfig::readsEveryKey()
{
    const auto config = parseWebConfig("/etc/web.yml", R"(
tls_server_config:
  cert_file: c.pem
  key_file: /k.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [a.example, 127.0.0.1]
  min_version: TLS11
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256, X25519]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: SAMEORIGIN
    Strict-Transport-Security: max-age=31536000
rate_limit:
  interval: 100ms
  burst: 20
basic_auth_users:
  alice: $2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW
)");
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    QVERIFY(config->usesTls());
    const net::ServerTls& tls = config->tls.tls;
    QCOMPARE(tls.certFile, std::string("/etc/c.pem"));
    QCOMPARE(tls.keyFile, std::string("/k.pem"));
    QCOMPARE(int(tls.clientAuth), int(net::ClientAuth::RequireAndVerify));
    QCOMPARE(tls.allowedNames.size(), std::size_t{2});
    QCOMPARE(tls.minVersion, std::string("TLS11"));
    QVERIFY(!tls.preferServerCiphers);
    QCOMPARE(config->rateLimit.interval.ms(), std::int64_t{100});
    QCOMPARE(config->rateLimit.burst, std::int64_t{20});
    QCOMPARE(config->users.size(), std::size_t{1});
    const auto empty = parseWebConfig("web.yml", "");
    QVERIFY(empty.ok() && !empty->usesTls() && empty->users.empty());
}

void TestWebConfig::refusesMistakes_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("message");
    const auto row = [](const char* name, const std::string& text, const char* message) {
        QTest::newRow(name) << QByteArray::fromStdString(text) << QByteArray(message);
    };
    row("unknown key", "foo: 1\n", "web.yml:1:1: field foo not found");
    row("unknown key below", kPair + "  certfile: x\n", "web.yml:4:3: field certfile not found");
    row("wrong type", "basic_auth_users: [a]\n", "web.yml:1:");
    row("plain-text password", "basic_auth_users:\n  bob: secret\n",
        "the password of \"bob\" is no bcrypt hash");
    row("a hash cut short", "basic_auth_users:\n  bob: $2y$10$QOauhQNbBCuQDKes6eFzPe\n",
        "is no bcrypt hash");
    row("X-Frame-Options: allow", "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
        "invalid value for X-Frame-Options. Expected one of: deny, sameorigin, but got: \"allow\"");
    row("unknown header", "http_server_config:\n  headers:\n    Server: mine\n",
        "HTTP header \"Server\" can not be configured");
    row("a header with a line end",
        "http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\r\\nX: y\"\n", "line end");
    row("no key", "tls_server_config:\n  cert_file: c.pem\n", "missing one of key or key_file");
    row("no certificate", "tls_server_config:\n  key_file: k.pem\n",
        "missing one of cert or cert_file");
    row("only a version", "tls_server_config:\n  min_version: TLS13\n",
        "missing one of cert or cert_file");
    row("both certificates", kPair + "  cert: x\n", "at most one of cert and cert_file");
    row("an authority without policy", kPair + "  client_ca_file: ca.pem\n",
        "without a client auth policy");
    row("an unknown policy", kPair + "  client_auth_type: Maybe\n", "Invalid ClientAuth: Maybe");
    row("names without need",
        kPair + "  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]\n",
        "client_allowed_sans needs client_auth_type");
    row("an unknown version", kPair + "  min_version: SSL3\n", "unknown TLS version: SSL3");
    row("versions the wrong way round", kPair + "  min_version: TLS13\n  max_version: TLS12\n",
        "max_version must be greater than or equal");
    row("an unknown cipher", kPair + "  cipher_suites: [ROT13]\n", "unknown cipher: ROT13");
    row("an unknown curve", kPair + "  curve_preferences: [Curve1]\n", "unknown curve: Curve1");
    row("a negative burst", "rate_limit:\n  burst: -1\n", "burst must not be negative");
    row("a bad interval", "rate_limit:\n  interval: soon\n", "web.yml:2:");
}

void TestWebConfig::refusesMistakes()
{
    QFETCH(const QByteArray, text);
    QFETCH(const QByteArray, message);
    const auto config = parseWebConfig("web.yml", text.toStdString());
    QVERIFY(!config.ok());
    const std::string told(base::messageOf(config.status()));
    QVERIFY2(told.find(message.toStdString()) != std::string::npos, told.c_str());
    QVERIFY2(told.find("secret") == std::string::npos, "passwords are not repeated");
}

void TestWebConfig::readsTheFileAgainWhenItChanged()
{
    const base::TemporaryDirectory folder;
    const auto path = folder.path() / "web.yml";
    WebConfigFile file(path.string());
    QVERIFY(absl::IsNotFound(file.current().status()));
    const auto write = [&](const std::string& text) {
        QVERIFY(base::writeFileAtomically(path, text).ok());
    };
    write("http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
    const auto first = file.current();
    QCOMPARE((*first)->http.headers.size(), std::size_t{1});
    QCOMPARE(file.current()->get(), first->get());
    write("nonsense: 1\n");
    QVERIFY(!file.current().ok());
    QVERIFY(!file.current().ok());
    write("{}\n");
    QVERIFY(file.current().ok());
    QVERIFY((*file.current())->http.headers.empty());
}

QTEST_GUILESS_MAIN(TestWebConfig)
#include "tst_web_config.moc"
