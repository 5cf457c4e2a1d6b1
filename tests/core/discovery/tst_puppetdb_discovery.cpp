// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kQuery = "POST /base/pdb/query/v4";

const char* resources()
{
    return R"([{"certname":"edinburgh.example.com","resource":"49af83866dc5a1518968b68e58a25319",
        "type":"Apache::Vhost","title":"edinburgh.example.com","exported":true,
        "tags":["roles","apache::vhost"],"file":"/etc/puppetlabs/site.pp","environment":"prod",
        "parameters":{"access_log":true,"port":22,"big":3000000,"ratio":0.5,
          "ssl-cert":"/etc/c.pem","aliases":["a","b",1,false],"none":[],"empty":"","null":null,
          "deep":{"le vel":{"x":"y"},"list":["z"]}}},
       {"certname":"bare","resource":"1","type":"T","title":"t"}])";
}

} // namespace

class TestPuppetDbDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void postsTheQueryAndLabelsResources();
    void flattensParametersWhenAsked();
    void judgesTheContentType();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& more = {}) const
    {
        return "url: " + server_.url() + "/base\nquery: 'resources { type = \"Class\" }'\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestPuppetDbDiscovery::init()
{
    server_.forget();
    server_.json(kQuery, resources());
}

void TestPuppetDbDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("url") << "query: q"
                         << "URL is missing";
    QTest::newRow("scheme") << "query: q\nurl: ftp://h"
                            << "URL scheme must be 'http' or 'https'";
    QTest::newRow("host") << "query: q\nurl: https://"
                          << "host is missing in URL";
    QTest::newRow("query") << "url: https://h"
                           << "query missing";
}

void TestPuppetDbDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("puppetdb", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestPuppetDbDiscovery::postsTheQueryAndLabelsResources()
{
    const auto refresher = world_.refresher("puppetdb", yaml("port: 9100\n"));
    const auto groups = world_.refresh(*refresher);
    const auto request = server_.last(kQuery);
    QCOMPARE(QString::fromStdString(request.body),
             QString("{\"query\":\"resources { type = \\\"Class\\\" }\"}"));
    QCOMPARE(std::string(request.header("Content-Type")), std::string("application/json"));
    QCOMPARE(groups[0].source,
             server_.url() + "/base/pdb/query/v4?query=resources { type = \"Class\" }");
    QCOMPARE(
        shown(groups[0], "puppetdb"),
        lines({"__address__=edinburgh.example.com:9100", "certname=edinburgh.example.com",
               "environment=prod", "exported=true", "file=/etc/puppetlabs/site.pp",
               "query=resources { type = \"Class\" }", "resource=49af83866dc5a1518968b68e58a25319",
               "tags=,roles,apache::vhost,", "title=edinburgh.example.com", "type=Apache::Vhost"}));
    QCOMPARE(labelsOf(groups[0], 1)["__meta_puppetdb_exported"], std::string("false"));
}

void TestPuppetDbDiscovery::flattensParametersWhenAsked()
{
    const auto refresher = world_.refresher("puppetdb", yaml("include_parameters: true\n"));
    const auto groups = world_.refresh(*refresher);
    QString parameters;
    for (const QString& line : shown(groups[0], "puppetdb").split('\n')) {
        if (line.startsWith("parameter_")) {
            parameters += line + "\n";
        }
    }
    QCOMPARE(parameters,
             lines({"parameter_access_log=true", "parameter_aliases=a,b,1,false",
                    "parameter_big=3e+06", "parameter_deep_le_vel_x=y", "parameter_deep_list=z",
                    "parameter_port=22", "parameter_ratio=0.5", "parameter_ssl_cert=/etc/c.pem"}));
}

void TestPuppetDbDiscovery::judgesTheContentType()
{
    server_.answerWith(kQuery, {.contentType = "text/html", .body = "[]"});
    const auto refresher = world_.refresher("puppetdb", yaml());
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("unsupported content type text/html"));
    server_.answerWith(kQuery, {.contentType = "application/json;charset=utf-8", .body = "[]"});
    QVERIFY(world_.refresh(*refresher)[0].entries.empty());
}

void TestPuppetDbDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "puppetdb", yaml(), kQuery), QString());
}

QTEST_GUILESS_MAIN(TestPuppetDbDiscovery)
#include "tst_puppetdb_discovery.moc"
