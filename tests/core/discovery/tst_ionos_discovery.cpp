// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kServers = "GET /cloudapi/v6/datacenters/dc-1/servers";

const char* servers()
{
    return R"({"id":"dc-1/servers","items":[
      {"id":"s1","metadata":{"state":"AVAILABLE"},
       "properties":{"name":"prometheus-2","availabilityZone":"ZONE_2","vmState":"RUNNING",
         "cpuFamily":"INTEL_SKYLAKE","type":"ENTERPRISE","bootCdrom":{"id":"cd1"},
         "bootVolume":{"id":"v1"}},
       "entities":{"volumes":{"items":[{"properties":{"image":"img1"}},
                                       {"properties":{"image":"img2"}}]},
         "nics":{"items":[
           {"properties":{"ips":["185.56.150.9","85.215.238.118"]}},
           {"properties":{"name":"my nic","ips":["85.215.243.177"]}},
           {"properties":null}]}}},
      {"id":"s2","properties":{"name":"no address"},"entities":{"nics":{"items":[]}}}]})";
}

} // namespace

class TestIonosDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refusesConfigurationsWithoutDatacenter();
    void listsServers();
    void failsOnBadAnswers();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestIonosDiscovery::refusesConfigurationsWithoutDatacenter()
{
    QVERIFY(problemOf("ionos", "port: 80").contains("datacenter id can't be empty"));
}

void TestIonosDiscovery::listsServers()
{
    world_.apiBase = server_.url();
    server_.json(kServers, servers());
    const auto refresher =
        world_.refresher("ionos", "datacenter_id: dc-1\nbasic_auth: {username: u, password: p}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), QString("%1?depth=3\n").arg(kServers));
    QCOMPARE(std::string(server_.last(kServers).header("Authorization")),
             std::string("Basic dTpw"));
    QCOMPARE(groups[0].source, std::string("ionos"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(
        shown(groups[0], "ionos_server"),
        lines({"__address__=85.215.243.177:80", "availability_zone=ZONE_2", "boot_cdrom_id=cd1",
               "boot_image_id=img1", "boot_volume_id=v1", "cpu_family=INTEL_SKYLAKE", "id=s1",
               "ip=,85.215.243.177,185.56.150.9,85.215.238.118,", "lifecycle=AVAILABLE",
               "name=prometheus-2", "nic_ip_my_nic=,85.215.243.177,",
               "nic_ip_unnamed=,185.56.150.9,85.215.238.118,", "servers_id=dc-1/servers",
               "state=RUNNING", "type=ENTERPRISE"}));
}

void TestIonosDiscovery::failsOnBadAnswers()
{
    world_.apiBase = server_.url();
    QCOMPARE(acceptedNonsense(world_, server_, "ionos", "datacenter_id: dc-1", kServers),
             QString());
}

QTEST_GUILESS_MAIN(TestIonosDiscovery)
#include "tst_ionos_discovery.moc"
