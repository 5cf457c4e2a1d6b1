// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* firstPage()
{
    return R"({"droplets":[{"id":3164,"name":"web","status":"active","size_slug":"s-1vcpu",
        "vpc_uuid":"v1","image":{"slug":"debian-12","name":"12 x64"},"region":{"slug":"nyc3"},
        "features":["backups","ipv6"],"tags":["prod","web"],
        "networks":{"v4":[{"ip_address":"10.0.0.2","type":"private"},
                          {"ip_address":"192.0.2.1","type":"public"}],
                    "v6":[{"ip_address":"2001:db8::1","type":"public"}]}},
       {"id":1,"name":"no network","networks":{"v4":[]}}],
      "links":{"pages":{"next":"/v2/droplets?page=2",
                        "last":"/v2/droplets?page=2"}}})";
}

const char* secondPage()
{
    return R"({"droplets":[{"id":7,"name":"db","networks":{"v4":[
        {"ip_address":"192.0.2.7","type":"public"}]}}],
      "links":{"pages":{"first":"x","prev":"y"}}})";
}

const char* clusters()
{
    return R"({"databases":[{"id":"d1","name":"main","engine":"pg","version":"16",
        "status":"online","region":"nyc3","size":"db-s-1","num_nodes":2,
        "connection":{"host":"db.example","password":"hunter2"},
        "private_connection":{"host":"private-db.example"},"tags":["env:prod"]},
       {"id":"d2","connection":{"host":"only.example"}}]})";
}

} // namespace

class TestDigitalOceanDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesUnknownRoles();
    void listsDropletsOfAllPages();
    void listsDatabases();
    void failsOnBadAnswers();

private:
    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestDigitalOceanDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
}

void TestDigitalOceanDiscovery::refusesUnknownRoles()
{
    const QString problem = problemOf("digitalocean", "role: pods");
    QVERIFY2(problem.contains("unknown DigitalOcean SD role \"pods\""), qPrintable(problem));
}

void TestDigitalOceanDiscovery::listsDropletsOfAllPages()
{
    server_.handle("GET /v2/droplets", [](const net::ServerRequest& request) {
        const bool second = request.parameter("page") == "2";
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? secondPage() : firstPage()};
    });
    const auto refresher =
        world_.refresher("digitalocean", "authorization: {credentials: t0ken}\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v2/droplets", "GET /v2/droplets?page=2"}));
    QCOMPARE(std::string(server_.last("GET /v2/droplets").header("Authorization")),
             std::string("Bearer t0ken"));
    QCOMPARE(groups[0].source, std::string("DigitalOcean"));
    QCOMPARE(addressesOf(groups[0]), QString("192.0.2.1:80 192.0.2.7:80"));
    QCOMPARE(shown(groups[0], "digitalocean"),
             lines({"__address__=192.0.2.1:80", "droplet_id=3164", "droplet_name=web",
                    "features=,backups,ipv6,", "image=debian-12", "image_name=12 x64",
                    "private_ipv4=10.0.0.2", "public_ipv4=192.0.2.1", "public_ipv6=2001:db8::1",
                    "region=nyc3", "size=s-1vcpu", "status=active", "tags=,prod,web,", "vpc=v1"}));
}

void TestDigitalOceanDiscovery::listsDatabases()
{
    server_.json("GET /v2/databases", clusters());
    const auto refresher = world_.refresher("digitalocean", "role: databases\nport: 9273\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /v2/databases?page=1&per_page=100"}));
    QCOMPARE(groups[0].source, std::string("DigitalOcean Databases"));
    QCOMPARE(shown(groups[0], "digitalocean"),
             lines({"__address__=private-db.example:9273", "db_engine=pg", "db_host=db.example",
                    "db_id=d1", "db_name=main", "db_num_nodes=2",
                    "db_private_host=private-db.example", "db_region=nyc3", "db_size=db-s-1",
                    "db_status=online", "db_tag_env:prod=true", "db_version=16"}));
    QCOMPARE(labelsOf(groups[0], 1)["__address__"], std::string("only.example:9273"));
}

void TestDigitalOceanDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "digitalocean", "port: 80", "GET /v2/droplets"),
             QString());
    QCOMPARE(
        acceptedNonsense(world_, server_, "digitalocean", "role: databases", "GET /v2/databases"),
        QString());
}

QTEST_GUILESS_MAIN(TestDigitalOceanDiscovery)
#include "tst_digitalocean_discovery.moc"
