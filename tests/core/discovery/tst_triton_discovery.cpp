// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* containers()
{
    return R"({"containers":[
        {"groups":["foo","bar","baz"],"server_uuid":"44454c4c","vm_alias":"server01",
         "vm_brand":"lx","vm_image_uuid":"7b27a514","vm_uuid":"ad466fbf"},
        {"server_uuid":"a5894692","vm_alias":"server02","vm_brand":"kvm",
         "vm_image_uuid":"a5894692","vm_uuid":"7b27a514"}]})";
}

const char* nodes() { return R"({"cns":[{"server_uuid":"44454c4c","server_hostname":"node1"}]})"; }

} // namespace

class TestTritonDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void listsContainers();
    void listsComputeNodes();
    void failsOnBadAnswers();

private:
    static std::string yaml(const std::string& more = {})
    {
        return "account: a\ndns_suffix: triton.example.com\nendpoint: 127.0.0.1\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestTritonDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.json("GET /v1/discover", containers());
    server_.json("GET /v2/gz/discover", nodes());
}

void TestTritonDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("role") << "role: vm"
                          << "requires role to be 'container' or 'cn'";
    QTest::newRow("account") << "port: 1"
                             << "triton SD configuration requires an account";
    QTest::newRow("suffix") << "port: 1"
                            << "triton SD configuration requires a dns_suffix";
    QTest::newRow("endpoint") << "port: 1"
                              << "triton SD configuration requires an endpoint";
    QTest::newRow("interval") << "refresh_interval: 0s"
                              << "requires RefreshInterval to be a positive integer";
}

void TestTritonDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("triton", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestTritonDiscovery::listsContainers()
{
    const auto refresher = world_.refresher("triton", yaml("groups: [foo, bar]\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v1/discover?groups=foo,bar"}));
    QCOMPARE(groups[0].source, server_.url() + "/v1/discover?groups=foo%2Cbar");
    QCOMPARE(shown(groups[0], "triton"),
             lines({"__address__=ad466fbf.triton.example.com:9163", "groups=,foo,bar,baz,",
                    "machine_alias=server01", "machine_brand=lx", "machine_id=ad466fbf",
                    "machine_image=7b27a514", "server_id=44454c4c"}));
    QVERIFY(!labelsOf(groups[0], 1).contains("__meta_triton_groups"));
}

void TestTritonDiscovery::listsComputeNodes()
{
    const auto refresher = world_.refresher("triton", yaml("role: cn\nversion: 2\nport: 9100\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v2/gz/discover"}));
    QCOMPARE(shown(groups[0], "triton"), lines({"__address__=44454c4c.triton.example.com:9100",
                                                "machine_alias=node1", "machine_id=44454c4c"}));
}

void TestTritonDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "triton", yaml(), "GET /v1/discover"), QString());
}

QTEST_GUILESS_MAIN(TestTritonDiscovery)
#include "tst_triton_discovery.moc"
