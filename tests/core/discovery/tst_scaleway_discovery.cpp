// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kServers = "GET /instance/v1/zones/fr-par-1/servers";
const char* const kIps = "GET /ipam/v1/regions/fr-par/ips";

const char* servers()
{
    return R"({"servers":[
      {"id":"93c18a61","name":"scw-nervous","hostname":"scw-host","organization":"org",
       "project":"pro","state":"running","commercial_type":"DEV1-S","zone":"fr-par-1",
       "boot_type":"local","image":{"arch":"x86_64","id":"45a86b35","name":"Ubuntu"},
       "location":{"cluster_id":"40","hypervisor_id":"1601","node_id":"29"},
       "security_group":{"id":"984414da","name":"Default"},"tags":["prod","web"],
       "private_ip":"10.70.60.57","public_ip":{"address":"51.158.183.115","family":"inet"},
       "ipv6":{"address":"2001:bc8::1"},
       "public_ips":[{"address":"51.158.183.115","family":"inet"},
                     {"address":"51.158.183.116","family":"inet"},
                     {"address":"2001:bc8::1","family":"inet6"}],
       "private_nics":[{"id":"unused"}]},
      {"id":"public","zone":"fr-par-1","private_ip":null,
       "public_ip":{"address":"51.158.183.9","family":"inet"},"ipv6":{"address":"2001:bc8::9"}},
      {"id":"six","zone":"fr-par-1","ipv6":{"address":"2001:bc8::3"}},
      {"id":"card","zone":"fr-par-1","private_nics":[{"id":"nic-6"},{"id":"nic-4"}]},
      {"id":"none","zone":"fr-par-1"}]})";
}

const char* ips()
{
    return R"({"total_count":2,"ips":[
      {"id":"a","address":"fd00::4/64","is_ipv6":true,"resource":{"id":"nic-6"}},
      {"id":"b","address":"172.16.4.2/22","is_ipv6":false,"resource":{"id":"nic-4"}}]})";
}

const char* baremetals()
{
    return R"({"total_count":2,"servers":[
      {"id":"b1","name":"metal","zone":"fr-par-2","status":"ready","project_id":"pro",
       "offer_id":"o1","install":{"os_id":"os1"},"tags":["a"],
       "ips":[{"address":"51.0.0.1","version":"IPv4"},{"address":"51.0.0.2","version":"IPv4"},
              {"address":"2001:bc8::5","version":"IPv6"}]},
      {"id":"b2","name":"six","zone":"fr-par-2","ips":[
              {"address":"2001:bc8::6","version":"IPv6"}]}]})";
}

} // namespace

class TestScalewayDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void listsInstances();
    void addressesInstancesByWhatTheyHave();
    void filtersInstancesAndReadsAllPages();
    void listsBaremetalServers();
    void refusesUnknownKindsOfAddresses();
    void readsTheSecretEachTime();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& role, const std::string& more = {}) const
    {
        return "project_id: pro\naccess_key: SCW\nsecret_key: s3cret\napi_url: " + server_.url() +
               "\nrole: " + role + "\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestScalewayDiscovery::init()
{
    server_.forget();
    server_.json(kServers, servers());
    server_.json(kIps, ips());
    server_.json("GET /baremetal/v1/zones/fr-par-2/servers", baremetals());
    server_.json("GET /baremetal/v1/zones/fr-par-2/offers",
                 R"({"offers":[{"id":"o1","name":"EM-A115X"}]})");
    server_.json("GET /baremetal/v1/zones/fr-par-2/os",
                 R"({"os":[{"id":"os1","name":"Debian","version":"12"}]})");
}

void TestScalewayDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("role") << "project_id: p\naccess_key: a\nsecret_key: s"
                          << "role missing (one of: instance, baremetal)";
    QTest::newRow("unknown role") << "project_id: p\naccess_key: a\nsecret_key: s\nrole: x"
                                  << "unknown role \"x\"";
    QTest::newRow("project") << "role: instance\naccess_key: a\nsecret_key: s"
                             << "project_id is mandatory";
    QTest::newRow("access key") << "role: instance\nproject_id: p\nsecret_key: s"
                                << "access_key is mandatory";
    QTest::newRow("no secret") << "role: instance\nproject_id: p\naccess_key: a"
                               << "one of secret_key & secret_key_file must be configured";
    QTest::newRow("two secrets")
        << "role: instance\nproject_id: p\naccess_key: a\nsecret_key: s\nsecret_key_file: f"
        << "at most one of secret_key & secret_key_file must be configured";
}

void TestScalewayDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("scaleway", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestScalewayDiscovery::listsInstances()
{
    const auto refresher = world_.refresher("scaleway", yaml("instance"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), QString("%1?page=1&per_page=100\n"
                                     "%2?resource_ids=nic-6&resource_ids=nic-4&"
                                     "resource_types=instance_private_nic&page=1&page_size=100\n")
                                 .arg(kServers, kIps));
    QCOMPARE(std::string(server_.last(kServers).header("X-Auth-Token")), std::string("s3cret"));
    QCOMPARE(groups[0].source, std::string("scaleway"));
    QCOMPARE(shown(groups[0], "scaleway_instance"),
             lines({"__address__=10.70.60.57:80",
                    "boot_type=local",
                    "hostname=scw-host",
                    "id=93c18a61",
                    "image_arch=x86_64",
                    "image_id=45a86b35",
                    "image_name=Ubuntu",
                    "location_cluster_id=40",
                    "location_hypervisor_id=1601",
                    "location_node_id=29",
                    "name=scw-nervous",
                    "organization_id=org",
                    "private_ipv4=10.70.60.57",
                    "project_id=pro",
                    "public_ipv4=51.158.183.115",
                    "public_ipv4_addresses=,51.158.183.115,51.158.183.116,",
                    "public_ipv6=2001:bc8::1",
                    "public_ipv6_addresses=,2001:bc8::1,",
                    "region=fr-par",
                    "security_group_id=984414da",
                    "security_group_name=Default",
                    "status=running",
                    "tags=,prod,web,",
                    "type=DEV1-S",
                    "zone=fr-par-1"}));
}

void TestScalewayDiscovery::addressesInstancesByWhatTheyHave()
{
    const auto refresher = world_.refresher("scaleway", yaml("instance"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(addressesOf(groups[0]),
             QString("10.70.60.57:80 51.158.183.9:80 [2001:bc8::3]:80 172.16.4.2:80"));
    QCOMPARE(labelsOf(groups[0], 3)["__meta_scaleway_instance_private_ipv4"],
             std::string("172.16.4.2"));
}

void TestScalewayDiscovery::filtersInstancesAndReadsAllPages()
{
    server_.answerWith(kServers, {.contentType = "application/json",
                                  .body = R"({"servers":[{"id":"x","zone":"fr-par-1"}]})",
                                  .headers = {{"X-Total-Count", "2"}}});
    const auto refresher =
        world_.refresher("scaleway", yaml("instance", "name_filter: n\ntags_filter: [a, b]\n"));
    world_.refresh(*refresher);
    QCOMPARE(asked(server_), QString("%1?name=n&tags=a,b&page=1&per_page=100\n"
                                     "%1?name=n&tags=a,b&page=2&per_page=100\n")
                                 .arg(kServers));
}

void TestScalewayDiscovery::listsBaremetalServers()
{
    const auto refresher = world_.refresher("scaleway", yaml("baremetal", "zone: fr-par-2\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /baremetal/v1/zones/fr-par-2/servers?page=1&page_size=100",
                                    "GET /baremetal/v1/zones/fr-par-2/offers?page=1&page_size=100",
                                    "GET /baremetal/v1/zones/fr-par-2/os?page=1&page_size=100"}));
    QCOMPARE(addressesOf(groups[0]), QString("51.0.0.1:80 [2001:bc8::6]:80"));
    QCOMPARE(
        shown(groups[0], "scaleway_baremetal"),
        lines({"__address__=51.0.0.1:80", "id=b1", "name=metal", "os_name=Debian", "os_version=12",
               "project_id=pro", "public_ipv4=51.0.0.1", "public_ipv6=2001:bc8::5", "status=ready",
               "tags=,a,", "type=EM-A115X", "zone=fr-par-2"}));
}

void TestScalewayDiscovery::refusesUnknownKindsOfAddresses()
{
    server_.json("GET /baremetal/v1/zones/fr-par-2/servers",
                 R"({"servers":[{"id":"b","ips":[{"address":"x","version":"IPv5"}]}]})");
    const auto refresher = world_.refresher("scaleway", yaml("baremetal", "zone: fr-par-2\n"));
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("unknown IP version: IPv5"));
}

void TestScalewayDiscovery::readsTheSecretEachTime()
{
    QTemporaryDir directory;
    const QString path = directory.filePath("secret");
    const auto write = [&](const char* text) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(text);
    };
    const auto refresher = world_.refresher(
        "scaleway", "project_id: p\naccess_key: a\nrole: instance\napi_url: " + server_.url() +
                        "\nsecret_key_file: " + path.toStdString());
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("unable to read auth token file"), qPrintable(error));
    for (const char* secret : {"one", "two"}) {
        write(secret);
        world_.refresh(*refresher);
        QCOMPARE(std::string(server_.last(kServers).header("X-Auth-Token")), std::string(secret));
    }
}

void TestScalewayDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("request");
    QTest::newRow("servers") << "instance" << kServers;
    QTest::newRow("addresses") << "instance" << kIps;
    QTest::newRow("baremetal") << "baremetal"
                               << "GET /baremetal/v1/zones/fr-par-1/servers";
}

void TestScalewayDiscovery::failsOnBadAnswers()
{
    QFETCH(QString, role);
    QFETCH(QString, request);
    QCOMPARE(acceptedNonsense(world_, server_, "scaleway", yaml(role.toStdString()),
                              request.toStdString()),
             QString());
}

QTEST_GUILESS_MAIN(TestScalewayDiscovery)
#include "tst_scaleway_discovery.moc"
