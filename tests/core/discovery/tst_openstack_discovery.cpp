// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kLogin = "POST /identity/v3/auth/tokens";

/// The catalog of a cloud whose services all live at `url`, in two regions and two interfaces.
std::string catalog(const std::string& url)
{
    const auto endpoint = [](const std::string& interface, const std::string& region,
                             const std::string& at) {
        return R"({"interface":")" + interface + R"(","region":")" + region + R"(","region_id":")" +
               region + R"(","url":")" + at + R"("})";
    };
    const auto service = [&](const std::string& type, const std::string& path) {
        return R"({"type":")" + type + R"(","endpoints":[)" +
               endpoint("public", "Other", url + "/wrong") + "," +
               endpoint("admin", "RegionOne", url + "/admin" + path) + "," +
               endpoint("public", "RegionOne", url + path) + "]}";
    };
    return R"({"token":{"catalog":[)" + service("compute", "/nova/v2.1/") + "," +
           service("network", "/neutron/v2.0") + "," + service("load-balancer", "/octavia") + "]}}";
}

const char* ports()
{
    return R"({"ports":[{"id":"port1","device_id":"vm1"},{"id":"lbport","device_id":"lb"}]})";
}

const char* floatingIps()
{
    return R"({"floatingips":[
        {"port_id":"port1","fixed_ip_address":"10.0.0.31","floating_ip_address":"198.51.100.1"},
        {"port_id":"gone","fixed_ip_address":"10.0.0.9","floating_ip_address":"198.51.100.2"},
        {"port_id":null,"fixed_ip_address":null,"floating_ip_address":"198.51.100.3"},
        {"port_id":"lbport","fixed_ip_address":"10.0.0.40","floating_ip_address":"198.51.100.4"}
        ]})";
}

std::string servers(const std::string& next)
{
    return R"({"servers":[{"id":"vm1","name":"herp","status":"ACTIVE","tenant_id":"p1",
        "user_id":"u1","flavor":{"original_name":"m1.medium","id":"1"},"image":{"id":"img1"},
        "metadata":{"env.a":"prod"},
        "addresses":{"private":[{"addr":"10.0.0.31"},{"addr":"198.51.100.1"}],
                     "six":[{"addr":"2001:db8::1"}]}}],
      "servers_links":[{"rel":"next","href":")" +
           next + R"("}]})";
}

const char* moreServers()
{
    return R"({"servers":[
        {"id":"vm2","name":"derp","status":"SHUTOFF","flavor":{"id":"4"},"image":"",
         "addresses":{"private":[{"addr":"10.0.0.32"}]}},
        {"id":"vm3","flavor":{"id":4},"addresses":{"private":[{"addr":"10.0.0.33"}]}},
        {"id":"vm4","flavor":{"id":"4"},"addresses":{}}]})";
}

const char* hypervisors()
{
    return R"({"hypervisors":[{"id":1,"hypervisor_hostname":"nc14.cloud","host_ip":"172.16.70.14",
        "status":"enabled","state":"up","hypervisor_type":"QEMU"}]})";
}

const char* balancers()
{
    return R"({"loadbalancers":[{"id":"lb1","name":"lb","operating_status":"ONLINE",
        "provisioning_status":"ACTIVE","availability_zone":"az1","vip_address":"10.0.0.40",
        "vip_port_id":"lbport","provider":"amphora","tags":["a","b"],"project_id":"p1"},
       {"id":"lb2","vip_address":"10.0.0.41"}]})";
}

const char* listeners()
{
    return R"({"listeners":[
        {"protocol":"HTTP","protocol_port":80,"loadbalancers":[{"id":"lb1"},{"id":"lb2"}]},
        {"protocol":"PROMETHEUS","protocol_port":9273,"loadbalancers":[{"id":"lb1"}]}]})";
}

} // namespace

class TestOpenStackDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void sendsTheWayToLogIn_data();
    void sendsTheWayToLogIn();
    void takesCredentialsFromTheEnvironment();
    void needsAnIdentityEndpoint();
    void listsInstancesOfAllPages();
    void asksForAllTenants();
    void listsHypervisors();
    void listsBalancersThatServeMetrics();
    void choosesTheInterface();
    void namesTheServiceThatIsMissing();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& role, const std::string& more = {}) const
    {
        return "identity_endpoint: " + server_.url() +
               "/identity/v3/\nuserid: u\npassword: p\nregion: RegionOne\nrole: " + role + "\n" +
               more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestOpenStackDiscovery::init()
{
    server_.forget();
    server_.answerWith(kLogin, {.status = 201,
                                .contentType = "application/json",
                                .body = catalog(server_.url()),
                                .headers = {{"X-Subject-Token", "t0ken"}}});
    server_.json("GET /neutron/v2.0/ports", ports());
    server_.json("GET /neutron/v2.0/floatingips", floatingIps());
    const std::string next = server_.url() + "/nova/v2.1/servers/detail?marker=vm1";
    server_.handle("GET /nova/v2.1/servers/detail", [next](const net::ServerRequest& request) {
        const bool second = request.parameter("marker").has_value();
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? moreServers() : servers(next)};
    });
    server_.json("GET /nova/v2.1/os-hypervisors/detail", hypervisors());
    server_.json("GET /octavia/v2.0/lbaas/loadbalancers", balancers());
    server_.json("GET /octavia/v2.0/lbaas/listeners", listeners());
}

void TestOpenStackDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("role") << "region: r"
                          << "role missing (one of: instance, hypervisor, loadbalancer)";
    QTest::newRow("unknown role") << "region: r\nrole: vm"
                                  << "unknown OpenStack SD role \"vm\"";
    QTest::newRow("region") << "role: instance"
                            << "openstack SD configuration requires a region";
    QTest::newRow("availability")
        << "role: instance\nregion: r\navailability: secret"
        << "unknown availability secret, must be one of admin, internal or public";
}

void TestOpenStackDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("openstack", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestOpenStackDiscovery::sendsTheWayToLogIn_data()
{
    QTest::addColumn<QString>("keys");
    QTest::addColumn<QString>("body");
    QTest::newRow("user id and project id")
        << "userid: u1\npassword: p\nproject_id: pr"
        << R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u1","password":"p"}}},"scope":{"project":{"id":"pr"}}}})";
    QTest::newRow("names in a domain")
        << "username: u\npassword: p\nproject_name: pr\ndomain_name: d"
        << R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u","domain":{"name":"d"},"password":"p"}}},"scope":{"project":{"name":"pr","domain":{"name":"d"}}}}})";
    QTest::newRow("without project")
        << "username: u\npassword: p\ndomain_id: d"
        << R"({"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u","domain":{"id":"d"},"password":"p"}}}}})";
    QTest::newRow("application credential")
        << "application_credential_id: a\napplication_credential_secret: s\nproject_id: x"
        << R"({"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":"a","secret":"s"}}}})";
    QTest::newRow("application credential by name")
        << "application_credential_name: a\napplication_credential_secret: s\nuserid: u"
        << R"({"auth":{"identity":{"methods":["application_credential"],"application_credential":{"name":"a","user":{"id":"u"},"secret":"s"}}}})";
    QTest::newRow("no user") << "password: p"
                             << "";
    QTest::newRow("no domain") << "username: u\npassword: p"
                               << "";
}

void TestOpenStackDiscovery::sendsTheWayToLogIn()
{
    QFETCH(QString, keys);
    QFETCH(QString, body);
    const auto refresher = world_.refresher(
        "openstack", "identity_endpoint: " + server_.url() +
                         "/identity\nrole: hypervisor\nregion: RegionOne\n" + keys.toStdString());
    const std::string error = world_.refreshError(*refresher);
    QCOMPARE(error.empty(), !body.isEmpty());
    if (!body.isEmpty()) {
        QCOMPARE(QString::fromStdString(server_.last(kLogin).body), body);
    }
}

void TestOpenStackDiscovery::takesCredentialsFromTheEnvironment()
{
    world_.variables = {{"OS_AUTH_URL", server_.url() + "/identity/v3"},
                        {"OS_USERNAME", "env"},
                        {"OS_PASSWORD", "pw"},
                        {"OS_USER_DOMAIN_NAME", "Default"},
                        {"OS_PROJECT_ID", "pr"}};
    const auto refresher = world_.refresher("openstack", "role: hypervisor\nregion: RegionOne\n");
    world_.refresh(*refresher);
    const auto body = QString::fromStdString(server_.last(kLogin).body);
    QVERIFY2(body.contains("\"name\":\"env\"") && body.contains("\"Default\""), qPrintable(body));
    world_.variables.clear();
}

void TestOpenStackDiscovery::needsAnIdentityEndpoint()
{
    const auto config = DiscoveryWorld::read("openstack", "role: hypervisor\nregion: r");
    QVERIFY(config.ok());
    const auto provider = (*config)->makeProvider(world_.environment());
    QVERIFY(!provider.ok());
    QVERIFY(provider.status().ToString().find("OS_AUTH_URL") != std::string::npos);
}

void TestOpenStackDiscovery::listsInstancesOfAllPages()
{
    const auto refresher = world_.refresher("openstack", yaml("instance"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             lines({"POST /identity/v3/auth/tokens", "GET /neutron/v2.0/ports",
                    "GET /neutron/v2.0/floatingips", "GET /nova/v2.1/servers/detail",
                    "GET /nova/v2.1/servers/detail?marker=vm1"}));
    QCOMPARE(std::string(server_.last("GET /nova/v2.1/servers/detail").header("X-Auth-Token")),
             std::string("t0ken"));
    QCOMPARE(groups[0].source, std::string("OS_RegionOne"));
    QCOMPARE(addressesOf(groups[0]), QString("10.0.0.31:80 [2001:db8::1]:80 10.0.0.32:80"));
    QCOMPARE(shown(groups[0], "openstack"),
             lines({"__address__=10.0.0.31:80", "address_pool=private", "instance_flavor=m1.medium",
                    "instance_id=vm1", "instance_image=img1", "instance_name=herp",
                    "instance_status=ACTIVE", "private_ip=10.0.0.31", "project_id=p1",
                    "public_ip=198.51.100.1", "tag_env_a=prod", "user_id=u1"}));
    QVERIFY(!labelsOf(groups[0], 1).contains("__meta_openstack_public_ip"));
    auto second = labelsOf(groups[0], 2);
    QCOMPARE(second["__meta_openstack_instance_flavor"], std::string("4"));
    QVERIFY(!second.contains("__meta_openstack_instance_image"));
}

void TestOpenStackDiscovery::asksForAllTenants()
{
    const auto refresher = world_.refresher("openstack", yaml("instance", "all_tenants: true\n"));
    world_.refresh(*refresher);
    QVERIFY(asked(server_).contains("GET /nova/v2.1/servers/detail?all_tenants=true\n"));
    world_.refresh(*refresher);
    QCOMPARE(server_.count(kLogin), std::size_t{2});
}

void TestOpenStackDiscovery::listsHypervisors()
{
    const auto refresher = world_.refresher("openstack", yaml("hypervisor", "port: 9100\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(shown(groups[0], "openstack"),
             lines({"__address__=172.16.70.14:9100", "hypervisor_host_ip=172.16.70.14",
                    "hypervisor_hostname=nc14.cloud", "hypervisor_id=1", "hypervisor_state=up",
                    "hypervisor_status=enabled", "hypervisor_type=QEMU"}));
}

void TestOpenStackDiscovery::listsBalancersThatServeMetrics()
{
    const auto refresher = world_.refresher("openstack", yaml("loadbalancer"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             lines({"POST /identity/v3/auth/tokens", "GET /octavia/v2.0/lbaas/loadbalancers",
                    "GET /octavia/v2.0/lbaas/listeners", "GET /neutron/v2.0/floatingips"}));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(shown(groups[0], "openstack"),
             lines({"__address__=10.0.0.40:9273", "loadbalancer_availability_zone=az1",
                    "loadbalancer_floating_ip=198.51.100.4", "loadbalancer_id=lb1",
                    "loadbalancer_name=lb", "loadbalancer_operating_status=ONLINE",
                    "loadbalancer_provider=amphora", "loadbalancer_provisioning_status=ACTIVE",
                    "loadbalancer_tags=a,b", "loadbalancer_vip=10.0.0.40", "project_id=p1"}));
}

void TestOpenStackDiscovery::choosesTheInterface()
{
    server_.json("GET /admin/nova/v2.1/os-hypervisors/detail", R"({"hypervisors":[]})");
    const auto refresher =
        world_.refresher("openstack", yaml("hypervisor", "availability: admin\n"));
    QVERIFY(world_.refresh(*refresher)[0].entries.empty());
}

void TestOpenStackDiscovery::namesTheServiceThatIsMissing()
{
    server_.answerWith(kLogin, {.status = 201,
                                .contentType = "application/json",
                                .body = R"({"token":{"catalog":[]}})",
                                .headers = {{"X-Subject-Token", "t0ken"}}});
    const auto refresher = world_.refresher("openstack", yaml("hypervisor"));
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("the OpenStack catalog has no public endpoint of \"compute\" in region "
                     "\"RegionOne\""));
}

void TestOpenStackDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("request");
    QTest::newRow("login") << "instance" << kLogin;
    QTest::newRow("ports") << "instance"
                           << "GET /neutron/v2.0/ports";
    QTest::newRow("floating") << "instance"
                              << "GET /neutron/v2.0/floatingips";
    QTest::newRow("servers") << "instance"
                             << "GET /nova/v2.1/servers/detail";
    QTest::newRow("hypervisors") << "hypervisor"
                                 << "GET /nova/v2.1/os-hypervisors/detail";
    QTest::newRow("balancers") << "loadbalancer"
                               << "GET /octavia/v2.0/lbaas/loadbalancers";
    QTest::newRow("listeners") << "loadbalancer"
                               << "GET /octavia/v2.0/lbaas/listeners";
}

void TestOpenStackDiscovery::failsOnBadAnswers()
{
    QFETCH(QString, role);
    QFETCH(QString, request);
    QCOMPARE(acceptedNonsense(world_, server_, "openstack", yaml(role.toStdString()),
                              request.toStdString()),
             QString());
}

QTEST_GUILESS_MAIN(TestOpenStackDiscovery)
#include "tst_openstack_discovery.moc"
