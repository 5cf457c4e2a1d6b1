// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scraped value to a mail in somebody's box, and back: a firing alert is grouped and mailed,
// acknowledged, silenced by Alertmanager's own tool, and resolved.
#include "core/base/file.h"
#include "support/process.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using test::Program;
using test::Requests;

namespace {

/// Takes every mail and prints its subject and its text.
QString mailProgram()
{
    return QStringLiteral("import sys, email, email.policy\n"
                          "from aiosmtpd.controller import Controller\n"
                          "class Box:\n"
                          "    async def handle_DATA(self, server, session, envelope):\n"
                          "        mail = email.message_from_bytes(envelope.content, "
                          "policy=email.policy.default)\n"
                          "        print('MAIL', ','.join(envelope.rcpt_tos), mail['Subject'], "
                          "flush=True)\n"
                          "        print('BODY', mail.get_body(('plain', 'html')).get_content()"
                          ".replace('\\n', ' '), flush=True)\n"
                          "        return '250 ok'\n"
                          "Controller(Box(), hostname='127.0.0.1', port=int(sys.argv[1]))"
                          ".start()\n"
                          "print('READY', flush=True)\n"
                          "sys.stdin.read()\n");
}

QString peer(const char* name)
{
    const QString path = QStringLiteral(NARTHEX_PEERS_DIR "/usr/bin/") + QLatin1String(name);
    return QFile::exists(path) ? path : QString();
}

} // namespace

class TestAlerting : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aValueBecomesAMailAndIsTakenCareOf();
    void rulesAndAlertsStandInTheApi();
    void amtoolWorksUnchanged();
    void survivesBeingKilled();

private:
    void setDisk(double value)
    {
        target_.answerWith("GET /metrics",
                           {.contentType = "text/plain",
                            .body = "disk_full{device=\"sda1\"} " + std::to_string(value) + "\n"});
    }
    void writeFiles(int mailPort)
    {
        const auto write = [this](const char* name, const std::string& text) {
            QVERIFY(base::writeFileAtomically(folder_.path() / name, text).ok());
        };
        write("prometheus.yml",
              "global: {scrape_interval: 200ms, scrape_timeout: 200ms, "
              "evaluation_interval: 200ms}\nrule_files: [rules.yml]\n"
              "scrape_configs:\n- {job_name: disk, static_configs: [{targets: ['" +
                  target_.address() + "']}]}\n");
        write("rules.yml", "groups:\n- name: disks\n  rules:\n"
                           "  - record: job:disk_full:max\n    expr: max by (job) (disk_full)\n"
                           "  - alert: DiskFull\n    expr: disk_full > 0\n"
                           "    labels: {severity: warning}\n"
                           "    annotations: {summary: 'Disk {{ $labels.device }} is full'}\n");
        write("alertmanager.yml",
              "route: {receiver: mail, group_by: [alertname], group_wait: 100ms, "
              "group_interval: 500ms, repeat_interval: 1s}\nreceivers:\n- name: mail\n"
              "  email_configs:\n  - {to: me@x.example, from: narthex@x.example, smarthost: "
              "'127.0.0.1:" +
                  std::to_string(mailPort) +
                  "', require_tls: false, send_resolved: true, text: '{{ template "
                  "\"__text_alert_list\" .Alerts }}'}\n");
    }
    bool startServer(Program& program)
    {
        const QString folder = QString::fromStdString(folder_.path().string());
        return program.start(test::ownProgram("narthexctl"),
                             {"serve", "--config.file=" + folder + "/prometheus.yml",
                              "--alertmanager.config.file=" + folder + "/alertmanager.yml",
                              "--storage.tsdb.path=" + folder + "/data",
                              "--web.listen-address=127.0.0.1:" + QString::number(port_),
                              "--dispatch.start-delay=0s", "--rules.alert.resend-delay=200ms",
                              "--web.external-url=http://laptop:9090/"}) &&
               requests_.waitReady();
    }
    /// Output of a tool; its exit code in `code`.
    static QString run(const QString& program, const QStringList& arguments, int* code = nullptr)
    {
        Program tool;
        if (!tool.start(program, arguments)) {
            return "not started";
        }
        const int ended = tool.waitForEnd();
        if (code != nullptr) {
            *code = ended;
        }
        return tool.output();
    }
    [[nodiscard]] QString url() const { return "http://127.0.0.1:" + QString::number(port_); }
    [[nodiscard]] QString ctl(const QStringList& arguments, int* code = nullptr) const
    {
        return run(test::ownProgram("narthexctl"),
                   arguments + QStringList{"--alertmanager.url=" + url()}, code);
    }
    QString states() { return requests_.get("/api/v2/alerts").body; }

    base::TemporaryDirectory folder_;
    tests::ScriptedServer target_;
    int port_ = test::freePort();
    Requests requests_{port_};
};

void TestAlerting::aValueBecomesAMailAndIsTakenCareOf()
{
    const QString packages = QStringLiteral(NARTHEX_PEERS_DIR "/usr/lib/python3/dist-packages");
    qputenv("PYTHONPATH", (packages + ":" + qEnvironmentVariable("PYTHONPATH")).toUtf8());
    if (QProcess::execute("python3", {"-c", "import aiosmtpd"}) != 0) {
        QSKIP("python3-aiosmtpd is not there: packaging/test fetches it");
    }
    const int mailPort = test::freePort();
    Program box;
    QVERIFY(box.start("python3", {"-c", mailProgram(), QString::number(mailPort)}));
    QTRY_VERIFY_WITH_TIMEOUT(box.output().contains("READY"), 20000);
    setDisk(1);
    writeFiles(mailPort);
    Program server;
    QVERIFY2(startServer(server), qPrintable(server.output()));

    // It fires, and a mail says so, again and again.
    const QString firing = "MAIL me@x.example [FIRING:1] DiskFull (";
    QTRY_VERIFY2_WITH_TIMEOUT(box.output().contains(firing), qPrintable(server.output()), 20000);
    QVERIFY2(box.output().contains("Disk sda1 is full"), qPrintable(box.output()));
    QTRY_VERIFY_WITH_TIMEOUT(box.output().count(firing) >= 2, 20000);

    // Somebody takes it: the repeats end, the alert stays in sight.
    int code = -1;
    const QString acknowledged = ctl({"alert", "ack", "DiskFull", "-c", "cleaning up"}, &code);
    QVERIFY2(code == 0, qPrintable(acknowledged));
    QVERIFY2(ctl({"alert", "acks"}).contains("cleaning up"), qPrintable(ctl({"alert", "acks"})));
    QTRY_VERIFY_WITH_TIMEOUT(
        requests_.get("/metrics")
            .body.contains("narthex_acknowledged_alerts_suppressed_total{integration=\"email\"}"),
        20000);
    const auto suppressed = [&] {
        const QString text = requests_.get("/metrics").body;
        const qsizetype at =
            text.indexOf("narthex_acknowledged_alerts_suppressed_total{integration=\"email\"} ");
        return text.mid(text.indexOf(' ', at) + 1).section('\n', 0, 0).toDouble();
    };
    QTRY_VERIFY_WITH_TIMEOUT(suppressed() >= 1, 20000);
    const qsizetype before = box.output().count(firing);
    const double then = suppressed();
    QTRY_VERIFY_WITH_TIMEOUT(suppressed() >= then + 2, 20000); // two repeats that were not sent
    QCOMPARE(box.output().count(firing), before);
    QVERIFY(states().contains("\"state\":\"active\""));
    QVERIFY2(ctl({"alert", "explain", "DiskFull"}).contains("cknowledged"),
             qPrintable(ctl({"alert", "explain", "DiskFull"})));

    // A silence hides it, until it is expired.
    const QString id =
        ctl({"silence", "add", "alertname=DiskFull", "-c", "known", "-d", "2h"}, &code).trimmed();
    QVERIFY2(code == 0, qPrintable(id));
    QTRY_VERIFY_WITH_TIMEOUT(states().contains("\"state\":\"suppressed\""), 10000);
    QVERIFY(ctl({"silence"}).contains(id));
    QVERIFY(ctl({"silence", "expire", id}, &code).isEmpty());
    QTRY_VERIFY_WITH_TIMEOUT(states().contains("\"state\":\"active\""), 10000);

    // The disk is clean again: one mail says that it is over.
    setDisk(0);
    QTRY_VERIFY2_WITH_TIMEOUT(box.output().contains("MAIL me@x.example [RESOLVED] DiskFull ("),
                              qPrintable(server.output()), 20000);
    QVERIFY(ctl({"alert", "acks", "--ended"}).contains("resolved"));
    const QString history = ctl({"alert", "history", "alertname=DiskFull"});
    QVERIFY2(history.contains("all alerts resolved"), qPrintable(history));
    QCOMPARE(server.terminate(), 0);
}

void TestAlerting::rulesAndAlertsStandInTheApi()
{
    setDisk(1);
    writeFiles(1);
    Program server;
    QVERIFY(startServer(server));
    QTRY_VERIFY_WITH_TIMEOUT(
        requests_.find("/api/v1/alerts", {"data", "alerts"}).toArray().size() == 1, 20000);
    const QJsonObject alert =
        requests_.find("/api/v1/alerts", {"data", "alerts"}).toArray()[0].toObject();
    QCOMPARE(alert["state"].toString(), QString("firing"));
    QCOMPARE(alert["value"].toString(), QString("1e+00"));
    QCOMPARE(alert["labels"].toObject()["severity"].toString(), QString("warning"));
    const QJsonObject group =
        requests_.find("/api/v1/rules", {"data", "groups"}).toArray()[0].toObject();
    QCOMPARE(group["name"].toString(), QString("disks"));
    QCOMPARE(group["interval"].toDouble(), 0.2);
    QCOMPARE(group["rules"].toArray().size(), 2);
    const auto rules = [this](const std::string& query) {
        const QJsonArray groups =
            requests_.find("/api/v1/rules?" + query, {"data", "groups"}).toArray();
        return groups.isEmpty() ? QJsonArray() : groups[0].toObject()["rules"].toArray();
    };
    QCOMPARE(rules("type=alert").size(), 1);
    QCOMPARE(rules("rule_name[]=job:disk_full:max")[0].toObject()["type"].toString(),
             QString("recording"));
    QVERIFY(rules("rule_group[]=other").isEmpty());
    QCOMPARE(rules("match[]={severity=\"warning\"}").size(), 1);
    QVERIFY(rules("exclude_alerts=true&type=alert")[0].toObject()["alerts"].isNull());
    QCOMPARE(requests_.get("/api/v1/rules?type=x").status, 400);
    QCOMPARE(requests_.get("/api/v1/rules?group_limit=0").status, 400);
    QCOMPARE(requests_.get("/api/v1/rules?group_next_token=x").status, 400);
    QVERIFY(requests_.get("/api/v1/rules?group_limit=1&group_next_token=x")
                .body.contains("were rule groups changed?"));
    // Recorded and alert series are there to be asked for.
    QTRY_COMPARE_WITH_TIMEOUT(requests_.value("job:disk_full:max"), 1.0, 10000);
    QTRY_COMPARE_WITH_TIMEOUT(requests_.value("ALERTS{alertstate=\"firing\"}"), 1.0, 10000);
    // Why it fires, and what another rule would have done meanwhile.
    int code = -1;
    const QString why = ctl({"rules", "explain", "DiskFull"}, &code);
    QVERIFY2(code == 0 && why.contains("DiskFull (") && why.contains("disk_full"), qPrintable(why));
    QVERIFY(base::writeFileAtomically(folder_.path() / "new.yml",
                                      "groups: [{name: g, interval: 1s, rules: [{alert: New, expr: "
                                      "'disk_full == 1'}]}]")
                .ok());
    const QString past =
        ctl({"rules", "backtest", "--from=-1m", QString::fromStdString(folder_.path() / "new.yml")},
            &code);
    QVERIFY2(code == 0 && past.contains("New (group g)") && past.contains("device=\"sda1\""),
             qPrintable(past));
    // A file that does not load changes nothing.
    QVERIFY(base::writeFileAtomically(folder_.path() / "rules.yml", "groups: [{nam: x}]").ok());
    server.hangUp();
    QTRY_VERIFY_WITH_TIMEOUT(
        requests_.get("/metrics").body.contains("config_last_reload_successful 0"), 10000);
    QCOMPARE(rules("").size(), 2);
    QVERIFY(requests_.get("/metrics").body.contains("prometheus_rule_group_rules{rule_group="));
    QVERIFY(requests_.get("/metrics").body.contains("alertmanager_alerts{state=\"active\"}"));
}

void TestAlerting::amtoolWorksUnchanged()
{
    const QString amtool = peer("amtool");
    if (amtool.isEmpty()) {
        QSKIP("amtool is not in " NARTHEX_PEERS_DIR);
    }
    setDisk(1);
    writeFiles(1);
    Program server;
    QVERIFY(startServer(server));
    const auto tool = [&](const QStringList& arguments, int* code = nullptr) {
        return run(amtool,
                   arguments + QStringList{"--alertmanager.url=" + url(), "--no-version-check"},
                   code);
    };
    QTRY_VERIFY_WITH_TIMEOUT(tool({"alert", "query"}).contains("DiskFull"), 20000);
    int code = -1;
    const QString id =
        tool({"silence", "add", "alertname=DiskFull", "--comment=known", "--author=me"}, &code)
            .trimmed();
    QVERIFY2(code == 0, qPrintable(id));
    QVERIFY2(tool({"silence", "query"}).contains(id), qPrintable(tool({"silence", "query"})));
    QTRY_VERIFY_WITH_TIMEOUT(tool({"alert", "query", "--silenced"}).contains("DiskFull"), 10000);
    QVERIFY(!tool({"alert", "query"}).contains("DiskFull"));
    tool({"silence", "update", id, "--duration=5h"}, &code);
    QCOMPARE(code, 0);
    tool({"silence", "expire", id}, &code);
    QCOMPARE(code, 0);
    QVERIFY(tool({"silence", "query", "--expired"}).contains(id));
    QVERIFY(tool({"alert", "add", "ByHand", "severity=info"}, &code).isEmpty());
    QCOMPARE(code, 0);
    QTRY_VERIFY_WITH_TIMEOUT(tool({"alert", "query", "ByHand"}).contains("ByHand"), 10000);
    // Debian's amtool is too old for keys that a configuration of today prints; ours reads them.
    QCOMPARE(ctl({"config", "routes", "test", "alertname=x", "--verify.receivers=mail"}, &code),
             QString("mail\n"));
    QCOMPARE(code, 0);
    QVERIFY(ctl({"config", "routes"}).contains("receiver: mail"));
    QVERIFY(tool({"config", "show"}).contains("receiver: mail"));
    QVERIFY(tool({"cluster", "show"}, &code).contains("disabled"));
}

void TestAlerting::survivesBeingKilled()
{
    setDisk(1);
    writeFiles(1);
    QString id;
    {
        Program server;
        QVERIFY(startServer(server));
        QTRY_VERIFY_WITH_TIMEOUT(states().contains("DiskFull"), 20000);
        id = ctl({"silence", "add", "device=sda1", "-c", "known"}).trimmed();
        QTRY_VERIFY_WITH_TIMEOUT(states().contains("\"state\":\"suppressed\""), 10000);
        server.kill();
    }
    Program again;
    QVERIFY(startServer(again));
    QVERIFY(ctl({"silence"}).contains(id));
    QTRY_VERIFY_WITH_TIMEOUT(states().contains(id), 10000);
}

QTEST_GUILESS_MAIN(TestAlerting)
#include "tst_alerting.moc"
