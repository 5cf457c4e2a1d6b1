// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kInstances = "GET /v2/instances";

const char* firstPage()
{
    return R"({"instances":[{"id":"dbdbd38c","os":"Ubuntu 22.04","ram":2048,"disk":55,
        "main_ip":"149.28.234.27","vcpu_count":1,"region":"nrt","plan":"vc2-1c-2gb",
        "allowed_bandwidth":2000,"server_status":"ok","v6_main_ip":"2001:19f0::1",
        "hostname":"h1","label":"l1","internal_ip":"10.1.96.5","os_id":1743,
        "tags":["dev","web"],"features":["ipv6","backups"]}],
      "meta":{"total":2,"links":{"next":"bmV4dA==","prev":""}}})";
}

const char* secondPage()
{
    return R"({"instances":[{"id":"2","main_ip":"149.28.234.28","tags":[],"features":[]}],
      "meta":{"total":2,"links":{"next":"","prev":"x"}}})";
}

} // namespace

class TestVultrDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void listsInstancesOfAllPages();
    void failsOnBadAnswers();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestVultrDiscovery::listsInstancesOfAllPages()
{
    world_.apiBase = server_.url();
    server_.handle(kInstances, [](const net::ServerRequest& request) {
        const bool second = request.parameter("cursor") == "bmV4dA==";
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? secondPage() : firstPage()};
    });
    const auto refresher = world_.refresher("vultr", "authorization: {credentials: t0ken}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v2/instances?per_page=100",
                                    "GET /v2/instances?per_page=100&cursor=bmV4dA=="}));
    QCOMPARE(std::string(server_.last(kInstances).header("Authorization")),
             std::string("Bearer t0ken"));
    QCOMPARE(groups[0].source, std::string("Vultr"));
    QCOMPARE(addressesOf(groups[0]), QString("149.28.234.27:80 149.28.234.28:80"));
    QCOMPARE(
        shown(groups[0], "vultr_instance"),
        lines({"__address__=149.28.234.27:80", "allowed_bandwidth_gb=2000", "disk_gb=55",
               "features=,ipv6,backups,", "hostname=h1", "id=dbdbd38c", "internal_ip=10.1.96.5",
               "label=l1", "main_ip=149.28.234.27", "main_ipv6=2001:19f0::1", "os=Ubuntu 22.04",
               "os_id=1743", "plan=vc2-1c-2gb", "ram_mb=2048", "region=nrt", "server_status=ok",
               "tags=,dev,web,", "vcpu_count=1"}));
}

void TestVultrDiscovery::failsOnBadAnswers()
{
    world_.apiBase = server_.url();
    QCOMPARE(acceptedNonsense(world_, server_, "vultr", "port: 80", kInstances), QString());
}

QTEST_GUILESS_MAIN(TestVultrDiscovery)
#include "tst_vultr_discovery.moc"
