// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/certificates.h"
#include "support/http_ask.h"
#include "support/network_peer.h"
#include "support/raw_server.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

HttpClientConfig through(const std::string& proxy)
{
    HttpClientConfig config;
    config.proxy.url = proxy;
    return config;
}

/// A SOCKS5 server that answers the request itself, as if it were the host asked for.
void serveSocks(RawConnection& connection, std::string& host)
{
    const auto byte = [](const std::string& bytes, std::size_t i) {
        return static_cast<unsigned char>(bytes.at(i));
    };
    const std::string greeting = connection.read(2);
    connection.read(byte(greeting, 1));
    (void)connection.send(std::string("\x05\x00", 2));
    const std::string request = connection.read(5);
    if (byte(request, 3) == 3) { // a name
        host = connection.read(byte(request, 4));
    } else {
        host = "address";
        connection.read(3);
    }
    connection.read(2);
    (void)connection.send(std::string("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10));
    connection.readHead();
    (void)connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsocks");
    connection.waitForHangUp();
}

} // namespace

class TestHttpProxies : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void goesThroughAProxy();
    void fetchesTokensThroughAProxyOfTheirOwn();
    void tunnelsTlsThroughIt();
    void goesAroundItWhenTold();
    void sendsConnectHeadersToTheProxyAlone();
    void namesARefusalOfTheProxy();
    void letsSocksProxiesLookUpNames_data();
    void letsSocksProxiesLookUpNames();
    void verifiesTlsOfAProxy();
    void readsTheEnvironment();

private:
    [[nodiscard]] std::string proxy() const
    {
        return "http://127.0.0.1:" + std::to_string(proxyPort_);
    }
    CertificateAuthority authority_{"Test Authority"};
    ScriptedServer server_;
    NetworkPeer tinyproxy_;
    NetworkPeer nginx_;
    int proxyPort_ = 0;
    int tlsPort_ = 0;
    int tlsProxyPort_ = 0;
    IoLoop loop_;
    HttpClient http_{loop_, "Narthex/test"};
};

void TestHttpProxies::initTestCase()
{
    server_.answerWith("GET /x", {.body = "direct"});
    const QString program = NetworkPeer::find("tinyproxy");
    if (program.isEmpty() || NetworkPeer::find("nginx").isEmpty()) {
        QSKIP("tinyproxy and nginx are not in " NARTHEX_PEERS_DIR);
    }
    proxyPort_ = test::freePort();
    tlsPort_ = test::freePort();
    tlsProxyPort_ = test::freePort();
    tinyproxy_.write("tinyproxy.conf",
                     fmt::format("Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n"
                                 "Allow 127.0.0.1\nViaProxyName \"viaproxy\"\nConnectPort {}\n",
                                 proxyPort_, tlsPort_));
    QVERIFY2(tinyproxy_.start(
                 program, {"-d", "-c", QString::fromStdString(tinyproxy_.path("tinyproxy.conf"))},
                 proxyPort_),
             qPrintable(tinyproxy_.output()));
    const CertificatePair pair = authority_.issue("good", "IP:127.0.0.1");
    nginx_.write("crt", pair.certificate);
    nginx_.write("key", pair.key);
    const std::string tls = "ssl; ssl_certificate " + nginx_.path("crt") +
                            "; ssl_certificate_key " + nginx_.path("key") + ";";
    QVERIFY2(
        nginx_.startNginx(
            fmt::format("server {{ listen 127.0.0.1:{} {} location / {{ return 200 "
                        "\"tls secret=$http_x_secret\"; }} }}\nserver {{ listen 127.0.0.1:{} {} "
                        "location / {{ proxy_pass http://$http_host$request_uri; "
                        "add_header X-Through nginx; }} }}\n",
                        tlsPort_, tls, tlsProxyPort_, tls),
            tlsPort_),
        qPrintable(nginx_.output()));
}

void TestHttpProxies::goesThroughAProxy()
{
    const auto answer = ask(http_, {.url = server_.url() + "/x"}, through(proxy()));
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->body, std::string("direct"));
    const std::string via(server_.last("GET /x").header("Via"));
    QVERIFY2(via.find("viaproxy") != std::string::npos, via.c_str());
}

void TestHttpProxies::fetchesTokensThroughAProxyOfTheirOwn()
{
    server_.json("POST /token", "{\"access_token\":\"t\",\"expires_in\":60}");
    HttpClientConfig config;
    config.oauth2 = OAuth2Config{.clientId = "id",
                                 .clientSecret = base::Secret("s"),
                                 .tokenUrl = server_.url() + "/token",
                                 .proxy = {.url = proxy()}};
    const auto answer = ask(http_, {.url = server_.url() + "/x"}, config);
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QVERIFY(server_.last("POST /token").header("Via").find("viaproxy") != std::string_view::npos);
    QCOMPARE(server_.last("GET /x").header("Via"), std::string_view());
    QCOMPARE(server_.last("GET /x").header("Authorization"), std::string_view("Bearer t"));
}

void TestHttpProxies::tunnelsTlsThroughIt()
{
    HttpClientConfig config = through(proxy());
    config.tls.ca = authority_.pem();
    const auto answer =
        ask(http_, {.url = "https://127.0.0.1:" + std::to_string(tlsPort_)}, config);
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QVERIFY(answer->body.starts_with("tls"));
    // The proxy's own answer is not ours.
    QCOMPARE(answer->header("Proxy-agent"), std::string_view());
}

void TestHttpProxies::goesAroundItWhenTold()
{
    HttpClientConfig config = through("http://127.0.0.1:1");
    QVERIFY(!ask(http_, {.url = server_.url() + "/x"}, config).ok());
    config.proxy.noProxy = "10.0.0.0/8";
    // A list that exempts anything exempts loopback addresses, too.
    QVERIFY(ask(http_, {.url = server_.url() + "/x"}, config).ok());
}

void TestHttpProxies::sendsConnectHeadersToTheProxyAlone()
{
    std::string connect;
    const RawServer recorder([&](RawConnection& connection) {
        connect = connection.readHead();
        (void)connection.send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    });
    HttpClientConfig config = through(recorder.url());
    config.proxy.connectHeader["X-Secret"] = {base::Secret("one"), base::Secret("two")};
    config.headers["X-Own"].values = {"own"};
    const auto answer = ask(http_, {.url = "https://a.example/"}, config);
    QVERIFY2(messageOfFailure(answer).find("502") != std::string::npos,
             messageOfFailure(answer).c_str());
    QVERIFY(connect.starts_with("CONNECT a.example:443 HTTP/1.1\r\n"));
    QVERIFY(connect.find("X-Secret: one\r\nX-Secret: two\r\n") != std::string::npos);
    QVERIFY(connect.find("X-Own") == std::string::npos);
    if (proxyPort_ != 0) {
        config.proxy.url = proxy();
        config.tls.ca = authority_.pem();
        const auto tunnelled =
            ask(http_, {.url = "https://127.0.0.1:" + std::to_string(tlsPort_)}, config);
        QVERIFY2(tunnelled.ok(), tunnelled.status().ToString().c_str());
        QCOMPARE(tunnelled->body, std::string("tls secret="));
        QVERIFY(ask(http_, {.url = server_.url() + "/x"}, config).ok());
        QCOMPARE(server_.last("GET /x").header("X-Secret"), std::string_view());
        QCOMPARE(server_.last("GET /x").header("X-Own"), std::string_view("own"));
    }
}

void TestHttpProxies::namesARefusalOfTheProxy()
{
    const auto answer = ask(http_, {.url = "https://127.0.0.1:1/"}, through(proxy()));
    QVERIFY2(messageOfFailure(answer).find("403") != std::string::npos,
             messageOfFailure(answer).c_str());
}

void TestHttpProxies::letsSocksProxiesLookUpNames_data()
{
    QTest::addColumn<QString>("scheme");
    QTest::newRow("socks5") << "socks5://";
    QTest::newRow("socks5h") << "socks5h://";
}

void TestHttpProxies::letsSocksProxiesLookUpNames()
{
    QFETCH(QString, scheme);
    std::string host;
    const RawServer socks([&](RawConnection& connection) { serveSocks(connection, host); });
    const auto answer = ask(http_, {.url = "http://nowhere.example/"},
                            through(scheme.toStdString() + socks.address()));
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->body, std::string("socks"));
    QCOMPARE(host, std::string("nowhere.example"));
}

void TestHttpProxies::verifiesTlsOfAProxy()
{
    HttpClientConfig config = through("https://127.0.0.1:" + std::to_string(tlsProxyPort_));
    QCOMPARE(int(transportErrorOf(ask(http_, {.url = server_.url() + "/x"}, config).status())),
             int(TransportError::Tls));
    config.tls.ca = authority_.pem();
    const auto answer = ask(http_, {.url = server_.url() + "/x"}, config);
    QVERIFY2(answer.ok(), answer.status().ToString().c_str());
    QCOMPARE(answer->header("X-Through"), std::string_view("nginx"));
}

void TestHttpProxies::readsTheEnvironment()
{
    qputenv("http_proxy", QByteArray::fromStdString(proxy()));
    qputenv("NO_PROXY", "direct.example");
    HttpClient client(loop_, "Narthex/test");
    qunsetenv("http_proxy");
    qunsetenv("NO_PROXY");
    HttpClientConfig config;
    config.proxy.fromEnvironment = true;
    // Names that nobody knows: the proxy says so in its way, looking them up ourselves in another.
    QVERIFY(ask(client, {.url = "http://other.invalid/"}, config)->status >= 500);
    QCOMPARE(
        int(transportErrorOf(ask(client, {.url = "http://x.direct.example/"}, config).status())),
        int(TransportError::NameResolution));
    QVERIFY(ask(client, {.url = server_.url() + "/x"}, config).ok());
    QCOMPARE(server_.last("GET /x").header("Via"), std::string_view());
}

QTEST_GUILESS_MAIN(TestHttpProxies)
#include "tst_http_proxies.moc"
