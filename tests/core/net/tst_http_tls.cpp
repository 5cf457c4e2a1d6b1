// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/certificates.h"
#include "support/http_ask.h"
#include "support/network_peer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

constexpr char kShow[] = "return 200 \"$server_protocol sni=$ssl_server_name host=$http_host "
                         "client=$ssl_client_s_dn $ssl_protocol\";";

} // namespace

/// Against a real nginx.
class TestHttpTls : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void trustsTheGivenAuthorityOnly();
    void takesTheAuthorityAsText();
    void refusesBadCertificates_data();
    void refusesBadCertificates();
    void skipsVerificationWhenTold();
    void usesServerNameForTheHandshakeAlone();
    void speaksHttp2UnlessSwitchedOff();
    void showsItsCertificate();
    void takesNewFilesWithoutReload();
    void keepsToVersions_data();
    void keepsToVersions();
    void checksFilesBeforehand_data();
    void checksFilesBeforehand();
    void authenticatesAgainstNginx();
    void fetchesTokensWithATlsOfTheirOwn();
    void followsRedirectsToHttps();

private:
    [[nodiscard]] HttpClientConfig trusting() const
    {
        return {.tls = {.ca = authority_.pem()}, .enableHttp2 = false};
    }
    [[nodiscard]] static std::string url(int port)
    {
        return "https://127.0.0.1:" + std::to_string(port) + "/";
    }
    void listen(std::string& servers, int& port, const std::string& pair,
                const std::string& options, const std::string& flags = "ssl http2");

    CertificateAuthority authority_{"Test Authority"};
    CertificateAuthority stranger_{"Stranger"};
    CertificatePair client_ = authority_.issue("scraper", "");
    NetworkPeer peer_;
    int good_ = 0;
    int named_ = 0;
    int expired_ = 0;
    int strange_ = 0;
    int wrongHost_ = 0;
    int clients_ = 0;
    int old_ = 0;
    int plain_ = 0;
    IoLoop loop_;
    HttpClient http_{loop_, "Narthex/test"};
};

void TestHttpTls::listen(std::string& servers, int& port, const std::string& pair,
                         const std::string& options, const std::string& flags)
{
    port = test::freePort();
    servers += fmt::format("server {{ listen 127.0.0.1:{} {}; ssl_certificate {}; "
                           "ssl_certificate_key {}; {} location / {{ {} }} }}\n",
                           port, flags, peer_.path(pair + ".crt"), peer_.path(pair + ".key"),
                           options, kShow);
}

void TestHttpTls::initTestCase()
{
    if (NetworkPeer::find("nginx").isEmpty()) {
        QSKIP("nginx is not in " NARTHEX_PEERS_DIR);
    }
    const auto store = [this](const std::string& name, const CertificatePair& pair) {
        peer_.write(name + ".crt", pair.certificate);
        peer_.write(name + ".key", pair.key);
    };
    store("good", authority_.issue("good", "IP:127.0.0.1"));
    store("named", authority_.issue("named", "DNS:metrics.example"));
    store("expired", authority_.issue("expired", "IP:127.0.0.1", -7200, -3600));
    store("strange", stranger_.issue("strange", "IP:127.0.0.1"));
    peer_.write("authority.crt", authority_.pem());
    peer_.write("users", "u:{PLAIN}p\n");
    std::string servers = "ssl_protocols TLSv1.2 TLSv1.3;\n";
    listen(servers, good_, "good", "");
    listen(servers, named_, "named", "");
    listen(servers, expired_, "expired", "");
    listen(servers, strange_, "strange", "");
    listen(servers, clients_, "good",
           "ssl_verify_client on; ssl_client_certificate " + peer_.path("authority.crt") +
               "; location = /token { default_type application/json; "
               "return 200 '{\"access_token\":\"of-tls\",\"expires_in\":60}'; }");
    listen(servers, old_, "good", "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;", "ssl");
    wrongHost_ = named_;
    plain_ = test::freePort();
    servers += fmt::format(
        "server {{ listen 127.0.0.1:{}; location = /redirect {{ return 302 {}; }}\n"
        "location / {{ auth_basic x; auth_basic_user_file {}; try_files none =204; }} }}\n",
        plain_, url(good_), peer_.path("users"));
    QVERIFY2(peer_.startNginx(servers, plain_), qPrintable(peer_.output()));
}

void TestHttpTls::trustsTheGivenAuthorityOnly()
{
    const base::TemporaryDirectory folder;
    const std::string path = folder.path().string() + "/ca.crt";
    QVERIFY(base::writeFileAtomically(path, authority_.pem()).ok());
    HttpClientConfig config;
    config.tls.caFile = path;
    const auto answer = ask(http_, {.url = url(good_)}, config);
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->status, 200);
    QVERIFY(answer->timing.tls.ns > 0);
}

void TestHttpTls::takesTheAuthorityAsText()
{
    QVERIFY(ask(http_, {.url = url(good_)}, trusting()).ok());
}

void TestHttpTls::refusesBadCertificates_data()
{
    QTest::addColumn<int>("port");
    QTest::addColumn<bool>("given");
    QTest::newRow("expired") << expired_ << true;
    QTest::newRow("unknown authority") << strange_ << true;
    QTest::newRow("wrong host") << wrongHost_ << true;
    QTest::newRow("the system's authorities") << good_ << false;
}

void TestHttpTls::refusesBadCertificates()
{
    QFETCH(int, port);
    QFETCH(bool, given);
    const auto answer = ask(http_, {.url = url(port)}, given ? trusting() : HttpClientConfig{});
    const std::string message = messageOfFailure(answer);
    QVERIFY2(message.starts_with("Get \"" + url(port) + "\": TLS: "), message.c_str());
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Tls));
}

void TestHttpTls::skipsVerificationWhenTold()
{
    HttpClientConfig config;
    config.tls.insecureSkipVerify = true;
    for (const int port : {expired_, strange_, wrongHost_}) {
        QVERIFY(ask(http_, {.url = url(port)}, config).ok());
    }
}

void TestHttpTls::usesServerNameForTheHandshakeAlone()
{
    for (const bool http2 : {false, true}) {
        HttpClientConfig config = trusting();
        config.enableHttp2 = http2;
        config.tls.serverName = "metrics.example";
        const auto answer = ask(http_, {.url = url(named_)}, config);
        QVERIFY2(answer.ok(), answer.status().ToString().c_str());
        const std::string expected = fmt::format(
            "sni=metrics.example host={}", http2 ? "" : "127.0.0.1:" + std::to_string(named_));
        QVERIFY2(answer->body.find(expected) != std::string::npos, answer->body.c_str());
        config.tls.serverName = "other.example";
        QCOMPARE(int(transportErrorOf(ask(http_, {.url = url(named_)}, config).status())),
                 int(TransportError::Tls));
    }
}

void TestHttpTls::speaksHttp2UnlessSwitchedOff()
{
    HttpClientConfig config = trusting();
    QVERIFY(ask(http_, {.url = url(good_)}, config)->body.starts_with("HTTP/1.1 "));
    config.enableHttp2 = true;
    const auto answer = ask(http_, {.url = url(good_)}, config);
    QVERIFY2(answer->body.starts_with("HTTP/2.0 "), answer->body.c_str());
    QCOMPARE(answer->reason, std::string("OK"));
}

void TestHttpTls::showsItsCertificate()
{
    HttpClientConfig config = trusting();
    QCOMPARE(ask(http_, {.url = url(clients_)}, config)->status, 400);
    config.tls.cert = client_.certificate;
    config.tls.key = base::Secret(client_.key);
    const auto answer = ask(http_, {.url = url(clients_)}, config);
    QVERIFY2(answer->body.find("client=CN=scraper") != std::string::npos, answer->body.c_str());
}

void TestHttpTls::takesNewFilesWithoutReload()
{
    const base::TemporaryDirectory folder;
    const auto path = [&folder](const std::string& name) {
        return folder.path().string() + "/" + name;
    };
    const auto store = [&](const CertificatePair& pair) {
        return base::writeFileAtomically(path("c"), pair.certificate).ok() &&
               base::writeFileAtomically(path("k"), pair.key).ok();
    };
    HttpClientConfig config;
    config.enableHttp2 = false;
    config.tls = {.caFile = path("ca"), .certFile = path("c"), .keyFile = path("k")};
    QVERIFY(base::writeFileAtomically(path("ca"), authority_.pem()).ok());
    QVERIFY(store(client_));
    const auto shared = std::make_shared<const HttpClientConfig>(config);
    const auto body = [&] {
        const auto answer = ask(http_, {.url = url(clients_)}, *shared);
        return answer.ok() ? answer->body : messageOfFailure(answer);
    };
    QVERIFY(body().find("client=CN=scraper") != std::string::npos);
    QVERIFY(store(authority_.issue("renewed", "")));
    QVERIFY2(body().find("client=CN=renewed") != std::string::npos, body().c_str());
    // An authority that does not know the server ends the trust in connections that are open.
    QVERIFY(base::writeFileAtomically(path("ca"), stranger_.pem()).ok());
    QVERIFY2(body().find("TLS: ") != std::string::npos, body().c_str());
    QVERIFY(base::removePath(path("ca")).ok());
    QVERIFY2(body().starts_with("unable to read CA cert: unable to read file " + path("ca")),
             body().c_str());
    QVERIFY(base::writeFileAtomically(path("ca"), authority_.pem()).ok());
    QVERIFY(body().find("client=CN=renewed") != std::string::npos);
}

void TestHttpTls::keepsToVersions_data()
{
    QTest::addColumn<int>("port");
    QTest::addColumn<QString>("minimum");
    QTest::addColumn<QString>("maximum");
    QTest::addColumn<QString>("used");
    QTest::newRow("default") << good_ << ""
                             << ""
                             << "TLSv1.3";
    QTest::newRow("at most 1.2") << good_ << ""
                                 << "TLS12"
                                 << "TLSv1.2";
    QTest::newRow("at least 1.3") << good_ << "TLS13"
                                  << ""
                                  << "TLSv1.3";
    QTest::newRow("old server, default") << old_ << ""
                                         << ""
                                         << "";
    QTest::newRow("old server, allowed") << old_ << "TLS10"
                                         << ""
                                         << "TLSv1.1";
    QTest::newRow("old server, only 1.0") << old_ << "TLS10"
                                          << "TLS10"
                                          << "";
}

void TestHttpTls::keepsToVersions()
{
    QFETCH(int, port);
    QFETCH(QString, minimum);
    QFETCH(QString, maximum);
    QFETCH(QString, used);
    HttpClientConfig config = trusting();
    config.tls.minVersion = minimum.toStdString();
    config.tls.maxVersion = maximum.toStdString();
    const auto answer = ask(http_, {.url = url(port)}, config);
    if (used.isEmpty()) {
        QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Tls));
    } else {
        QVERIFY2(answer.ok(), answer.status().ToString().c_str());
        QVERIFY2(answer->body.ends_with(" " + used.toStdString()), answer->body.c_str());
    }
}

void TestHttpTls::checksFilesBeforehand_data()
{
    QTest::addColumn<QString>("ca");
    QTest::addColumn<QString>("cert");
    QTest::addColumn<QString>("key");
    QTest::addColumn<QString>("message");
    const QString dir = QString::fromStdString(peer_.path(""));
    QTest::newRow("fine") << dir + "authority.crt" << dir + "good.crt" << dir + "good.key"
                          << "";
    QTest::newRow("no CA") << dir + "none"
                           << ""
                           << ""
                           << "unable to read CA cert: unable to read file " + dir + "none: ";
    QTest::newRow("CA is a key") << dir + "good.key"
                                 << ""
                                 << ""
                                 << "unable to use specified CA cert " + dir + "good.key";
    QTest::newRow("no cert") << "" << dir + "none" << dir + "good.key"
                             << "unable to read specified client cert: unable to read file ";
    QTest::newRow("no key") << "" << dir + "good.crt" << dir + "none"
                            << "unable to read specified client key: unable to read file ";
    QTest::newRow("no pair") << "" << dir + "good.crt" << dir + "named.key"
                             << "unable to use specified client cert (" + dir +
                                    "good.crt) & key (" + dir +
                                    "named.key): private key does not match public key";
    QTest::newRow("key is a cert") << "" << dir + "good.crt" << dir + "good.crt"
                                   << "unable to use specified client cert (" + dir +
                                          "good.crt) & key (" + dir + "good.crt): ";
}

void TestHttpTls::checksFilesBeforehand()
{
    QFETCH(QString, ca);
    QFETCH(QString, cert);
    QFETCH(QString, key);
    QFETCH(QString, message);
    HttpClientConfig config;
    config.tls = {
        .caFile = ca.toStdString(), .certFile = cert.toStdString(), .keyFile = key.toStdString()};
    const absl::Status status = checkFiles(config);
    const auto text = QString::fromStdString(std::string(base::messageOf(status)));
    QCOMPARE(status.ok(), message.isEmpty());
    QVERIFY2(text.startsWith(message), qPrintable(text));
    HttpClientConfig viaToken;
    viaToken.oauth2 = OAuth2Config{.tls = config.tls};
    QCOMPARE(checkFiles(viaToken).ok(), message.isEmpty());
}

void TestHttpTls::authenticatesAgainstNginx()
{
    const std::string page = "http://127.0.0.1:" + std::to_string(plain_) + "/x";
    HttpClientConfig config;
    QCOMPARE(ask(http_, {.url = page}, config)->status, 401);
    config.basicAuth = BasicAuth{.username = "u", .password = base::Secret("p")};
    QCOMPARE(ask(http_, {.url = page}, config)->status, 204);
    config.basicAuth->password = base::Secret("q");
    QCOMPARE(ask(http_, {.url = page}, config)->status, 401);
}

void TestHttpTls::fetchesTokensWithATlsOfTheirOwn()
{
    ScriptedServer resource;
    resource.answerWith("GET /x", {.body = "fine"});
    HttpClientConfig config; // the resource itself needs none
    config.oauth2 = OAuth2Config{.clientId = "id",
                                 .clientSecret = base::Secret("s"),
                                 .tokenUrl = url(clients_) + "token",
                                 .tls = {.ca = authority_.pem(),
                                         .cert = client_.certificate,
                                         .key = base::Secret(client_.key)}};
    const auto answer = ask(http_, {.url = resource.url() + "/x"}, config);
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(std::string(resource.last("GET /x").header("Authorization")),
             std::string("Bearer of-tls"));
    config.oauth2->clientId = "other"; // another token
    config.oauth2->tls.ca = stranger_.pem();
    const std::string why = messageOfFailure(ask(http_, {.url = resource.url() + "/x"}, config));
    QVERIFY2(why.find("certificate") != std::string::npos, why.c_str());
    QCOMPARE(resource.count("GET /x"), std::size_t{1});
}

void TestHttpTls::followsRedirectsToHttps()
{
    const std::string page = "http://127.0.0.1:" + std::to_string(plain_) + "/redirect";
    const auto answer = ask(http_, {.url = page}, trusting());
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->status, 200);
    QVERIFY2(answer->body.ends_with(" TLSv1.3"), answer->body.c_str());
}

QTEST_GUILESS_MAIN(TestHttpTls)
#include "tst_http_tls.moc"
