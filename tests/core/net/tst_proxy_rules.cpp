// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/proxy_rules.h"

#include <QtTest>

#include <map>

using namespace narthex::net;

class TestProxyRules : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void decidesByHost_data();
    void decidesByHost();
    void readsTheEnvironment();
    void aFixedProxyTakesLocalhostToo();
    void refusesUrlsThatAreNone_data();
    void refusesUrlsThatAreNone();
    void takesUrlsApart();
};

void TestProxyRules::decidesByHost_data()
{
    QTest::addColumn<QString>("list");
    QTest::addColumn<QString>("url");
    QTest::addColumn<bool>("direct");
    QTest::newRow("name itself") << "example.org"
                                 << "http://example.org/x" << true;
    QTest::newRow("name below") << "example.org"
                                << "http://a.example.org/x" << true;
    QTest::newRow("name that only ends alike") << "example.org"
                                               << "http://badexample.org" << false;
    QTest::newRow("dot: below") << ".example.org"
                                << "http://a.example.org" << true;
    QTest::newRow("dot: not itself") << ".example.org"
                                     << "http://example.org" << false;
    QTest::newRow("star dot: below") << "*.example.org"
                                     << "http://a.example.org" << true;
    QTest::newRow("star dot: not itself") << "*.example.org"
                                          << "http://example.org" << false;
    QTest::newRow("case and blanks") << " a.org , EXAMPLE.org"
                                     << "http://Example.ORG" << true;
    QTest::newRow("port fits") << "example.org:8080"
                               << "http://example.org:8080" << true;
    QTest::newRow("port differs") << "example.org:8080"
                                  << "http://example.org:8081" << false;
    QTest::newRow("default port") << "example.org:443"
                                  << "https://example.org" << true;
    QTest::newRow("everything") << "a,*"
                                << "http://example.org" << true;
    QTest::newRow("address") << "10.1.2.3"
                             << "http://10.1.2.3:9100" << true;
    QTest::newRow("other address") << "10.1.2.3"
                                   << "http://10.1.2.4:9100" << false;
    QTest::newRow("address with port") << "10.1.2.3:9100"
                                       << "http://10.1.2.3:9100" << true;
    QTest::newRow("address with other port") << "10.1.2.3:80"
                                             << "http://10.1.2.3:9100" << false;
    QTest::newRow("network") << "10.0.0.0/9"
                             << "http://10.127.0.1" << true;
    QTest::newRow("outside of it") << "10.0.0.0/9"
                                   << "http://10.128.0.1" << false;
    QTest::newRow("IPv6 network") << "2001:db8::/32"
                                  << "http://[2001:db8::5]:80" << true;
    QTest::newRow("IPv6 address") << "[2001:db8::5]:80"
                                  << "http://[2001:db8::5]" << true;
    QTest::newRow("IPv6 other") << "2001:db8::5"
                                << "http://[2001:db8::6]" << false;
    QTest::newRow("localhost") << "a.org"
                               << "http://localhost:9090" << true;
    QTest::newRow("loopback") << "a.org"
                              << "http://127.3.2.1" << true;
    QTest::newRow("IPv6 loopback") << "a.org"
                                   << "http://[::1]" << true;
    QTest::newRow("network that is none") << "10.0.0.0/33"
                                          << "http://10.0.0.1" << false;
}

void TestProxyRules::decidesByHost()
{
    QFETCH(QString, list);
    QFETCH(QString, url);
    QFETCH(bool, direct);
    const ProxyRules rules(ProxyConfig{.url = "http://proxy:3128", .noProxy = list.toStdString()},
                           {});
    const auto parsed = parseUrl(url.toStdString());
    QVERIFY(parsed.ok());
    QCOMPARE(rules.proxyFor(*parsed), std::string(direct ? "" : "http://proxy:3128"));
}

void TestProxyRules::readsTheEnvironment()
{
    const std::map<std::string, std::string> variables{{"HTTP_PROXY", "upper:3128"},
                                                       {"http_proxy", "http://lower:1"},
                                                       {"https_proxy", "socks5://lower:1080"},
                                                       {"no_proxy", "example.org"}};
    const auto environment = ProxyEnvironment::read([&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    });
    const ProxyRules rules(ProxyConfig{.fromEnvironment = true}, environment);
    QCOMPARE(rules.proxyFor(*parseUrl("http://a.org")), std::string("http://upper:3128"));
    QCOMPARE(rules.proxyFor(*parseUrl("https://a.org")), std::string("socks5://lower:1080"));
    QCOMPARE(rules.proxyFor(*parseUrl("http://x.example.org")), std::string());
    QCOMPARE(rules.proxyFor(*parseUrl("http://localhost")), std::string());
    const ProxyRules none(ProxyConfig{}, environment);
    QCOMPARE(none.proxyFor(*parseUrl("http://a.org")), std::string());
}

void TestProxyRules::aFixedProxyTakesLocalhostToo()
{
    const ProxyRules rules(ProxyConfig{.url = "http://proxy:3128"}, {});
    QCOMPARE(rules.proxyFor(*parseUrl("http://localhost")), std::string("http://proxy:3128"));
}

void TestProxyRules::refusesUrlsThatAreNone_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("message");
    QTest::newRow("no scheme") << "a.org/x"
                               << "no scheme";
    QTest::newRow("no host") << "http:///x"
                             << "no host in request URL";
    QTest::newRow("port") << "http://a:b/x"
                          << "invalid port";
    QTest::newRow("blank") << "http://a/x y"
                           << "a blank or control character";
    QTest::newRow("bracket") << "http://[::1/x"
                             << "missing ']' in host";
    QTest::newRow("password") << "http://u:hunter2@a:b/"
                              << "invalid URL \"a:b/\"";
}

void TestProxyRules::refusesUrlsThatAreNone()
{
    QFETCH(QString, url);
    QFETCH(QString, message);
    const auto parsed = parseUrl(url.toStdString());
    QVERIFY(!parsed.ok());
    const auto text = QString::fromStdString(std::string(parsed.status().ToString()));
    QVERIFY2(text.contains(message), qPrintable(text));
    QVERIFY(!text.contains("hunter2"));
}

void TestProxyRules::takesUrlsApart()
{
    const auto url = parseUrl("HTTPS://us%40er:p%3Aw@[2001:DB8::1]:8443?a=1#part");
    QVERIFY(url.ok());
    QCOMPARE(url->user, std::string("us@er"));
    QCOMPARE(url->password, std::string("p:w"));
    QCOMPARE(url->host, std::string("2001:db8::1"));
    QCOMPARE(url->text(), std::string("https://[2001:db8::1]:8443/?a=1"));
    QCOMPARE(parseUrl("https://a")->portOrDefault(), std::string("443"));
    QCOMPARE(resolveUrl(*parseUrl("http://a.org/x/y?z"), "../b c")->text(),
             std::string("http://a.org/b%20c"));
    QCOMPARE(resolveUrl(*parseUrl("https://a.org/x"), "//b.org/")->text(),
             std::string("https://b.org/"));
}

QTEST_GUILESS_MAIN(TestProxyRules)
#include "tst_proxy_rules.moc"
