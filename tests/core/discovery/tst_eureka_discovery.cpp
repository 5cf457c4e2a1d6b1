// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/discovery_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

constexpr const char* kPath = "GET /eureka/apps";
constexpr const char* kApps =
    "<?xml version=\"1.0\"?><applications><versions__delta>1</versions__delta>"
    "<application><name>WEB</name><instance><instanceId>web-1</instanceId><hostName>h1</hostName>"
    "<app>WEB</app><ipAddr>10.0.0.1</ipAddr><status>UP</status><port enabled=\"false\">8080</port>"
    "<securePort enabled=\"true\">8443</securePort><countryId>1</countryId>"
    "<dataCenterInfo class=\"x\"><name>MyOwn</name><metadata><zone.id>z1</zone.id></metadata>"
    "</dataCenterInfo><metadata><prometheus.path>/m&amp;n</prometheus.path><empty/></metadata>"
    "<homePageUrl>http://h1/</homePageUrl><statusPageUrl>http://h1/s</statusPageUrl>"
    "<healthCheckUrl>http://h1/h</healthCheckUrl><vipAddress>web</vipAddress>"
    "<secureVipAddress>webs</secureVipAddress></instance>"
    "<instance><instanceId>web-2</instanceId><hostName>h2</hostName></instance></application>"
    "<application><name>EMPTY</name></application></applications>";

} // namespace

class TestEurekaDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        server_ = std::make_unique<ScriptedServer>();
        world_ = std::make_unique<DiscoveryWorld>();
    }
    void judgesConfigs_data();
    void judgesConfigs();
    void labelsInstances();
    void fails_data();
    void fails();

private:
    [[nodiscard]] std::string yaml() const { return "server: " + server_->url() + "/eureka\n"; }
    std::unique_ptr<ScriptedServer> server_;
    std::unique_ptr<DiscoveryWorld> world_;
};

void TestEurekaDiscovery::judgesConfigs_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("fine") << "server: http://h:1/eureka"
                          << "";
    QTest::newRow("none") << "{}"
                          << "eureka_sd: empty or null eureka server";
    QTest::newRow("no scheme") << "server: h:1"
                               << "eureka_sd: invalid eureka server URL";
    QTest::newRow("no host") << "server: 'http:///x'"
                             << "eureka_sd: invalid eureka server URL";
}

void TestEurekaDiscovery::judgesConfigs()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("eureka", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestEurekaDiscovery::labelsInstances()
{
    server_->answerWith(kPath, {.contentType = "application/xml", .body = kApps});
    const auto groups = world_->refresh(*world_->refresher("eureka", yaml()));
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("eureka"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    const std::map<std::string, std::string> expected = {
        {"__address__", "h1:8080"},
        {"instance", "web-1"},
        {"__meta_eureka_app_name", "WEB"},
        {"__meta_eureka_app_instance_hostname", "h1"},
        {"__meta_eureka_app_instance_homepage_url", "http://h1/"},
        {"__meta_eureka_app_instance_statuspage_url", "http://h1/s"},
        {"__meta_eureka_app_instance_healthcheck_url", "http://h1/h"},
        {"__meta_eureka_app_instance_ip_addr", "10.0.0.1"},
        {"__meta_eureka_app_instance_vip_address", "web"},
        {"__meta_eureka_app_instance_secure_vip_address", "webs"},
        {"__meta_eureka_app_instance_status", "UP"},
        {"__meta_eureka_app_instance_port", "8080"},
        {"__meta_eureka_app_instance_port_enabled", "false"},
        {"__meta_eureka_app_instance_secure_port", "8443"},
        {"__meta_eureka_app_instance_secure_port_enabled", "true"},
        {"__meta_eureka_app_instance_datacenterinfo_name", "MyOwn"},
        {"__meta_eureka_app_instance_datacenterinfo_metadata_zone_id", "z1"},
        {"__meta_eureka_app_instance_country_id", "1"},
        {"__meta_eureka_app_instance_id", "web-1"},
        {"__meta_eureka_app_instance_metadata_prometheus_path", "/m&n"}};
    QCOMPARE(labelsOf(groups[0]), expected);
    auto second = labelsOf(groups[0], 1);
    QCOMPARE(second["__address__"], std::string("h2:80"));
    QCOMPARE(second["instance"], std::string("web-2"));
    QCOMPARE(second["__meta_eureka_app_instance_country_id"], std::string("0"));
    QVERIFY(!second.contains("__meta_eureka_app_instance_port"));
}

void TestEurekaDiscovery::fails_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("status") << 500 << ""
                            << "server returned HTTP status 500";
    QTest::newRow("no XML") << 200 << "<applications>"
                            << "invalid XML";
    QTest::newRow("empty") << 200 << ""
                           << "invalid XML";
}

void TestEurekaDiscovery::fails()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    server_->answerWith(kPath, {.status = status, .body = body.toStdString()});
    const auto error =
        QString::fromStdString(world_->refreshError(*world_->refresher("eureka", yaml())));
    QVERIFY2(error.contains(message), qPrintable(error));
}

QTEST_GUILESS_MAIN(TestEurekaDiscovery)
#include "tst_eureka_discovery.moc"
