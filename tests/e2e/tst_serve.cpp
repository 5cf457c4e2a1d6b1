// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/process.h"

#include <QtTest>

using namespace narthex;
using test::Program;
using test::Requests;

/// `narthexctl serve` as a user meets it: flags, signals, mistakes.
class TestServe : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void answersTheApi();
    void aBadQueryIsRefusedWithItsPlace();
    void reloadsOnHangUpAndKeepsTheOldOnAMistake();
    void samplesOfAKilledProcessAreThereAgain();
    void theSecondServerOnADirectoryNamesTheFirst();
    void aTakenPortNamesItsOwner();
    void aBadConfigurationEndsTheStart();
    void checkConfigJudgesFiles();
    void limitsOfTheApiHold_data();
    void limitsOfTheApiHold();

private:
    void writeConfig(const std::string& extra = {})
    {
        const std::string text = "global:\n  scrape_interval: 200ms\n  scrape_timeout: "
                                 "200ms\nscrape_configs:\n- job_name: self\n"
                                 "  static_configs:\n  - targets: ['127.0.0.1:" +
                                 std::to_string(port_) + "']\n" + extra;
        QVERIFY(base::writeFileAtomically(folder_->path() / "prometheus.yml", text).ok());
    }
    [[nodiscard]] QStringList flags() const
    {
        const QString folder = QString::fromStdString(folder_->path().string());
        return {"serve", "--config.file=" + folder + "/prometheus.yml",
                "--storage.tsdb.path=" + folder + "/data",
                "--web.listen-address=127.0.0.1:" + QString::number(port_),
                "--web.enable-lifecycle"};
    }
    bool start(Program& program)
    {
        return program.start(test::ownProgram("narthexctl"), flags()) && requests().waitReady();
    }
    [[nodiscard]] Requests& requests() const { return *requests_; }

    std::unique_ptr<base::TemporaryDirectory> folder_;
    std::unique_ptr<Requests> requests_;
    int port_ = 0;
};

void TestServe::init()
{
    folder_ = std::make_unique<base::TemporaryDirectory>();
    port_ = test::freePort();
    requests_ = std::make_unique<Requests>(port_);
    writeConfig();
}

void TestServe::answersTheApi()
{
    Program server;
    QVERIFY(start(server));
    QTRY_COMPARE_WITH_TIMEOUT(requests().value("up"), 1.0, 10000);
    QTRY_VERIFY_WITH_TIMEOUT(requests().value("count_over_time(up[1m])") >= 2, 10000);
    const double now = static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000;
    const QJsonObject range =
        requests()
            .find("/api/v1/query_range?query=up&step=1&start=" + std::to_string(now - 10) +
                      "&end=" + std::to_string(now),
                  {"data"})
            .toObject();
    QCOMPARE(range["resultType"].toString(), QString("matrix"));
    QCOMPARE(range["result"].toArray().size(), 1);
    QVERIFY(requests().find("/api/v1/labels", {"data"}).toArray().contains("instance"));
    QCOMPARE(requests().find("/api/v1/label/job/values", {"data"}).toArray(), QJsonArray{"self"});
    QCOMPARE(requests().find("/api/v1/series?match[]=up", {"data"}).toArray().size(), 1);
    QCOMPARE(requests()
                 .find("/api/v1/targets", {"data", "activeTargets"})
                 .toArray()[0]
                 .toObject()["health"]
                 .toString(),
             QString("up"));
    QVERIFY(requests()
                .find("/api/v1/metadata?metric=prometheus_ready", {"data"})
                .toObject()
                .contains("prometheus_ready"));
    QVERIFY(requests()
                .find("/api/v1/status/buildinfo", {"data", "version"})
                .toString()
                .startsWith("3."));
    QCOMPARE(requests().find("/api/v1/format_query?query=sum(x)by(a)", {"data"}).toString(),
             QString("sum by (a) (x)"));
    QCOMPARE(requests().get("/-/healthy").status, 200);
    QVERIFY(requests().get("/metrics").body.contains("prometheus_tsdb_head_series"));
    QCOMPARE(requests().get("/nothing").status, 404);
    QCOMPARE(requests().get("/api/v1/targets", "POST").status, 405);
    QCOMPARE(server.terminate(), 0);
}

void TestServe::aBadQueryIsRefusedWithItsPlace()
{
    Program server;
    QVERIFY(start(server));
    const QJsonObject answer = requests().json("/api/v1/query?query=rate(up%5B5m");
    QCOMPARE(answer["errorType"].toString(), QString("bad_data"));
    QVERIFY2(answer["error"].toString().startsWith("invalid parameter \"query\": 1:"),
             qPrintable(answer["error"].toString()));
}

void TestServe::reloadsOnHangUpAndKeepsTheOldOnAMistake()
{
    Program server;
    QVERIFY(start(server));
    QTRY_COMPARE_WITH_TIMEOUT(requests().value("up"), 1.0, 10000);
    writeConfig("- job_name: other\n  static_configs:\n  - targets: ['127.0.0.1:1']\n");
    server.hangUp();
    QTRY_COMPARE_WITH_TIMEOUT(
        requests().find("/api/v1/targets", {"data", "activeTargets"}).toArray().size(), 2, 10000);
    writeConfig("  scrape_intervall: 1s\n");
    const auto refused = requests().get("/-/reload", "POST");
    QCOMPARE(refused.status, 500);
    QVERIFY2(refused.body.contains("prometheus.yml:8:3: field scrape_intervall not found"),
             refused.body.constData());
    QCOMPARE(requests().find("/api/v1/targets", {"data", "activeTargets"}).toArray().size(), 2);
    QVERIFY(requests().get("/metrics").body.contains("prometheus_config_last_reload_successful 0"));
    writeConfig();
    QCOMPARE(requests().get("/-/reload", "POST").status, 200);
    QTRY_COMPARE_WITH_TIMEOUT(
        requests().find("/api/v1/targets", {"data", "activeTargets"}).toArray().size(), 1, 10000);
}

void TestServe::samplesOfAKilledProcessAreThereAgain()
{
    double before = 0;
    {
        Program server;
        QVERIFY(start(server));
        QTRY_VERIFY_WITH_TIMEOUT(requests().value("count_over_time(up[1h])") >= 5, 20000);
        before = requests().value("count_over_time(up[1h])");
        server.kill();
    }
    Program again;
    QVERIFY(start(again));
    const double after = requests().value("count_over_time(up[1h])");
    QVERIFY2(after >= before, qPrintable(QString("%1 before, %2 after").arg(before).arg(after)));
}

void TestServe::theSecondServerOnADirectoryNamesTheFirst()
{
    Program first;
    QVERIFY(start(first));
    const int port = port_;
    port_ = test::freePort();
    Program second;
    QVERIFY(second.start(test::ownProgram("narthexctl"), flags()));
    QTRY_VERIFY_WITH_TIMEOUT(
        second.output().contains("is in use by process " + QString::number(first.id())), 10000);
    // The first one says where it is reached, and only while it runs.
    const auto note = folder_->path() / "data" / "narthex.d" / "server.json";
    QTRY_VERIFY_WITH_TIMEOUT(std::filesystem::exists(note), 10000);
    QCOMPARE(QString::fromStdString(base::readFile(note).value()),
             QString("{\"pid\":%1,\"url\":\"http://127.0.0.1:%2\"}\n").arg(first.id()).arg(port));
    second.kill();
    QCOMPARE(first.terminate(), 0);
    QVERIFY(!std::filesystem::exists(note));
    port_ = port;
}

void TestServe::aTakenPortNamesItsOwner()
{
    QTcpServer owner;
    QVERIFY(owner.listen(QHostAddress::LocalHost, static_cast<quint16>(port_)));
    Program server;
    QVERIFY(server.start(test::ownProgram("narthexctl"), flags()));
    QCOMPARE(server.waitForEnd(), 2);
    QVERIFY2(server.output().contains("address already in use by process"),
             qPrintable(server.output()));
}

void TestServe::aBadConfigurationEndsTheStart()
{
    writeConfig("- job_name: self\n");
    Program server;
    QVERIFY(server.start(test::ownProgram("narthexctl"), flags()));
    QCOMPARE(server.waitForEnd(), 2);
    QVERIFY2(server.output().contains("found multiple scrape configs with job name \"self\""),
             qPrintable(server.output()));
}

void TestServe::checkConfigJudgesFiles()
{
    const QString file = QString::fromStdString((folder_->path() / "prometheus.yml").string());
    Program good;
    QVERIFY(good.start(test::ownProgram("narthexctl"), {"check", "config", file}));
    QCOMPARE(good.waitForEnd(), 0);
    QVERIFY(good.output().contains("SUCCESS"));
    writeConfig("  honor_labels: perhaps\n");
    Program bad;
    QVERIFY(bad.start(test::ownProgram("narthexctl"), {"check", "config", file}));
    QCOMPARE(bad.waitForEnd(), 1);
    QVERIFY2(
        bad.output().contains("prometheus.yml:8:17: cannot unmarshal !!str `perhaps` into bool"),
        qPrintable(bad.output()));
}

void TestServe::limitsOfTheApiHold_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("error");
    QTest::newRow("too many steps")
        << "/api/v1/query_range?query=up&start=0&end=20000&step=1" << 400
        << "exceeded maximum resolution of 11,000 points per timeseries";
    QTest::newRow("end before start") << "/api/v1/query_range?query=up&start=10&end=5&step=1" << 400
                                      << "end timestamp must not be before start time";
    QTest::newRow("zero step") << "/api/v1/query_range?query=up&start=0&end=5&step=0" << 400
                               << "zero or negative query resolution step widths";
    QTest::newRow("no step") << "/api/v1/query_range?query=up&start=0&end=5" << 400
                             << "cannot parse \"\" to a valid duration";
    QTest::newRow("time no number") << "/api/v1/query?query=up&time=noon" << 400
                                    << "invalid parameter \"time\": cannot parse \"noon\"";
    QTest::newRow("time out of bounds")
        << "/api/v1/query?query=up&time=1e300" << 400 << "invalid parameter \"time\"";
    QTest::newRow("negative limit")
        << "/api/v1/labels?limit=-1" << 400 << "limit must be non-negative";
    QTest::newRow("no selector") << "/api/v1/series" << 400 << "no match[] parameter provided";
    QTest::newRow("empty selector") << "/api/v1/series?match[]=%7B%7D" << 400
                                    << "match[] must contain at least one non-empty matcher";
    QTest::newRow("ambiguous match")
        << "/api/v1/query?query=up%20%2F%20on()%20%7B__name__%3D~%22scrape_.*%22%7D" << 422
        << "many-to-many matching not allowed";
}

void TestServe::limitsOfTheApiHold()
{
    QFETCH(QString, path);
    QFETCH(QString, error);
    Program server;
    QVERIFY(start(server));
    QTRY_COMPARE_WITH_TIMEOUT(requests().value("up"), 1.0, 10000);
    const auto answer = requests().get(path.toStdString());
    QTEST(answer.status, "status");
    const QString text = QJsonDocument::fromJson(answer.body)["error"].toString();
    QVERIFY2(text.contains(error), qPrintable(text));
}

QTEST_GUILESS_MAIN(TestServe)
#include "tst_serve.moc"
