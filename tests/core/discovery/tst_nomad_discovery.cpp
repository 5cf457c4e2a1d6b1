// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/discovery_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

constexpr const char* kServices =
    "[{\"Namespace\":\"default\",\"Services\":[{\"ServiceName\":\"redis\",\"Tags\":[\"a\"]},"
    "{\"ServiceName\":\"web/x\",\"Tags\":[]}]},{\"Namespace\":\"other\",\"Services\":[]}]";
constexpr const char* kRedis =
    "[{\"ID\":\"_nomad-task-1\",\"ServiceName\":\"redis\",\"Namespace\":\"default\",\"NodeID\":"
    "\"n-1\",\"Datacenter\":\"dc1\",\"JobID\":\"j\",\"Tags\":[\"a\",\"b\"],\"Address\":"
    "\"10.0.0.1\",\"Port\":6379},{\"ServiceName\":\"redis\",\"Address\":\"fd00::1\",\"Port\":1,"
    "\"Tags\":[]}]";

} // namespace

class TestNomadDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        server_ = std::make_unique<ScriptedServer>();
        world_ = std::make_unique<DiscoveryWorld>();
    }
    void judgesConfigs();
    void asksForServicesThenForEach();
    void failsAsAWhole_data();
    void failsAsAWhole();

private:
    std::unique_ptr<ScriptedServer> server_;
    std::unique_ptr<DiscoveryWorld> world_;
};

void TestNomadDiscovery::judgesConfigs()
{
    QCOMPARE(DiscoveryWorld::readError("nomad", "{}"), std::string());
    QVERIFY(DiscoveryWorld::readError("nomad", "server: ''")
                .find("nomad SD configuration requires a server address") != std::string::npos);
    QVERIFY(!DiscoveryWorld::readError("nomad", "port: 80").empty());
}

void TestNomadDiscovery::asksForServicesThenForEach()
{
    server_->json("GET /v1/services", kServices);
    server_->json("GET /v1/service/redis", kRedis);
    server_->json("GET /v1/service/web/x", "[]");
    const auto refresher =
        world_->refresher("nomad", "server: " + server_->url() +
                                       "\nnamespace: ns\nregion: r\ntag_separator: ';'\n"
                                       "authorization: {credentials: t}\n");
    const auto groups = world_->refresh(*refresher);
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("Nomad"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    const std::map<std::string, std::string> expected = {
        {"__address__", "10.0.0.1:6379"},
        {"__meta_nomad_address", "10.0.0.1"},
        {"__meta_nomad_dc", "dc1"},
        {"__meta_nomad_node_id", "n-1"},
        {"__meta_nomad_namespace", "default"},
        {"__meta_nomad_service", "redis"},
        {"__meta_nomad_service_address", "10.0.0.1"},
        {"__meta_nomad_service_id", "_nomad-task-1"},
        {"__meta_nomad_service_port", "6379"},
        {"__meta_nomad_tags", ";a;b;"}};
    QCOMPARE(labelsOf(groups[0]), expected);
    auto second = labelsOf(groups[0], 1);
    QCOMPARE(second["__address__"], std::string("[fd00::1]:1"));
    QVERIFY(!second.contains("__meta_nomad_tags"));
    const auto requests = server_->requests();
    QCOMPARE(requests.size(), std::size_t{3});
    for (const auto& request : requests) {
        QCOMPARE(*request.parameter("namespace"), std::string_view("ns"));
        QCOMPARE(*request.parameter("region"), std::string_view("r"));
        QVERIFY(request.parameter("stale").has_value());
        QCOMPARE(request.header("Authorization"), std::string_view("Bearer t"));
    }
    QCOMPARE(requests[2].path, std::string("/v1/service/web/x"));
    server_->forget();
    const auto fresh =
        world_->refresher("nomad", "server: " + server_->url() + "\nallow_stale: false");
    world_->refresh(*fresh);
    QVERIFY(!server_->requests()[0].parameter("stale").has_value());
}

void TestNomadDiscovery::failsAsAWhole_data()
{
    QTest::addColumn<int>("listStatus");
    QTest::addColumn<QString>("list");
    QTest::addColumn<int>("status");
    QTest::newRow("list fails") << 500 << "" << 200;
    QTest::newRow("list is no JSON") << 200 << "{" << 200;
    QTest::newRow("list is no list") << 200 << "{}" << 200;
    QTest::newRow("service fails") << 200 << kServices << 503;
}

void TestNomadDiscovery::failsAsAWhole()
{
    QFETCH(int, listStatus);
    QFETCH(QString, list);
    QFETCH(int, status);
    server_->answerWith("GET /v1/services", {.status = listStatus, .body = list.toStdString()});
    server_->answerWith("GET /v1/service/redis", {.status = status, .body = "[]"});
    const auto refresher = world_->refresher("nomad", "server: " + server_->url());
    QVERIFY(!world_->refreshError(*refresher).empty());
    QCOMPARE(world_->metrics.value("prometheus_sd_nomad_failures_total"), 1.0);
}

QTEST_GUILESS_MAIN(TestNomadDiscovery)
#include "tst_nomad_discovery.moc"
