// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kFetch = "POST /base/v3/discovery:monitoringassignments";
const char* const kType = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

std::string assignments(const std::string& version)
{
    return R"({"version_info":")" + version + R"(","nonce":"n)" + version + R"(","type_url":")" +
           kType + R"(","resources":[{"@type":")" + kType +
           R"(","mesh":"metrics","service":"prometheus","targets":[{"name":"prometheus-01",)"
           R"("scheme":"http","address":"10.1.4.32:9090","metrics_path":"/custom-metrics",)"
           R"("labels":{"commit_hash":"620506a88","team":"own"}},)"
           R"({"name":"prometheus-02","scheme":"https","address":"10.1.4.33:9090",)"
           R"("metricsPath":"/m"}],"labels":{"kuma.io/zone":"us-east-1","team":"infra"}}]})";
}

} // namespace

class TestKumaDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void refusesOtherProtocols();
    void listsAssignments();
    void saysWhatItKnowsAndKeepsTargetsWhenNothingChanged();
    void takesTheFormOfJsonNames();
    void namesItself();
    void refusesOtherTypes();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& more = "client_id: me\n") const
    {
        return "server: " + server_.url() + "/base\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestKumaDiscovery::init()
{
    server_.forget();
    server_.json(kFetch, assignments("1"));
}

void TestKumaDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("missing") << "client_id: x"
                             << "kuma SD server must not be empty: ";
    QTest::newRow("no scheme") << "server: localhost:5676"
                               << "kuma SD server must not be empty and have a scheme: localhost";
}

void TestKumaDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("kuma", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestKumaDiscovery::refusesOtherProtocols()
{
    const auto config = DiscoveryWorld::read("kuma", "server: grpc://127.0.0.1:5676");
    QVERIFY(config.ok());
    const auto provider = (*config)->makeProvider(world_.environment());
    QVERIFY(!provider.ok());
    QVERIFY(provider.status().ToString().find("'http' or 'https'") != std::string::npos);
}

void TestKumaDiscovery::listsAssignments()
{
    const auto refresher = world_.refresher("kuma", yaml());
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), QString("%1?fetch-timeout=2m\n").arg(kFetch));
    const auto request = server_.last(kFetch);
    QCOMPARE(QString::fromStdString(request.body),
             QString(R"({"node":{"id":"me"},"type_url":"%1"})").arg(kType));
    QCOMPARE(std::string(request.header("Content-Type")), std::string("application/json"));
    QCOMPARE(groups[0].source, std::string("kuma"));
    QCOMPARE(
        shown(groups[0], "kuma"),
        lines({"__address__=10.1.4.32:9090", "dataplane=prometheus-01",
               "label_commit_hash=620506a88", "label_kuma_io_zone=us-east-1", "label_team=infra",
               "mesh=metrics", "service=prometheus", "__metrics_path__=/custom-metrics",
               "__scheme__=http", "instance=prometheus-01"}));
    QCOMPARE(labelsOf(groups[0], 1)["__metrics_path__"], std::string("/m"));
}

void TestKumaDiscovery::saysWhatItKnowsAndKeepsTargetsWhenNothingChanged()
{
    const auto refresher = world_.refresher("kuma", yaml("client_id: me\nfetch_timeout: 30s\n"));
    world_.refresh(*refresher);
    server_.answerWith(kFetch, {.status = 304});
    const double skipped = world_.metrics.value("prometheus_sd_kuma_fetch_skipped_updates_total");
    QVERIFY(world_.refresh(*refresher).empty());
    QCOMPARE(world_.metrics.value("prometheus_sd_kuma_fetch_skipped_updates_total"), skipped + 1);
    const auto request = server_.last(kFetch);
    QCOMPARE(QString::fromStdString(request.body),
             QString(R"({"version_info":"1","node":{"id":"me"},"type_url":"%1",)"
                     R"("response_nonce":"n1"})")
                 .arg(kType));
    QCOMPARE(std::string(*request.parameter("fetch-timeout")), std::string("30s"));
}

void TestKumaDiscovery::takesTheFormOfJsonNames()
{
    server_.json(kFetch, std::string(R"({"versionInfo":"7","nonce":"n","typeUrl":")") + kType +
                             R"(","resources":[]})");
    const auto refresher = world_.refresher("kuma", yaml());
    QVERIFY(world_.refresh(*refresher)[0].entries.empty());
    world_.refresh(*refresher);
    QVERIFY(server_.last(kFetch).body.find(R"("version_info":"7")") != std::string::npos);
}

void TestKumaDiscovery::namesItself()
{
    const auto refresher = world_.refresher("kuma", yaml(""));
    world_.refresh(*refresher);
    const auto body = QString::fromStdString(server_.last(kFetch).body);
    QVERIFY2(!body.contains(R"("id":"")"), qPrintable(body));
}

void TestKumaDiscovery::refusesOtherTypes()
{
    server_.json(kFetch, R"({"type_url":"some.api.com/monitoring","resources":[]})");
    const auto refresher = world_.refresher("kuma", yaml());
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("received invalid typeURL for Kuma MADS v1 Resource: "
                     "some.api.com/monitoring"));
}

void TestKumaDiscovery::failsOnBadAnswers()
{
    const double before = world_.metrics.value("prometheus_sd_kuma_fetch_failures_total");
    QCOMPARE(acceptedNonsense(world_, server_, "kuma", yaml(), kFetch), QString());
    QCOMPARE(world_.metrics.value("prometheus_sd_kuma_fetch_failures_total"), before + 5);
}

QTEST_GUILESS_MAIN(TestKumaDiscovery)
#include "tst_kuma_discovery.moc"
