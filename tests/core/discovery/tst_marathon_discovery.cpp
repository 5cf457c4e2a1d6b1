// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/discovery_world.h"

#include <QtTest>

#include <fstream>

using namespace narthex;
using namespace narthex::tests;

namespace {

constexpr const char* kPath = "GET /v2/apps/";
constexpr const char* kTask =
    "\"tasks\":[{\"id\":\"t1\",\"host\":\"m1\",\"ports\":[31001,31002],\"ipAddresses\":"
    "[{\"ipAddress\":\"9.0.0.1\"}]},{\"id\":\"t2\",\"host\":\"m2\",\"ports\":[31011,31012]}]";

std::string apps(const std::string& rest)
{
    return std::string("{\"apps\":[{\"id\":\"/web\",") + kTask + (rest.empty() ? "" : ",") + rest +
           "}]}";
}

} // namespace

class TestMarathonDiscovery : public QObject
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
    void findsPorts_data();
    void findsPorts();
    void labelsAppsAndPorts();
    void sendsItsToken();
    void readsTheTokenFileEachTime();
    void emptiesAppsThatAreGone();
    void fails_data();
    void fails();

private:
    [[nodiscard]] std::string yaml() const { return "servers: ['" + server_->url() + "']\n"; }
    std::unique_ptr<ScriptedServer> server_;
    std::unique_ptr<DiscoveryWorld> world_;
    base::TemporaryDirectory folder_;
};

void TestMarathonDiscovery::judgesConfigs_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* yaml, const char* message) {
        QTest::newRow(name) << yaml << message;
    };
    row("fine", "{servers: [a], auth_token: x}", "");
    row("no servers", "{}", "marathon_sd: must contain at least one Marathon server");
    row("two tokens", "{servers: [a], auth_token: x, auth_token_file: y}",
        "marathon_sd: at most one of auth_token & auth_token_file must be configured");
    row("basic auth", "{servers: [a], auth_token: x, basic_auth: {username: u}}",
        "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured");
    row("bearer", "{servers: [a], auth_token_file: x, bearer_token: b}",
        "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & "
        "auth_token_file must be configured");
    row("authorization", "{servers: [a], auth_token: x, authorization: {credentials: b}}",
        "marathon_sd: at most one of auth_token, auth_token_file & authorization must be "
        "configured");
}

void TestMarathonDiscovery::judgesConfigs()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("marathon", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestMarathonDiscovery::findsPorts_data()
{
    QTest::addColumn<QString>("app");
    QTest::addColumn<QString>("addresses");
    const QString mapping = "\"portMappings\":[{\"containerPort\":80,\"hostPort\":0},"
                            "{\"containerPort\":443,\"hostPort\":8443}]";
    const QString network = ",\"networks\":[{\"mode\":\"container\",\"name\":\"n\"}]";
    QTest::newRow("of the task") << ""
                                 << "m1:31001 m1:31002 m2:31011 m2:31012";
    QTest::newRow("mapped on the host") << "\"container\":{" + mapping + "}"
                                        << "m1:31001 m1:8443 m2:31011 m2:8443";
    QTest::newRow("mapped in a network")
        << "\"container\":{" + mapping + "}" + network << "9.0.0.1:80 9.0.0.1:443 m2:80 m2:443";
    QTest::newRow("mapped as before 1.5")
        << "\"container\":{\"docker\":{\"image\":\"i\"," + mapping + "}}"
        << "m1:31001 m1:8443 m2:31011 m2:8443";
    QTest::newRow("defined and required")
        << "\"requirePorts\":true,\"portDefinitions\":[{\"port\":1},{\"port\":2}]"
        << "m1:1 m1:2 m2:1 m2:2";
    QTest::newRow("defined, not required")
        << "\"requirePorts\":false,\"portDefinitions\":[{\"port\":1},{\"port\":2}]"
        << "m1:31001 m1:31002 m2:31011 m2:31012";
    QTest::newRow("defined, another number of ports") << "\"portDefinitions\":[{\"port\":1}]"
                                                      << "m1:0 m2:0";
}

void TestMarathonDiscovery::findsPorts()
{
    QFETCH(QString, app);
    QFETCH(QString, addresses);
    server_->json(kPath, apps(app.toStdString()));
    const auto groups = world_->refresh(*world_->refresher("marathon", yaml()));
    QStringList found;
    for (std::size_t i = 0; i < groups.at(0).entries.size(); ++i) {
        found << QString::fromStdString(labelsOf(groups[0], i)["__address__"]);
    }
    QCOMPARE(found.join(' '), addresses);
}

void TestMarathonDiscovery::labelsAppsAndPorts()
{
    server_->json(kPath, apps("\"labels\":{\"team.x\":\"core\"},\"container\":{\"docker\":"
                              "{\"image\":\"nginx:1\"},\"portMappings\":[{\"hostPort\":1,"
                              "\"labels\":{\"met-rics\":\"yes\"}}]}"));
    const auto groups = world_->refresh(*world_->refresher("marathon", yaml()));
    QCOMPARE(groups[0].source, std::string("/web"));
    const std::map<std::string, std::string> expected = {
        {"__address__", "m1:1"},
        {"__meta_marathon_app", "/web"},
        {"__meta_marathon_image", "nginx:1"},
        {"__meta_marathon_task", "t1"},
        {"__meta_marathon_port_index", "0"},
        {"__meta_marathon_app_label_team_x", "core"},
        {"__meta_marathon_port_mapping_label_met_rics", "yes"}};
    QCOMPARE(labelsOf(groups[0]), expected);
    server_->json(kPath, apps("\"portDefinitions\":[{\"port\":1},{\"labels\":{\"p\":\"q\"}}]"));
    const auto defined = world_->refresh(*world_->refresher("marathon", yaml()));
    QCOMPARE(labelsOf(defined[0], 1)["__meta_marathon_port_definition_label_p"], std::string("q"));
    QCOMPARE(labelsOf(defined[0], 1)["__meta_marathon_port_index"], std::string("1"));
    QCOMPARE(*server_->last(kPath).parameter("embed"), std::string_view("apps.tasks"));
}

void TestMarathonDiscovery::sendsItsToken()
{
    server_->answerWith(kPath, {.status = 201, .body = apps("")}); // any of 200 to 299
    const auto refresher = world_->refresher("marathon", yaml() + "auth_token: secret");
    world_->refresh(*refresher);
    QCOMPARE(server_->last(kPath).header("Authorization"), std::string_view("token=secret"));
}

void TestMarathonDiscovery::readsTheTokenFileEachTime()
{
    const std::string file = (folder_.path() / "token").string();
    std::ofstream(file) << "one\n";
    server_->json(kPath, apps(""));
    const auto refresher = world_->refresher("marathon", yaml() + "auth_token_file: " + file);
    world_->refresh(*refresher);
    QCOMPARE(server_->last(kPath).header("Authorization"), std::string_view("token=one"));
    std::ofstream(file) << "two";
    world_->refresh(*refresher);
    QCOMPARE(server_->last(kPath).header("Authorization"), std::string_view("token=two"));
    std::filesystem::remove(file);
    QVERIFY(!world_->refreshError(*refresher).empty());
    const auto config = DiscoveryWorld::read("marathon", yaml() + "auth_token_file: " + file);
    QVERIFY(!config.value()->makeProvider(world_->environment()).ok());
}

void TestMarathonDiscovery::emptiesAppsThatAreGone()
{
    server_->sequence(kPath, {{.body = apps("")}, {.body = "{\"apps\":[]}"}});
    const auto refresher = world_->refresher("marathon", yaml());
    QCOMPARE(world_->refresh(*refresher).size(), std::size_t{1});
    const auto second = world_->refresh(*refresher);
    QCOMPARE(second.size(), std::size_t{1});
    QCOMPARE(second[0].source, std::string("/web"));
    QVERIFY(second[0].entries.empty());
    QVERIFY(world_->refresh(*refresher).empty());
}

void TestMarathonDiscovery::fails_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::newRow("status") << 500 << "";
    QTest::newRow("redirect") << 304 << "";
    QTest::newRow("no JSON") << 200 << "{";
    QTest::newRow("no list") << 200 << "{\"apps\":5}";
}

void TestMarathonDiscovery::fails()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    server_->answerWith(kPath, {.status = status, .body = body.toStdString()});
    QVERIFY(!world_->refreshError(*world_->refresher("marathon", yaml())).empty());
}

QTEST_GUILESS_MAIN(TestMarathonDiscovery)
#include "tst_marathon_discovery.moc"
