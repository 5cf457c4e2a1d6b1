// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QCryptographicHash>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* vps()
{
    return R"({"name":"abc","displayName":"abc","zone":"zone","state":"running","cluster":"cl",
        "netbootMode":"local","memoryLimit":2048,"offerType":"ssd","vcore":1,"keymap":[],
        "model":{"name":"vps-value-1-2-40","offer":"VPS abc","version":"2019v1","vcore":1,
          "disk":40,"memory":2048,"maximumAdditionnalIp":16,"datacenter":["a","b"]}})";
}

const char* dedicated()
{
    return R"({"name":"abcde","state":"test","commercialRange":"Advance-1 Gen 2",
        "linkSpeed":123,"rack":"TESTRACK","noIntervention":false,"os":"debian11_64",
        "supportLevel":"pro","serverId":1234,"reverse":"abcde-rev","datacenter":"gra3"})";
}

} // namespace

class TestOvhCloudDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void refusesUnknownEndpoints();
    void listsVirtualServersWithoutPort();
    void signsWithTheServersTime();
    void listsDedicatedServers();
    void addressesServers_data();
    void addressesServers();
    void failsOnBadAnswers();

private:
    static std::string yaml(const std::string& service)
    {
        return "application_key: app\napplication_secret: sec\nconsumer_key: con\nservice: " +
               service + "\n";
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestOvhCloudDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.json("GET /auth/time", "1234567890");
    server_.json("GET /vps", R"(["abc"])");
    server_.json("GET /vps/abc", vps());
    server_.json("GET /vps/abc/ips", R"(["192.0.2.1","2001:db8:1::1"])");
    server_.json("GET /dedicated/server", R"(["abcde","gone"])");
    server_.json("GET /dedicated/server/abcde", dedicated());
    server_.json("GET /dedicated/server/abcde/ips",
                 R"(["1.2.3.4/32","2001:0db8::/64","192.0.2.0/24"])");
}

void TestOvhCloudDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("endpoint") << "endpoint: ''\nservice: vps"
                              << "endpoint can not be empty";
    QTest::newRow("application key") << "service: vps"
                                     << "application key can not be empty";
    QTest::newRow("application secret") << "service: vps"
                                        << "application secret can not be empty";
    QTest::newRow("consumer key") << "service: vps"
                                  << "consumer key can not be empty";
    QTest::newRow("service") << "service: fake-service"
                             << "unknown service: fake-service";
}

void TestOvhCloudDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("ovhcloud", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestOvhCloudDiscovery::refusesUnknownEndpoints()
{
    world_.apiBase.clear();
    for (const auto& [endpoint, known] : std::initializer_list<std::pair<const char*, bool>>{
             {"ovh-ca", true}, {"https://api.example.org/1.0", true}, {"ovh-moon", false}}) {
        const auto config = DiscoveryWorld::read("ovhcloud", yaml("vps") + "endpoint: " + endpoint);
        QVERIFY(config.ok());
        QCOMPARE((*config)->makeProvider(world_.environment()).ok(), known);
    }
}

void TestOvhCloudDiscovery::listsVirtualServersWithoutPort()
{
    const auto refresher = world_.refresher("ovhcloud", yaml("vps"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             lines({"GET /auth/time", "GET /vps", "GET /vps/abc", "GET /vps/abc/ips"}));
    QCOMPARE(groups[0].source, std::string("ovhcloud_vps"));
    QCOMPARE(shown(groups[0], "ovhcloud_vps"), lines({"__address__=192.0.2.1",
                                                      "cluster=cl",
                                                      "datacenter=[a b]",
                                                      "disk=40",
                                                      "display_name=abc",
                                                      "ipv4=192.0.2.1",
                                                      "ipv6=2001:db8:1::1",
                                                      "maximum_additional_ip=16",
                                                      "memory=2048",
                                                      "memory_limit=2048",
                                                      "model_name=vps-value-1-2-40",
                                                      "model_vcore=1",
                                                      "name=abc",
                                                      "netboot_mode=local",
                                                      "offer=VPS abc",
                                                      "offer_type=ssd",
                                                      "state=running",
                                                      "vcore=1",
                                                      "version=2019v1",
                                                      "zone=zone",
                                                      "instance=abc"}));
}

void TestOvhCloudDiscovery::signsWithTheServersTime()
{
    const auto refresher = world_.refresher("ovhcloud", yaml("vps"));
    world_.refresh(*refresher);
    const auto request = server_.last("GET /vps");
    QCOMPARE(std::string(request.header("X-Ovh-Application")), std::string("app"));
    QCOMPARE(std::string(request.header("X-Ovh-Consumer")), std::string("con"));
    QCOMPARE(std::string(request.header("X-Ovh-Timestamp")), std::string("1234567890"));
    const QByteArray text =
        QByteArray::fromStdString("sec+con+GET+" + server_.url() + "/vps++1234567890");
    const QByteArray digest = QCryptographicHash::hash(text, QCryptographicHash::Sha1).toHex();
    QCOMPARE(std::string(request.header("X-Ovh-Signature")), "$1$" + digest.toStdString());
    QVERIFY(server_.last("GET /auth/time").header("X-Ovh-Signature").empty());
}

void TestOvhCloudDiscovery::listsDedicatedServers()
{
    // "gone" has no details: the other one is there nevertheless.
    const auto refresher = world_.refresher("ovhcloud", yaml("dedicated_server"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(groups[0].source, std::string("ovhcloud_dedicated_server"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(shown(groups[0], "ovhcloud_dedicated_server"),
             lines({"__address__=1.2.3.4", "commercial_range=Advance-1 Gen 2", "datacenter=gra3",
                    "ipv4=1.2.3.4", "link_speed=123", "name=abcde", "no_intervention=false",
                    "os=debian11_64", "rack=TESTRACK", "reverse=abcde-rev", "server_id=1234",
                    "state=test", "support_level=pro", "instance=abcde"}));
}

void TestOvhCloudDiscovery::addressesServers_data()
{
    QTest::addColumn<QString>("ips");
    QTest::addColumn<QString>("addresses");
    QTest::newRow("IPv4 first") << R"(["2001:db8::1","192.0.2.1"])"
                                << "192.0.2.1";
    QTest::newRow("IPv6 only") << R"(["2001:db8::1"])"
                               << "2001:db8::1";
    QTest::newRow("the last one") << R"(["192.0.2.1","192.0.2.2"])"
                                  << "192.0.2.2";
    QTest::newRow("networks only") << R"(["192.0.2.0/24"])"
                                   << "";
    QTest::newRow("unspecified") << R"(["0.0.0.0"])"
                                 << "";
    QTest::newRow("nonsense") << R"(["192.0.2.1","x"])"
                              << "";
    QTest::newRow("none") << "[]"
                          << "";
}

void TestOvhCloudDiscovery::addressesServers()
{
    QFETCH(QString, ips);
    QFETCH(QString, addresses);
    server_.json("GET /vps/abc/ips", ips.toStdString());
    const auto refresher = world_.refresher("ovhcloud", yaml("vps"));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), addresses);
}

void TestOvhCloudDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "ovhcloud", yaml("vps"), "GET /vps"), QString());
    QCOMPARE(acceptedNonsense(world_, server_, "ovhcloud", yaml("vps"), "GET /auth/time"),
             QString());
}

QTEST_GUILESS_MAIN(TestOvhCloudDiscovery)
#include "tst_ovhcloud_discovery.moc"
