// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An alert of a rule is acknowledged here, and the external Alertmanager of the configuration hears
// of it, under the labels by which it knows the alert.
#include "core/base/file.h"
#include "core/engine/engine.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::ScriptedServer;

class TestAckCarrying : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void anExternalAlertmanagerHearsOfAnAcknowledgement();
};

void TestAckCarrying::anExternalAlertmanagerHearsOfAnAcknowledgement()
{
    ScriptedServer server;
    server.json("POST /am/api/v2/alerts", "");
    server.json("GET /am/api/v2/status", "{\"versionInfo\":{\"version\":\"0.34.0\"}}");
    server.json("GET /am/api/v2/alerts",
                "[{\"labels\":{\"alertname\":\"A\",\"site\":\"here\"},\"status\":{}}]");
    server.json("GET /am/api/v2/silences", "[]");
    server.json("POST /am/api/v2/silences", "{\"silenceID\":\"s1\"}");
    server.json("DELETE /am/api/v2/silence/s1", "");
    const base::TemporaryDirectory folder;
    QVERIFY(base::writeFileAtomically(
                folder.path() / "prometheus.yml",
                "global: {evaluation_interval: 100ms, external_labels: {site: here}}\n"
                "rule_files: [rules.yml]\nalerting: {alertmanagers: [{path_prefix: /am, "
                "static_configs: [{targets: ['" +
                    server.address() + "']}]}]}\n")
                .ok());
    QVERIFY(base::writeFileAtomically(folder.path() / "rules.yml",
                                      "groups: [{name: g, rules: [{alert: A, expr: vector(1)}]}]\n")
                .ok());
    base::LogSetup log = base::LogSetup::create("error").value();
    net::IoLoop loop;
    base::WorkerPool pool(2);
    base::SystemTimers timers;
    engine::EngineOptions options;
    options.dataDirectory = folder.path() / "data";
    options.configFile = folder.path() / "prometheus.yml";
    engine::Engine engine(options, {.loop = loop, .pool = pool, .timers = timers, .log = log});
    const absl::Status started = engine.start();
    QVERIFY2(started.ok(), started.ToString().c_str());
    QTRY_VERIFY_WITH_TIMEOUT(engine.ready(), 15000);
    QTRY_VERIFY_WITH_TIMEOUT(engine.alerting().alertmanager() != nullptr, 15000);
    const auto manager = engine.alerting().alertmanager();
    QTRY_COMPARE_WITH_TIMEOUT(manager->alerts().size(), 1U, 15000);

    const auto ack = manager->acknowledge(manager->alerts()[0].alert->fingerprint,
                                          {.author = "anna", .comment = "on it"});
    QVERIFY2(ack.ok(), ack.status().ToString().c_str());
    QTRY_COMPARE_WITH_TIMEOUT(engine.alerting().ackExporter()->exports().size(), 1U, 15000);
    const QString body = QString::fromStdString(server.last("POST /am/api/v2/silences").body);
    for (const char* part : {"\"name\":\"site\"", "\"narthex_ack\"", "ACK! on it"}) {
        QVERIFY2(body.contains(part), qPrintable(body));
    }
    QVERIFY(manager->withdraw(ack->id, "anna").ok());
    QTRY_COMPARE_WITH_TIMEOUT(server.count("DELETE /am/api/v2/silence/s1"), 1U, 15000);
    QTRY_VERIFY_WITH_TIMEOUT(engine.alerting().ackExporter()->exports().empty(), 15000);
    engine.stop();
    QVERIFY(engine.alerting().ackExporter() == nullptr);
}

QTEST_GUILESS_MAIN(TestAckCarrying)
#include "tst_ack_carrying.moc"
