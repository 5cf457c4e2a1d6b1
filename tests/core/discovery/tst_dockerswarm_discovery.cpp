// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* services()
{
    return R"([{"ID":"s1","Spec":{"Name":"web","Labels":{"a.b":"c"},"Mode":{"Replicated":{}},
        "TaskTemplate":{"ContainerSpec":{"Image":"nginx:1","Hostname":"w"}}},
        "UpdateStatus":{"State":"completed"},
        "Endpoint":{"Ports":[
            {"Name":"http","Protocol":"tcp","PublishedPort":8080,"PublishMode":"ingress"},
            {"Protocol":"udp","PublishedPort":53,"PublishMode":"ingress"}],
          "VirtualIPs":[{"NetworkID":"n1","Addr":"10.0.1.3/24"},
                        {"NetworkID":"n2","Addr":"fd00::3/64"}]}},
       {"ID":"s2","Spec":{"Name":"agent","Mode":{"Global":{}}},
        "Endpoint":{"VirtualIPs":[{"NetworkID":"n1","Addr":"10.0.1.4/24"}]}},
       {"ID":"s3","Spec":{"Name":"plugin","Mode":{}},"Endpoint":{}}])";
}

const char* nodes()
{
    return R"([{"ID":"node1","Spec":{"Role":"manager","Availability":"active",
        "Labels":{"disk":"ssd"}},
        "Description":{"Hostname":"h1","Platform":{"Architecture":"x86_64","OS":"linux"},
                       "Engine":{"EngineVersion":"27.1"}},
        "Status":{"State":"ready","Addr":"192.0.2.1"},
        "ManagerStatus":{"Leader":true,"Reachability":"reachable","Addr":"192.0.2.1:2377"}},
       {"ID":"node2","Spec":{"Role":"worker","Availability":"drain"},
        "Description":{"Hostname":"h2"},"Status":{"State":"down","Addr":"192.0.2.2"}}])";
}

const char* networks()
{
    return R"([{"Id":"n1","Name":"front","Scope":"swarm","Internal":false,"Ingress":true,
                "Labels":{"l":"v"}},
               {"Id":"n2","Name":"six","Scope":"swarm","Internal":true,"Ingress":false}])";
}

const char* tasks()
{
    return R"([{"ID":"t1","ServiceID":"s1","NodeID":"node1","Slot":2,"DesiredState":"running",
        "Spec":{"ContainerSpec":{"Labels":{"team":"x"}}},
        "Status":{"State":"running","ContainerStatus":{"ContainerID":"c1"},
          "PortStatus":{"Ports":[
            {"Protocol":"tcp","PublishedPort":9100,"PublishMode":"host"},
            {"Protocol":"udp","PublishedPort":9101,"PublishMode":"host"}]}},
        "NetworksAttachments":[{"Network":{"ID":"n1"},"Addresses":["10.0.1.9/24"]}]},
       {"ID":"t2","ServiceID":"s2","NodeID":"gone","DesiredState":"shutdown",
        "Status":{"State":"complete"},
        "NetworksAttachments":[{"Network":{"ID":"n2"},"Addresses":["fd00::9/64"]}]}])";
}

} // namespace

class TestDockerSwarmDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void listsServicesByVirtualAddress();
    void listsNodes();
    void listsTasksWithServiceAndNode();
    void filtersOnlyTheRolesOwnList_data();
    void filtersOnlyTheRolesOwnList();
    void refusesAddressesThatAreNone();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& role, const std::string& more = {}) const
    {
        return "host: " + server_.url() + "\nrole: " + role + "\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestDockerSwarmDiscovery::init()
{
    server_.forget();
    server_.answerWith("GET /_ping", {.body = "OK", .headers = {{"Api-Version", "1.41"}}});
    server_.json("GET /v1.41/services", services());
    server_.json("GET /v1.41/nodes", nodes());
    server_.json("GET /v1.41/tasks", tasks());
    server_.json("GET /v1.41/networks", networks());
}

void TestDockerSwarmDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("host") << "role: tasks"
                          << "host missing";
    QTest::newRow("role") << "host: http://h"
                          << "role missing (one of: tasks, services, nodes)";
    QTest::newRow("other role") << "host: http://h\nrole: pods"
                                << "invalid role pods, expected tasks, services, or nodes";
}

void TestDockerSwarmDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("dockerswarm", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestDockerSwarmDiscovery::listsServicesByVirtualAddress()
{
    const auto refresher = world_.refresher("dockerswarm", yaml("services", "port: 9000\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /_ping", "GET /v1.41/services", "GET /v1.41/networks"}));
    QCOMPARE(groups[0].source, std::string("DockerSwarm"));
    QCOMPARE(addressesOf(groups[0]), QString("10.0.1.3:8080 [fd00::3]:8080 10.0.1.4:9000"));
    QCOMPARE(
        shown(groups[0], "dockerswarm"),
        lines({"__address__=10.0.1.3:8080", "network_id=n1", "network_ingress=true",
               "network_internal=false", "network_label_l=v", "network_name=front",
               "network_scope=swarm", "service_endpoint_port_name=http",
               "service_endpoint_port_publish_mode=ingress", "service_id=s1", "service_label_a_b=c",
               "service_mode=replicated", "service_name=web", "service_task_container_hostname=w",
               "service_task_container_image=nginx:1", "service_updating_status=completed"}));
    QCOMPARE(labelsOf(groups[0], 2)["__meta_dockerswarm_service_mode"], std::string("global"));
}

void TestDockerSwarmDiscovery::listsNodes()
{
    const auto refresher = world_.refresher("dockerswarm", yaml("nodes"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /_ping", "GET /v1.41/nodes"}));
    QCOMPARE(shown(groups[0], "dockerswarm"),
             lines({"__address__=192.0.2.1:80", "node_address=192.0.2.1",
                    "node_availability=active", "node_engine_version=27.1", "node_hostname=h1",
                    "node_id=node1", "node_label_disk=ssd", "node_manager_address=192.0.2.1:2377",
                    "node_manager_leader=true", "node_manager_reachability=reachable",
                    "node_platform_architecture=x86_64", "node_platform_os=linux",
                    "node_role=manager", "node_status=ready"}));
    QVERIFY(!labelsOf(groups[0], 1).contains("__meta_dockerswarm_node_manager_leader"));
}

void TestDockerSwarmDiscovery::listsTasksWithServiceAndNode()
{
    const auto refresher = world_.refresher("dockerswarm", yaml("tasks"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /_ping", "GET /v1.41/tasks", "GET /v1.41/services",
                                    "GET /v1.41/nodes", "GET /v1.41/networks"}));
    QCOMPARE(addressesOf(groups[0]), QString("192.0.2.1:9100 10.0.1.9:8080 [fd00::9]:80"));
    QCOMPARE(shown(groups[0], "dockerswarm", 1), lines({"__address__=10.0.1.9:8080",
                                                        "container_label_team=x",
                                                        "network_id=n1",
                                                        "network_ingress=true",
                                                        "network_internal=false",
                                                        "network_label_l=v",
                                                        "network_name=front",
                                                        "network_scope=swarm",
                                                        "node_address=192.0.2.1",
                                                        "node_availability=active",
                                                        "node_hostname=h1",
                                                        "node_id=node1",
                                                        "node_label_disk=ssd",
                                                        "node_platform_architecture=x86_64",
                                                        "node_platform_os=linux",
                                                        "node_role=manager",
                                                        "node_status=ready",
                                                        "service_id=s1",
                                                        "service_label_a_b=c",
                                                        "service_mode=replicated",
                                                        "service_name=web",
                                                        "task_container_id=c1",
                                                        "task_desired_state=running",
                                                        "task_id=t1",
                                                        "task_port_publish_mode=ingress",
                                                        "task_slot=2",
                                                        "task_state=running"}));
    auto host = labelsOf(groups[0], 0);
    QCOMPARE(host["__meta_dockerswarm_task_port_publish_mode"], std::string("host"));
    QVERIFY(!host.contains("__meta_dockerswarm_network_id"));
    auto second = labelsOf(groups[0], 2);
    QCOMPARE(second["__meta_dockerswarm_task_slot"], std::string("0"));
    QVERIFY(!second.contains("__meta_dockerswarm_node_id"));
}

void TestDockerSwarmDiscovery::filtersOnlyTheRolesOwnList_data()
{
    QTest::addColumn<QString>("role");
    QTest::newRow("services") << "services";
    QTest::newRow("tasks") << "tasks";
    QTest::newRow("nodes") << "nodes";
}

void TestDockerSwarmDiscovery::filtersOnlyTheRolesOwnList()
{
    QFETCH(QString, role);
    const auto refresher = world_.refresher(
        "dockerswarm", yaml(role.toStdString(), "filters: [{name: id, values: [a]}]\n"));
    world_.refresh(*refresher);
    for (const net::ServerRequest& request : server_.requests()) {
        const bool own = request.path == "/v1.41/" + role.toStdString();
        QCOMPARE(request.parameter("filters").value_or(""),
                 std::string_view(own ? R"({"id":{"a":true}})" : ""));
    }
}

void TestDockerSwarmDiscovery::refusesAddressesThatAreNone()
{
    server_.json("GET /v1.41/services",
                 R"([{"ID":"s","Endpoint":{"VirtualIPs":[{"Addr":"nonsense"}]}}])");
    const auto refresher = world_.refresher("dockerswarm", yaml("services"));
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("error while parsing address nonsense"), qPrintable(error));
}

void TestDockerSwarmDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("list");
    QTest::newRow("services") << "services"
                              << "services";
    QTest::newRow("networks") << "services"
                              << "networks";
    QTest::newRow("nodes") << "nodes"
                           << "nodes";
    QTest::newRow("tasks") << "tasks"
                           << "tasks";
    QTest::newRow("services of tasks") << "tasks"
                                       << "services";
    QTest::newRow("nodes of tasks") << "tasks"
                                    << "nodes";
}

void TestDockerSwarmDiscovery::failsOnBadAnswers()
{
    QFETCH(QString, role);
    QFETCH(QString, list);
    QCOMPARE(acceptedNonsense(world_, server_, "dockerswarm", yaml(role.toStdString()),
                              "GET /v1.41/" + list.toStdString()),
             QString());
}

QTEST_GUILESS_MAIN(TestDockerSwarmDiscovery)
#include "tst_dockerswarm_discovery.moc"
