// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QRegularExpression>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kInstances = "GET /v4/linode/instances";
const char* const kIps = "GET /v4/networking/ips";
const char* const kRanges = "GET /v4/networking/ipv6/ranges";
const char* const kEvents = "GET /v4/account/events";

const char* instances()
{
    return R"({"data":[{"id":26838044,"label":"node-1","image":"linode/arch","region":"us-east",
        "type":"g6-standard-2","status":"running","group":"g","hypervisor":"kvm",
        "ipv4":["45.33.82.151","96.126.108.16","192.168.170.51","192.168.201.25"],
        "ipv6":"2600:3c03::f03c:92ff:fe1a:1382/128","tags":["monitoring","b"],
        "backups":{"enabled":true},
        "specs":{"disk":81920,"memory":4096,"vcpus":2,"gpus":0,"transfer":4000}},
       {"id":2,"label":"none","ipv4":[]}],"page":1,"pages":1})";
}

const char* addresses(bool second)
{
    return second ? R"({"data":[
        {"address":"192.168.201.25","public":false,"rdns":null},
        {"address":"2600:3c03::f03c:92ff:fe1a:1382","public":true,"rdns":"six.example"}],
       "page":2,"pages":2})"
                  : R"({"data":[
        {"address":"45.33.82.151","public":true,"rdns":"li1028-151.members.linode.com"},
        {"address":"96.126.108.16","public":true,"rdns":"other"},
        {"address":"192.168.170.51","public":false,"rdns":null}],"page":1,"pages":2})";
}

const char* ranges()
{
    return R"({"data":[{"range":"2600:3c03:e000:123::","prefix":64,"region":"us-east",
        "route_target":"2600:3c03::f03c:92ff:fe1a:1382"},
       {"range":"2600::","prefix":56,"route_target":"2600::1"}],"page":1,"pages":1})";
}

const char* const kNoEvents = R"({"data":[],"page":1,"pages":1})";

} // namespace

class TestLinodeDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void listsInstancesWithTheirAddresses();
    void filtersByRegion();
    void readsAllOnlyWhenSomethingHappened();
    void readsAllEveryTenthPoll();
    void readsAllAlwaysWhenEventsAreForbidden();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();
    void keepsAskingAfterAFailureOfEvents();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestLinodeDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.json(kInstances, instances());
    server_.handle(kIps, [](const net::ServerRequest& request) {
        return net::ServerResponse{.contentType = "application/json",
                                   .body = addresses(request.parameter("page") == "2")};
    });
    server_.json(kRanges, ranges());
    server_.json(kEvents, kNoEvents);
}

void TestLinodeDiscovery::listsInstancesWithTheirAddresses()
{
    const auto refresher = world_.refresher("linode", "authorization: {credentials: t0ken}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v4/linode/instances?page=1&page_size=500",
                                    "GET /v4/networking/ips?page=1&page_size=500",
                                    "GET /v4/networking/ips?page=2&page_size=500",
                                    "GET /v4/networking/ipv6/ranges?page=1&page_size=500"}));
    QCOMPARE(std::string(server_.last(kInstances).header("Authorization")),
             std::string("Bearer t0ken"));
    QVERIFY(server_.last(kInstances).header("X-Filter").empty());
    QCOMPARE(groups[0].source, std::string("Linode"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(shown(groups[0], "linode"), lines({"__address__=45.33.82.151:80",
                                                "backups=enabled",
                                                "extra_ips=,96.126.108.16,192.168.201.25,",
                                                "gpus=0",
                                                "group=g",
                                                "hypervisor=kvm",
                                                "image=linode/arch",
                                                "instance_id=26838044",
                                                "instance_label=node-1",
                                                "ipv6_ranges=,2600:3c03:e000:123::/64,",
                                                "private_ipv4=192.168.170.51",
                                                "public_ipv4=45.33.82.151",
                                                "public_ipv4_rdns=li1028-151.members.linode.com",
                                                "public_ipv6=2600:3c03::f03c:92ff:fe1a:1382",
                                                "public_ipv6_rdns=six.example",
                                                "region=us-east",
                                                "specs_disk_bytes=85899345920",
                                                "specs_memory_bytes=4294967296",
                                                "specs_transfer_bytes=4194304000",
                                                "specs_vcpus=2",
                                                "status=running",
                                                "tags=,monitoring,b,",
                                                "type=g6-standard-2"}));
}

void TestLinodeDiscovery::filtersByRegion()
{
    const auto refresher = world_.refresher("linode", "region: us-east\ntag_separator: ';'\n");
    const auto groups = world_.refresh(*refresher);
    for (const char* path : {kInstances, kIps, kRanges}) {
        QCOMPARE(QString::fromStdString(std::string(server_.last(path).header("X-Filter"))),
                 QString("{\"region\": \"us-east\"}"));
    }
    QCOMPARE(labelsOf(groups[0])["__meta_linode_tags"], std::string(";monitoring;b;"));
}

void TestLinodeDiscovery::readsAllOnlyWhenSomethingHappened()
{
    const auto refresher = world_.refresher("linode", "port: 1");
    const auto first = world_.refresh(*refresher);
    QCOMPARE(world_.refresh(*refresher), first);
    QCOMPARE(server_.count(kInstances), std::size_t{1});
    const auto events = server_.last(kEvents);
    QCOMPARE(std::string(*events.parameter("page_size")), std::string("25"));
    const auto filter = QString::fromStdString(std::string(events.header("X-Filter")));
    const QRegularExpression form(
        R"(^\{"created": \{"\+gte": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"\}\}$)");
    QVERIFY2(form.match(filter).hasMatch(), qPrintable(filter));
    server_.json(kEvents, R"({"data":[{"id":1}],"page":1,"pages":1})");
    world_.refresh(*refresher);
    QCOMPARE(server_.count(kInstances), std::size_t{2});
}

void TestLinodeDiscovery::readsAllEveryTenthPoll()
{
    const auto refresher = world_.refresher("linode", "port: 1");
    for (int i = 0; i < 10; ++i) {
        world_.refresh(*refresher);
    }
    QCOMPARE(server_.count(kEvents), std::size_t{9});
    QCOMPARE(server_.count(kInstances), std::size_t{1});
    world_.refresh(*refresher);
    QCOMPARE(server_.count(kInstances), std::size_t{2});
}

void TestLinodeDiscovery::readsAllAlwaysWhenEventsAreForbidden()
{
    server_.answerWith(kEvents, {.status = 401});
    const auto refresher = world_.refresher("linode", "port: 1");
    for (int i = 0; i < 3; ++i) {
        world_.refresh(*refresher);
    }
    QCOMPARE(server_.count(kEvents), std::size_t{1});
    QCOMPARE(server_.count(kInstances), std::size_t{3});
}

void TestLinodeDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<QString>("list");
    QTest::newRow("instances") << kInstances;
    QTest::newRow("addresses") << kIps;
    QTest::newRow("ranges") << kRanges;
}

void TestLinodeDiscovery::failsOnBadAnswers()
{
    QFETCH(QString, list);
    const double before = world_.metrics.value("prometheus_sd_linode_failures_total");
    QCOMPARE(acceptedNonsense(world_, server_, "linode", "port: 1", list.toStdString()), QString());
    QCOMPARE(world_.metrics.value("prometheus_sd_linode_failures_total"), before + 5);
}

void TestLinodeDiscovery::keepsAskingAfterAFailureOfEvents()
{
    const auto refresher = world_.refresher("linode", "port: 1");
    world_.refresh(*refresher);
    server_.answerWith(kEvents, {.status = 500});
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("HTTP status 500"), qPrintable(error));
    server_.json(kEvents, kNoEvents);
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), QString("45.33.82.151:1"));
}

QTEST_GUILESS_MAIN(TestLinodeDiscovery)
#include "tst_linode_discovery.moc"
