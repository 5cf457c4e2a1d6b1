// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/process.h"

#include <QtTest>

using namespace narthex;
using test::Program;
using test::Requests;

/// A real node_exporter scraped by a real server; what was written is read by Debian's promtool.
class TestNodeExporter : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void scrapesARealExporterUntilItStops();
};

void TestNodeExporter::scrapesARealExporterUntilItStops()
{
    const QString exporterPath = test::peer("prometheus-node-exporter");
    const QString promtool = test::peer("promtool");
    if (exporterPath.isEmpty() || promtool.isEmpty()) {
        QSKIP("node_exporter and promtool were not downloaded (packaging/test does it)");
    }
    const base::TemporaryDirectory folder;
    const QString path = QString::fromStdString(folder.path().string());
    const int exporterPort = test::freePort();
    const int port = test::freePort();
    const std::string config =
        "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: node\n  static_configs:\n"
        "  - targets: ['127.0.0.1:" +
        std::to_string(exporterPort) + "']\n";
    QVERIFY(base::writeFileAtomically(folder.path() / "prometheus.yml", config).ok());
    Program exporter;
    QVERIFY(exporter.start(exporterPath,
                           {"--web.listen-address=127.0.0.1:" + QString::number(exporterPort)}));
    Program server;
    Requests requests(port);
    QVERIFY(server.start(test::ownProgram("narthexctl"),
                         {"serve", "--config.file=" + path + "/prometheus.yml",
                          "--storage.tsdb.path=" + path + "/data",
                          "--web.listen-address=127.0.0.1:" + QString::number(port)}));
    QVERIFY(requests.waitReady());

    QTRY_COMPARE_WITH_TIMEOUT(requests.value("up"), 1.0, 20000);
    QTRY_VERIFY_WITH_TIMEOUT(requests.value("count_over_time(up[1m])") >= 4, 20000);
    // The processors together pass as many seconds as the wall clock, within what extrapolation and
    // jitter allow.
    const double cpus = requests.value("count(count by (cpu) (node_cpu_seconds_total))");
    const double rate = requests.value("sum(irate(node_cpu_seconds_total[5s]))");
    QVERIFY2(cpus >= 1 && rate > 0.5 * cpus && rate < 1.5 * cpus,
             qPrintable(QString("%1 of %2").arg(rate).arg(cpus)));
    QVERIFY(requests.value("node_memory_MemTotal_bytes") > 1e8);
    const QJsonArray metadata =
        requests.find("/api/v1/metadata?metric=node_load1", {"data", "node_load1"}).toArray();
    QCOMPARE(metadata[0].toObject()["type"].toString(), QString("gauge"));

    exporter.kill();
    QTRY_COMPARE_WITH_TIMEOUT(requests.value("up"), 0.0, 20000);
    const QJsonObject target =
        requests.find("/api/v1/targets", {"data", "activeTargets"}).toArray()[0].toObject();
    QCOMPARE(target["health"].toString(), QString("down"));
    QVERIFY2(target["lastError"].toString().contains("connection refused"),
             qPrintable(target["lastError"].toString()));
    QTRY_VERIFY_WITH_TIMEOUT(requests.query("node_load1").isEmpty(), 20000);
    const int samples = int(requests.value("count_over_time(node_load1[10m])"));
    QCOMPARE(server.terminate(), 0);

    QProcess dump;
    dump.start(promtool, {"tsdb", "dump", "--match={__name__=\"node_load1\"}", path + "/data"});
    QVERIFY(dump.waitForFinished(60000));
    const QByteArray text = dump.readAllStandardOutput();
    QCOMPARE(dump.exitCode(), 0);
    // One line more: the marker that ended the series.
    QCOMPARE(int(text.count("{__name__=\"node_load1\"")), samples + 1);
}

QTEST_GUILESS_MAIN(TestNodeExporter)
#include "tst_node_exporter.moc"
