// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/name_server.h"
#include "support/recorded_api.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const std::string kList = "GET /v1/project/my project/service";

std::string component(const std::string& name, const std::string& host, const std::string& route,
                      const std::string& usage)
{
    return R"({"component":")" + name + R"(","host":")" + host + R"(","port":9273,"route":")" +
           route + R"(","usage":")" + usage + R"("})";
}

std::string service(const std::string& name, const std::string& state,
                    const std::string& components)
{
    return R"({"service_name":")" + name + R"(","service_type":"pg","state":")" + state +
           R"(","plan":"startup-4","cloud_name":"aws-eu-west-1","node_count":2,)"
           R"("service_uri":"postgres://avnadmin:hunter2@h:1/db",)"
           R"("service_uri_params":{"host":"pg.example","port":"1234","dbname":"defaultdb",)"
           R"("sslmode":"require","user":"avnadmin","password":"hunter2","api_key":"hunter2",)"
           R"("admin_uri":"postgres://a:hunter2@h/"},"tags":{"team":"a b"},)"
           R"("components":[)" +
           components + "]}";
}

std::string services(const std::string& list) { return R"({"services":[)" + list + "]}"; }

/// One service with metrics on two routes, a replica, and another component.
std::string busyService()
{
    return service("pg-1", "RUNNING",
                   component("pg", "pg.example", "dynamic", "primary") + "," +
                       component("prometheus", "pg.example", "dynamic", "primary") + "," +
                       component("prometheus", "public.example", "public", "primary") + "," +
                       component("prometheus", "replica.example", "dynamic", "replica"));
}

} // namespace

class TestAivenDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void listsServicesThatExposeMetrics();
    void neverExportsCredentials();
    void choosesByRouteAndUsage_data();
    void choosesByRouteAndUsage();
    void choosesServices_data();
    void choosesServices();
    void readsTheTokenFileEachTime();
    void resolvesNamesToAllAddresses();
    void takesAddressesAsTheyAre();
    void keepsTheNameWhenItDoesNotResolve();
    void failsOnBadAnswers();
    void saysWhichStatusCame();

private:
    [[nodiscard]] std::string yaml(const std::string& more = {}) const
    {
        return "api_url: " + server_.url() + "\napi_token: t0ken\nproject: my project\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestAivenDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("no token") << "project: p"
                              << "aiven_sd: one of api_token & api_token_file must be configured";
    QTest::newRow("two tokens") << "project: p\napi_token: a\napi_token_file: b"
                                << "aiven_sd: at most one of api_token & api_token_file must be";
    QTest::newRow("other authorization")
        << "project: p\napi_token: a\nbasic_auth: {username: u}"
        << "aiven_sd: api_token can not be combined with basic_auth, authorization or oauth2";
    QTest::newRow("no project") << "api_token: a"
                                << "aiven_sd: project must be configured";
    QTest::newRow("route") << "project: p\napi_token: a\nroute: x"
                           << "aiven_sd: unknown route \"x\"";
    QTest::newRow("too often") << "project: p\napi_token: a\nrefresh_interval: 9s"
                               << "aiven_sd: refresh_interval must be at least 10s";
    QTest::newRow("url") << "project: p\napi_token: a\napi_url: ftp://h"
                         << "URL scheme must be 'http' or 'https'";
}

void TestAivenDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("aiven", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestAivenDiscovery::listsServicesThatExposeMetrics()
{
    server_.forget();
    server_.json(kList,
                 services(busyService() + "," +
                          service("plain", "RUNNING", component("pg", "h", "dynamic", "primary"))));
    const auto refresher = world_.refresher("aiven", yaml());
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("aiven/my project"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(shown(groups[0], "aiven"),
             lines({"__address__=pg.example:9273", "cloud_name=aws-eu-west-1",
                    "component=prometheus", "node_count=2", "plan=startup-4", "project=my project",
                    "route=dynamic", "service_host=pg.example", "service_name=pg-1",
                    "service_port=9273", "service_type=pg", "service_uri_param_dbname=defaultdb",
                    "service_uri_param_host=pg.example", "service_uri_param_port=1234",
                    "service_uri_param_sslmode=require", "state=RUNNING", "tag_team=a b",
                    "usage=primary"}));
    const auto request = server_.last(kList);
    QCOMPARE(std::string(request.header("Authorization")), std::string("aivenv1 t0ken"));
    QCOMPARE(std::string(request.header("Accept")), std::string("application/json"));
}

void TestAivenDiscovery::neverExportsCredentials()
{
    server_.json(kList, services(busyService()));
    const auto refresher = world_.refresher("aiven", yaml("route: any\nusage: any\n"));
    const auto groups = world_.refresh(*refresher);
    for (std::size_t i = 0; i < groups[0].entries.size(); ++i) {
        const QString labels = shown(groups[0], "aiven", i);
        QVERIFY2(!labels.contains("hunter2"), qPrintable(labels));
        QVERIFY2(!labels.contains("avnadmin"), qPrintable(labels));
        QVERIFY2(!labels.contains("t0ken"), qPrintable(labels));
    }
}

void TestAivenDiscovery::choosesByRouteAndUsage_data()
{
    QTest::addColumn<QString>("keys");
    QTest::addColumn<QString>("addresses");
    QTest::newRow("default") << ""
                             << "pg.example:9273";
    QTest::newRow("public") << "route: public"
                            << "public.example:9273";
    QTest::newRow("any route") << "route: any"
                               << "pg.example:9273 public.example:9273";
    QTest::newRow("replica") << "usage: replica"
                             << "replica.example:9273";
    QTest::newRow("any") << "route: any\nusage: any"
                         << "pg.example:9273 public.example:9273 replica.example:9273";
    QTest::newRow("privatelink") << "route: privatelink"
                                 << "";
}

void TestAivenDiscovery::choosesByRouteAndUsage()
{
    QFETCH(QString, keys);
    QFETCH(QString, addresses);
    server_.json(kList, services(busyService()));
    const auto refresher = world_.refresher("aiven", yaml(keys.toStdString()));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), addresses);
}

void TestAivenDiscovery::choosesServices_data()
{
    QTest::addColumn<QString>("keys");
    QTest::addColumn<QString>("addresses");
    QTest::newRow("running ones") << ""
                                  << "a:9273 c:9273";
    QTest::newRow("all states") << "states: []"
                                << "a:9273 b:9273 c:9273";
    QTest::newRow("one state") << "states: [POWEROFF]"
                               << "b:9273 c:9273";
    QTest::newRow("names") << "service_names: [s-a, s-b]"
                           << "a:9273";
    QTest::newRow("types") << "service_types: [kafka]"
                           << "c:9273";
}

void TestAivenDiscovery::choosesServices()
{
    QFETCH(QString, keys);
    QFETCH(QString, addresses);
    const std::string without =
        R"({"service_name":"s-c","service_type":"kafka","components":[)"
        R"({"component":"prometheus","host":"c","port":9273,"route":"dynamic"}]})";
    server_.json(
        kList,
        services(service("s-a", "RUNNING", component("prometheus", "a", "dynamic", "primary")) +
                 "," +
                 service("s-b", "POWEROFF", component("prometheus", "b", "dynamic", "primary")) +
                 "," + without));
    const auto refresher = world_.refresher("aiven", yaml(keys.toStdString()));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), addresses);
}

void TestAivenDiscovery::readsTheTokenFileEachTime()
{
    QTemporaryDir directory;
    const QString path = directory.filePath("token");
    const auto write = [&](const char* text) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(text);
    };
    server_.json(kList, services(""));
    const auto refresher =
        world_.refresher("aiven", "api_url: " + server_.url() + "\nproject: my project\n" +
                                      "api_token_file: " + path.toStdString() + "\n");
    write("first\n");
    QVERIFY(world_.refresh(*refresher)[0].entries.empty());
    QCOMPARE(std::string(server_.last(kList).header("Authorization")),
             std::string("aivenv1 first"));
    write("second");
    world_.refresh(*refresher);
    QCOMPARE(std::string(server_.last(kList).header("Authorization")),
             std::string("aivenv1 second"));
    QVERIFY(QFile::remove(path));
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("token"), qPrintable(error));
}

void TestAivenDiscovery::resolvesNamesToAllAddresses()
{
    if (NameServer::program().isEmpty()) {
        QSKIP("bind9's named is not among the peers (packaging/test gets it)");
    }
    const std::map<std::string, std::string> zones = {
        {"example.org", "pg A 10.0.0.2\npg A 10.0.0.1\npg AAAA 2001:db8::1\n"}};
    NameServer names(zones);
    QVERIFY2(names.start(), qPrintable(names.output()));
    names.writeResolver("");
    world_.resolverFile = names.resolverFile();
    world_.dnsPort = names.port();
    server_.json(
        kList, services(service("a", "RUNNING",
                                component("prometheus", "pg.example.org", "dynamic", "primary"))));
    const auto refresher = world_.refresher("aiven", yaml("resolve_dns: true\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(addressesOf(groups[0]), QString("10.0.0.1:9273 10.0.0.2:9273 [2001:db8::1]:9273"));
    QCOMPARE(labelsOf(groups[0])["__meta_aiven_node_ip"], std::string("10.0.0.1"));
    QCOMPARE(labelsOf(groups[0])["__meta_aiven_service_host"], std::string("pg.example.org"));
    // When nobody answers any more, the last addresses stay.
    QFile file(QString::fromStdString(names.resolverFile()));
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    file.write("nameserver 127.0.0.254\n");
    file.close();
    QCOMPARE(world_.refresh(*refresher), groups);
}

void TestAivenDiscovery::takesAddressesAsTheyAre()
{
    server_.json(kList,
                 services(service("a", "RUNNING",
                                  component("prometheus", "127.0.0.9", "dynamic", "primary"))));
    const auto refresher = world_.refresher("aiven", yaml("resolve_dns: true\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(addressesOf(groups[0]), QString("127.0.0.9:9273"));
    QCOMPARE(labelsOf(groups[0])["__meta_aiven_node_ip"], std::string("127.0.0.9"));
}

void TestAivenDiscovery::keepsTheNameWhenItDoesNotResolve()
{
    server_.json(kList,
                 services(service("a", "RUNNING",
                                  component("prometheus", "no..name", "dynamic", "primary"))));
    const auto refresher = world_.refresher("aiven", yaml("resolve_dns: true\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(addressesOf(groups[0]), QString("no..name:9273"));
    QVERIFY(!labelsOf(groups[0]).contains("__meta_aiven_node_ip"));
}

void TestAivenDiscovery::failsOnBadAnswers()
{
    const double before = world_.metrics.value("prometheus_sd_aiven_failures_total");
    QCOMPARE(acceptedNonsense(world_, server_, "aiven", yaml(), kList), QString());
    QCOMPARE(world_.metrics.value("prometheus_sd_aiven_failures_total"), before + 5);
}

void TestAivenDiscovery::saysWhichStatusCame()
{
    server_.answerWith(kList, {.status = 403});
    const auto refresher = world_.refresher("aiven", yaml());
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("aiven_sd: server returned HTTP status 403 Forbidden"));
}

QTEST_GUILESS_MAIN(TestAivenDiscovery)
#include "tst_aiven_discovery.moc"
