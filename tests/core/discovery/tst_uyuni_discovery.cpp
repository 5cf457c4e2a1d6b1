// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kApi = "POST /manager/rpc/api";

std::string member(const std::string& name, const std::string& value)
{
    return "<member><name>" + name + "</name><value>" + value + "</value></member>";
}

std::string answerOf(const std::string& value)
{
    return "<?xml version=\"1.0\"?><methodResponse><params><param><value>" + value +
           "</value></param></params></methodResponse>";
}

std::string arrayOf(const std::string& structs)
{
    return "<array><data>" + structs + "</data></array>";
}

std::string structOf(const std::string& members)
{
    return "<value><struct>" + members + "</struct></value>";
}

std::string groupsAnswer()
{
    const std::string groups =
        structOf(member("id", "<i4>1</i4>") + member("name", "<string>prod</string>")) +
        structOf(member("id", "<i4>2</i4>") + member("name", "web &amp; db"));
    return answerOf(arrayOf(
        structOf(member("id", "<i4>1000</i4>") + member("system_groups", arrayOf(groups)))));
}

std::string endpoint(const std::string& name, const std::string& port, const std::string& tls)
{
    return structOf(member("system_id", "<i4>1000</i4>") + member("endpoint_name", name) +
                    member("port", "<i4>" + port + "</i4>") + member("path", "/metrics") +
                    member("module", "mod") + member("exporter_name", "<string>node</string>") +
                    member("tls_enabled", "<boolean>" + tls + "</boolean>"));
}

std::string networksAnswer()
{
    return answerOf(
        arrayOf(structOf(member("system_id", "<i4>1000</i4>") + member("hostname", "minion.local") +
                         member("primary_fqdn", "minion.example.org") + member("ip", "10.0.0.1"))));
}

/// The server as long as it is healthy.
net::ServerResponse answer(const net::ServerRequest& request)
{
    const auto asks = [&](const char* method) {
        return request.body.find(std::string("<methodName>") + method + "<") != std::string::npos;
    };
    std::string body;
    if (asks("auth.login")) {
        body = answerOf("<string>sess10n</string>");
    } else if (asks("system.listSystemGroupsForSystemsWithEntitlement")) {
        body = groupsAnswer();
    } else if (asks("system.monitoring.listEndpoints")) {
        body = answerOf(arrayOf(endpoint("node", "9100", "0") + endpoint("db", "9187", "1")));
    } else {
        body = networksAnswer();
    }
    return {.contentType = "text/xml", .body = body};
}

QString callOf(const net::ServerRequest& request)
{
    const QString body = QString::fromStdString(request.body);
    return body.section("<methodName>", 1).section("</methodName>", 0, 0);
}

} // namespace

class TestUyuniDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void refusesServersThatAreNoUrl();
    void listsEndpointsOfSystems();
    void keepsTheLoginAndRenewsItAfterFailures();
    void saysWhatAFaultSays();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& more = {}) const
    {
        return "server: " + server_.url() + "/manager\nusername: u\npassword: p<&\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestUyuniDiscovery::init()
{
    server_.forget();
    server_.handle(kApi, answer);
}

void TestUyuniDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("server") << "username: u\npassword: p"
                            << "Uyuni SD configuration requires server host";
    QTest::newRow("user") << "server: http://h\npassword: p"
                          << "Uyuni SD configuration requires a username";
    QTest::newRow("password") << "server: http://h\nusername: u"
                              << "Uyuni SD configuration requires a password";
}

void TestUyuniDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("uyuni", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestUyuniDiscovery::refusesServersThatAreNoUrl()
{
    const auto config =
        DiscoveryWorld::read("uyuni", "server: uyuni.local\nusername: u\npassword: p");
    QVERIFY(config.ok());
    const auto provider = (*config)->makeProvider(world_.environment());
    QVERIFY(!provider.ok());
    QVERIFY(provider.status().ToString().find("Uyuni Server URL is not valid") !=
            std::string::npos);
}

void TestUyuniDiscovery::listsEndpointsOfSystems()
{
    const auto refresher = world_.refresher("uyuni", yaml("separator: ';'\n"));
    const auto groups = world_.refresh(*refresher);
    const auto requests = server_.requests();
    QCOMPARE(requests.size(), std::size_t{4});
    QCOMPARE(
        QString::fromStdString(requests[0].body),
        QString("<?xml version=\"1.0\"?><methodCall><methodName>auth.login</methodName><params>"
                "<param><value><string>u</string></value></param>"
                "<param><value><string>p&lt;&amp;</string></value></param>"
                "<param><value><int>600</int></value></param></params></methodCall>"));
    QCOMPARE(callOf(requests[1]), QString("system.listSystemGroupsForSystemsWithEntitlement"));
    QVERIFY(requests[1].body.find("<string>monitoring_entitled</string>") != std::string::npos);
    QVERIFY(requests[1].body.find("<string>sess10n</string>") != std::string::npos);
    QCOMPARE(callOf(requests[2]), QString("system.monitoring.listEndpoints"));
    QVERIFY(requests[2].body.find("<array><data><value><int>1000</int></value></data></array>") !=
            std::string::npos);
    QCOMPARE(callOf(requests[3]), QString("system.getNetworkForSystems"));
    QCOMPARE(groups[0].source, server_.url() + "/manager/rpc/api");
    QCOMPARE(addressesOf(groups[0]), QString("minion.local:9100 minion.local:9187"));
    QCOMPARE(shown(groups[0], "uyuni"),
             lines({"__address__=minion.local:9100", "endpoint_name=node", "exporter=node",
                    "groups=prod;web & db", "metrics_path=/metrics", "minion_hostname=minion.local",
                    "primary_fqdn=minion.example.org", "proxy_module=mod", "scheme=http",
                    "system_id=1000"}));
    QCOMPARE(labelsOf(groups[0], 1)["__meta_uyuni_scheme"], std::string("https"));
}

void TestUyuniDiscovery::keepsTheLoginAndRenewsItAfterFailures()
{
    const auto refresher = world_.refresher("uyuni", yaml());
    world_.refresh(*refresher);
    world_.refresh(*refresher);
    QCOMPARE(server_.requests().size(), std::size_t{7});
    server_.answerWith(kApi, {.status = 500});
    QVERIFY(!world_.refreshError(*refresher).empty());
    server_.forget();
    server_.handle(kApi, answer);
    world_.refresh(*refresher);
    QCOMPARE(callOf(server_.requests().front()), QString("auth.login"));
}

void TestUyuniDiscovery::saysWhatAFaultSays()
{
    server_.answerWith(kApi,
                       {.contentType = "text/xml",
                        .body = "<methodResponse><fault><value><struct>" +
                                member("faultCode", "<int>2950</int>") +
                                member("faultString", "<string>Either the password or username is "
                                                      "incorrect.</string>") +
                                "</struct></value></fault></methodResponse>"});
    const auto refresher = world_.refresher("uyuni", yaml());
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("unable to login to Uyuni API: the server answered with fault 2950: Either "
                     "the password or username is incorrect."));
}

void TestUyuniDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("status") << 503 << ""
                            << "server returned HTTP status 503";
    QTest::newRow("no XML") << 200 << "hello"
                            << "invalid XML";
    QTest::newRow("cut off") << 200 << "<methodResponse><params>"
                             << "invalid XML";
    QTest::newRow("other XML") << 200 << "<html></html>"
                               << "no XML-RPC methodResponse";
    QTest::newRow("too deep")
        << 200
        << QString::fromStdString(
               answerOf(QString("<array><data><value>").repeated(100).toStdString() +
                        QString("</value></data></array>").repeated(100).toStdString()))
        << "nested deeper than 32";
}

void TestUyuniDiscovery::failsOnBadAnswers()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    server_.answerWith(kApi,
                       {.status = status, .contentType = "text/xml", .body = body.toStdString()});
    const auto refresher = world_.refresher("uyuni", yaml());
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains(message), qPrintable(error));
}

QTEST_GUILESS_MAIN(TestUyuniDiscovery)
#include "tst_uyuni_discovery.moc"
