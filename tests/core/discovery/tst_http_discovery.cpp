// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/discovery_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

std::string yamlFor(const std::string& url) { return "url: " + url + "/sd\n"; }

net::ServerResponse groupsAnswer(int count, const std::string& type = "application/json")
{
    std::string body = "[";
    for (int i = 0; i < count; ++i) {
        body += std::string(i == 0 ? "" : ",") + "{\"targets\":[\"h" + std::to_string(i) +
                ":9100\"],\"labels\":{\"rack\":\"r1\"}}";
    }
    return {.contentType = type, .body = body + "]"};
}

} // namespace

class TestHttpDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refusesUrlsThatAreNone_data();
    void refusesUrlsThatAreNone();
    void asksWithItsIntervalAndLabelsGroups();
    void judgesContentTypes_data();
    void judgesContentTypes();
    void emptiesGroupsThatAreGone();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();
    void printsWithoutSecrets();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestHttpDiscovery::refusesUrlsThatAreNone_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("missing") << "refresh_interval: 5s"
                             << "URL is missing";
    QTest::newRow("scheme") << "url: ftp://h/x"
                            << "URL scheme must be 'http' or 'https'";
    QTest::newRow("no scheme") << "url: host/x"
                               << "URL scheme must be 'http' or 'https'";
    QTest::newRow("host") << "url: http:///x"
                          << "host is missing in URL";
    QTest::newRow("unknown key") << "url: http://h\nurls: x"
                                 << "field urls not found in type";
}

void TestHttpDiscovery::refusesUrlsThatAreNone()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("http", yaml.toStdString()));
    QVERIFY2(error.contains(message), qPrintable(error));
    QVERIFY2(error.contains("test.yml:"), qPrintable(error));
}

void TestHttpDiscovery::asksWithItsIntervalAndLabelsGroups()
{
    server_.answerWith("GET /sd", groupsAnswer(2));
    const auto refresher = world_.refresher("http", yamlFor(server_.url()));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(groups.size(), std::size_t{2});
    QCOMPARE(groups[1].source, server_.url() + "/sd:1");
    auto labels = labelsOf(groups[1]);
    QCOMPARE(labels["__address__"], std::string("h1:9100"));
    QCOMPARE(labels["__meta_url"], server_.url() + "/sd");
    QCOMPARE(labels["rack"], std::string("r1"));
    const auto request = server_.last("GET /sd");
    QCOMPARE(std::string(request.header("X-Prometheus-Refresh-Interval-Seconds")),
             std::string("60"));
    QCOMPARE(std::string(request.header("Accept")), std::string("application/json"));
}

void TestHttpDiscovery::judgesContentTypes_data()
{
    QTest::addColumn<QString>("type");
    QTest::addColumn<bool>("fine");
    QTest::newRow("plain") << "application/json" << true;
    QTest::newRow("charset") << "application/json; charset=UTF-8" << true;
    QTest::newRow("quoted") << "application/json; charset=\"utf-8\"" << true;
    QTest::newRow("text") << "text/json" << false;
    QTest::newRow("latin") << "application/json; charset=latin1" << false;
}

void TestHttpDiscovery::judgesContentTypes()
{
    QFETCH(QString, type);
    QFETCH(bool, fine);
    server_.answerWith("GET /sd", groupsAnswer(1, type.toStdString()));
    const auto refresher = world_.refresher("http", yamlFor(server_.url()));
    const std::string error = world_.refreshError(*refresher);
    QCOMPARE(error,
             fine ? std::string() : "unsupported content type \"" + type.toStdString() + "\"");
}

void TestHttpDiscovery::emptiesGroupsThatAreGone()
{
    server_.sequence("GET /sd", {groupsAnswer(3), groupsAnswer(2), groupsAnswer(2)});
    const auto refresher = world_.refresher("http", yamlFor(server_.url()));
    QCOMPARE(world_.refresh(*refresher).size(), std::size_t{3});
    const auto second = world_.refresh(*refresher);
    QCOMPARE(second.size(), std::size_t{3});
    QCOMPARE(second[2].source, server_.url() + "/sd:2");
    QVERIFY(second[2].entries.empty());
    QCOMPARE(world_.refresh(*refresher).size(), std::size_t{2});
}

void TestHttpDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("status") << 503 << ""
                            << "server returned HTTP status 503";
    QTest::newRow("no content") << 204 << ""
                                << "server returned HTTP status 204";
    QTest::newRow("no JSON") << 200 << "{"
                             << "invalid JSON";
    QTest::newRow("no list") << 200 << "{}"
                             << "a list of target groups is needed";
    QTest::newRow("number") << 200 << "[{\"targets\":[1]}]"
                            << "targets must be strings";
    QTest::newRow("unknown") << 200 << "[{\"target\":[]}]"
                             << "unknown field \"target\"";
    QTest::newRow("null group") << 200 << "[null]"
                                << "nil target group item found";
}

void TestHttpDiscovery::failsOnBadAnswers()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    server_.answerWith(
        "GET /sd",
        {.status = status, .contentType = "application/json", .body = body.toStdString()});
    const double before = world_.metrics.value("prometheus_sd_http_failures_total");
    const auto refresher = world_.refresher("http", yamlFor(server_.url()));
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains(message), qPrintable(error));
    QCOMPARE(world_.metrics.value("prometheus_sd_http_failures_total"), before + 1);
}

void TestHttpDiscovery::printsWithoutSecrets()
{
    const auto config = DiscoveryWorld::read(
        "http", "url: http://h/x\nbasic_auth: {username: a, password: hunter2}\n");
    QVERIFY(config.ok());
    yaml::FieldPrinter printer;
    (*config)->describe(printer);
    const std::string text = yaml::toText(printer.node());
    QVERIFY(text.find("hunter2") == std::string::npos);
    QCOMPARE(QString::fromStdString(text),
             QString("refresh_interval: 1m\nurl: http://h/x\nbasic_auth:\n  username: a\n"
                     "  password: <secret>\nfollow_redirects: true\nenable_http2: true\n"));
}

QTEST_GUILESS_MAIN(TestHttpDiscovery)
#include "tst_http_discovery.moc"
