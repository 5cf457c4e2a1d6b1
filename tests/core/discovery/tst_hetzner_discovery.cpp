// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* servers(bool second)
{
    return second ? R"({"servers":[{"id":2,"name":"six","status":"off","image":null,
        "public_net":{"ipv4":null,"ipv6":{"ip":"2001:db8:2::/64"}},
        "server_type":{"name":"cax11","cores":2,"memory":4.5,"disk":40},
        "datacenter":{"location":{"name":"fsn1","network_zone":"eu-central"}}}],
      "meta":{"pagination":{"page":2,"next_page":null}}})"
                  : R"({"servers":[{"id":42,"name":"my-server","status":"running",
        "public_net":{"ipv4":{"ip":"192.0.2.1"},"ipv6":{"ip":"2001:db8::/64"}},
        "private_net":[{"network":4711,"ip":"10.0.0.2"},{"network":99,"ip":"10.9.0.2"}],
        "server_type":{"name":"cx11","cores":1,"memory":1,"disk":25,"cpu_type":"shared"},
        "location":{"name":"nbg1","network_zone":"eu-central"},
        "image":{"name":"ubuntu-20.04","description":"Ubuntu","os_version":"20.04",
                 "os_flavor":"ubuntu"},
        "labels":{"my-key":"my-value","empty":""}}],
      "meta":{"pagination":{"page":1,"next_page":2}}})";
}

const char* networks() { return R"({"networks":[{"id":4711,"name":"my net"}],"meta":{}})"; }

const char* robotServers()
{
    return R"([{"server":{"server_ip":"123.123.123.123","server_number":321,
        "server_name":"server1","product":"DS 3000","dc":"NBG1-DC1","status":"ready",
        "cancelled":false,
        "subnet":[{"ip":"192.0.2.0","mask":"29"},{"ip":"2a01:4f8:111:4221::","mask":"64"}]}},
       {"server":{"server_ip":"123.123.123.124","server_number":421,"server_name":"server2",
        "product":"X5","dc":"FSN1-DC10","status":"in process","cancelled":true,"subnet":null}}])";
}

} // namespace

class TestHetznerDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesConfigurationsWithoutRole_data();
    void refusesConfigurationsWithoutRole();
    void listsCloudServers();
    void listsServersWithoutIpv4AndImage();
    void selectsByLabel();
    void listsRobotServers();
    void failsOnBadAnswers();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestHetznerDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.handle("GET /v1/servers", [](const net::ServerRequest& request) {
        return net::ServerResponse{.contentType = "application/json",
                                   .body = servers(request.parameter("page") == "2")};
    });
    server_.json("GET /v1/networks", networks());
    server_.json("GET /server", robotServers());
}

void TestHetznerDiscovery::refusesConfigurationsWithoutRole_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("missing") << "port: 80"
                             << "role missing (one of: robot, hcloud)";
    QTest::newRow("unknown") << "role: cloud"
                             << "unknown role \"cloud\"";
}

void TestHetznerDiscovery::refusesConfigurationsWithoutRole()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("hetzner", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestHetznerDiscovery::listsCloudServers()
{
    const auto refresher =
        world_.refresher("hetzner", "role: hcloud\nauthorization: {credentials: t0ken}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             lines({"GET /v1/servers?page=1&per_page=50", "GET /v1/servers?page=2&per_page=50",
                    "GET /v1/networks?page=1&per_page=50"}));
    QCOMPARE(std::string(server_.last("GET /v1/servers").header("Authorization")),
             std::string("Bearer t0ken"));
    QCOMPARE(groups[0].source, std::string("hetzner"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    QCOMPARE(shown(groups[0], "hetzner"),
             lines({"__address__=192.0.2.1:80",
                    "hcloud_cpu_cores=1",
                    "hcloud_cpu_type=shared",
                    "hcloud_datacenter_location=nbg1",
                    "hcloud_datacenter_location_network_zone=eu-central",
                    "hcloud_disk_size_gb=25",
                    "hcloud_image_description=Ubuntu",
                    "hcloud_image_name=ubuntu-20.04",
                    "hcloud_image_os_flavor=ubuntu",
                    "hcloud_image_os_version=20.04",
                    "hcloud_label_my_key=my-value",
                    "hcloud_labelpresent_empty=true",
                    "hcloud_labelpresent_my_key=true",
                    "hcloud_location=nbg1",
                    "hcloud_location_network_zone=eu-central",
                    "hcloud_memory_size_gb=1",
                    "hcloud_private_ipv4_my_net=10.0.0.2",
                    "hcloud_server_type=cx11",
                    "public_ipv4=192.0.2.1",
                    "public_ipv6_network=2001:db8::/64",
                    "role=hcloud",
                    "server_id=42",
                    "server_name=my-server",
                    "server_status=running"}));
}

void TestHetznerDiscovery::listsServersWithoutIpv4AndImage()
{
    const auto refresher = world_.refresher("hetzner", "role: hcloud\n");
    auto labels = labelsOf(world_.refresh(*refresher)[0], 1);
    QCOMPARE(labels["__meta_hetzner_public_ipv6_network"], std::string("2001:db8:2::/64"));
    QCOMPARE(labels["__meta_hetzner_hcloud_location"], std::string("fsn1"));
    QCOMPARE(labels["__meta_hetzner_hcloud_memory_size_gb"], std::string("4"));
    QVERIFY(!labels.contains("__meta_hetzner_public_ipv4"));
    QVERIFY(!labels.contains("__meta_hetzner_hcloud_image_name"));
}

void TestHetznerDiscovery::selectsByLabel()
{
    const auto refresher =
        world_.refresher("hetzner", "role: hcloud\nlabel_selector: 'env in (a,b)'\n");
    world_.refresh(*refresher);
    QVERIFY(asked(server_).startsWith(
        "GET /v1/servers?label_selector=env in (a,b)&page=1&per_page=50\n"));
}

void TestHetznerDiscovery::listsRobotServers()
{
    const auto refresher = world_.refresher(
        "hetzner", "role: robot\nport: 9100\nbasic_auth: {username: u, password: p}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /server"}));
    QCOMPARE(std::string(server_.last("GET /server").header("Authorization")),
             std::string("Basic dTpw"));
    QCOMPARE(shown(groups[0], "hetzner"),
             lines({"__address__=123.123.123.123:9100", "datacenter=nbg1-dc1",
                    "public_ipv4=123.123.123.123", "public_ipv6_network=2a01:4f8:111:4221::/64",
                    "robot_cancelled=false", "robot_datacenter=nbg1-dc1", "robot_product=DS 3000",
                    "role=robot", "server_id=321", "server_name=server1", "server_status=ready"}));
    auto second = labelsOf(groups[0], 1);
    QCOMPARE(second["__meta_hetzner_robot_cancelled"], std::string("true"));
    QVERIFY(!second.contains("__meta_hetzner_public_ipv6_network"));
}

void TestHetznerDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "hetzner", "role: hcloud", "GET /v1/networks"),
             QString());
    QCOMPARE(acceptedNonsense(world_, server_, "hetzner", "role: hcloud", "GET /v1/servers"),
             QString());
    QCOMPARE(acceptedNonsense(world_, server_, "hetzner", "role: robot", "GET /server"), QString());
}

QTEST_GUILESS_MAIN(TestHetznerDiscovery)
#include "tst_hetzner_discovery.moc"
