// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Jobs and targets over the API, with a real target, and the notices of the server.
#include "core/api/notification_hub.h"
#include "support/api_world.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using test::ApiWorld;

namespace {

const char kConfig[] = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                       "scrape_configs:\n"
                       "  - job_name: b\n"
                       "    static_configs: [{targets: ['%1'], labels: {team: red}}]\n"
                       "    relabel_configs:\n"
                       "      - {source_labels: [team], target_label: crew}\n"
                       "      - {source_labels: [team], regex: blue, action: drop}\n"
                       "      - {target_label: last, replacement: x}\n"
                       "  - job_name: a\n"
                       "    basic_auth: {username: u, password: secret}\n"
                       "    static_configs: [{targets: ['gone.invalid:1']}]\n"
                       "    relabel_configs: [{action: drop}]\n";

} // namespace

class TestScrapeApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void listsPools();
    void showsTargets();
    void showsTargetsAsOthersSeeThem();
    void tracesRelabeling();
    void tellsMetadataByTarget();
    void noticesComeAndGo();

private:
    void reload(const QByteArray& text);

    tests::ScriptedServer page_;
    base::TemporaryDirectory folder_;
    std::unique_ptr<ApiWorld> world_;
};

void TestScrapeApi::reload(const QByteArray& text)
{
    QVERIFY(base::writeFileAtomically(folder_.path() / "prometheus.yml", text.toStdString()).ok());
}

void TestScrapeApi::initTestCase()
{
    page_.answerWith("GET /metrics",
                     {.contentType = "text/plain; version=0.0.4",
                      .body = "# HELP x_total Help <1>.\n# TYPE x_total counter\nx_total 1\n"});
    const std::string address = page_.url().substr(std::string("http://").size());
    reload(QString(kConfig).arg(QString::fromStdString(address)).toUtf8());
    world_ = std::make_unique<ApiWorld>(
        api::ApiOptions{.externalUrl = "https://mon.example:8443/prom", .listenPort = "1"},
        [&](engine::EngineOptions& options) {
            options.configFile = folder_.path() / "prometheus.yml";
        });
    QVERIFY(world_->isReady());
    QVERIFY(QTest::qWaitFor(
        [&] {
            return world_->call("GET", "/api/v1/targets").body.find("\"health\":\"up\"") !=
                   std::string::npos;
        },
        15000));
}

void TestScrapeApi::listsPools()
{
    QCOMPARE(world_->data("/api/v1/scrape_pools").toObject()["scrapePools"].toArray(),
             QJsonArray({"a", "b"}));
    const QString yaml = world_->data("/api/v1/scrape_pools/config", {{"scrapePool", "a"}})
                             .toObject()["yaml"]
                             .toString();
    QVERIFY2(yaml.startsWith("job_name: a\n"), qPrintable(yaml));
    QVERIFY(yaml.contains("password: <secret>"));
}

void TestScrapeApi::showsTargets()
{
    const QJsonObject all = world_->data("/api/v1/targets").toObject();
    const QJsonObject active = all["activeTargets"].toArray().at(0).toObject();
    QCOMPARE(active["scrapePool"].toString(), QString("b"));
    QCOMPARE(active["labels"].toObject()["crew"].toString(), QString("red"));
    QCOMPARE(active["scrapeInterval"].toString(), QString("1s"));
    QCOMPARE(all["droppedTargets"].toArray().size(), 1);
    QCOMPARE(all["droppedTargetCounts"].toObject()["a"].toInt(), 1);
    const QJsonObject ofPool = world_->data("/api/v1/targets", {{"scrapePool", "a"}}).toObject();
    QVERIFY(ofPool["activeTargets"].toArray().isEmpty());
    QCOMPARE(ofPool["droppedTargets"].toArray().size(), 1);
}

void TestScrapeApi::showsTargetsAsOthersSeeThem()
{
    const QJsonObject active =
        world_->data("/api/v1/targets").toObject()["activeTargets"].toArray().at(0).toObject();
    const QString url = active["scrapeUrl"].toString();
    const QString port = url.section(':', 2).section('/', 0, 0);
    QCOMPARE(active["globalUrl"].toString(), "http://mon.example:" + port + "/metrics");
}

void TestScrapeApi::tracesRelabeling()
{
    const auto steps = [&](const char* labels) {
        return world_
            ->data("/api/v1/targets/relabel_steps", {{"scrapePool", "b"}, {"labels", labels}})
            .toObject()["steps"]
            .toArray();
    };
    const QJsonArray red = steps("{\"team\":\"red\"}");
    QCOMPARE(red.size(), 3);
    QCOMPARE(red[2].toObject()["output"].toObject(),
             QJsonObject({{"crew", "red"}, {"last", "x"}, {"team", "red"}}));
    QCOMPARE(red[0].toObject()["rule"].toObject()["target_label"].toString(), QString("crew"));
    const QJsonArray blue = steps("{\"team\":\"blue\"}");
    QVERIFY(blue[0].toObject()["keep"].toBool());
    QVERIFY(!blue[1].toObject()["keep"].toBool(true));
    QVERIFY(!blue[2].toObject()["keep"].toBool(true));
    QVERIFY(blue[2].toObject()["output"].toObject().isEmpty());
    QCOMPARE(
        world_
            ->call("GET", "/api/v1/targets/relabel_steps", {{"scrapePool", "b"}, {"labels", "[1]"}})
            .status,
        400);
}

void TestScrapeApi::tellsMetadataByTarget()
{
    const QJsonArray all = world_->data("/api/v1/targets/metadata").toArray();
    QCOMPARE(all.size(), 1);
    const QJsonObject first = all[0].toObject();
    QCOMPARE(first["metric"].toString(), QString("x_total"));
    QCOMPARE(first["type"].toString(), QString("counter"));
    QCOMPARE(first["help"].toString(), QString("Help <1>."));
    QCOMPARE(first["target"].toObject()["team"].toString(), QString("red"));
    const QJsonArray one = world_
                               ->data("/api/v1/targets/metadata",
                                      {{"metric", "x_total"}, {"match_target", "{team='red'}"}})
                               .toArray();
    QVERIFY(!one[0].toObject().contains("metric"));
    QVERIFY(world_->data("/api/v1/targets/metadata", {{"match_target", "{team='blue'}"}})
                .toArray()
                .isEmpty());
    QVERIFY(world_->data("/api/v1/targets/metadata", {{"limit", "0"}}).toArray().isEmpty());
    QCOMPARE(world_->data("/api/v1/metadata", {{"metric", "x_total"}})
                 .toObject()["x_total"]
                 .toArray()
                 .size(),
             1);
}

void TestScrapeApi::noticesComeAndGo()
{
    api::NotificationHub hub(*world_->engine, 1);
    QVERIFY(hub.list().empty());
    auto stream = hub.subscribe();
    QVERIFY(stream.has_value());
    QVERIFY(!hub.subscribe().has_value());
    absl::Mutex mutex;
    std::string events;
    const auto listen = [&] {
        (*stream)([&](absl::StatusOr<std::string> piece) {
            absl::MutexLock lock(&mutex);
            events += piece.value_or("");
        });
    };
    const auto seen = [&] {
        absl::MutexLock lock(&mutex);
        return QString::fromStdString(events);
    };
    listen();
    const std::string good = base::readFile(folder_.path() / "prometheus.yml").value();
    reload("scrape_configs: [{}]\n");
    QVERIFY(!world_->engine->reload().ok());
    QVERIFY(QTest::qWaitFor([&] { return seen().contains("\"active\":true"); }, 5000));
    QVERIFY(seen().startsWith("data: {\"text\":\"Configuration reload has failed.\",\"date\":\""));
    QVERIFY(seen().endsWith("}\n\n"));
    QCOMPARE(hub.list().size(), 1U);
    reload(QByteArray::fromStdString(good));
    QVERIFY(world_->engine->reload().ok());
    QVERIFY(QTest::qWaitFor([&] { return hub.list().empty(); }, 5000));
    listen();
    QVERIFY(QTest::qWaitFor([&] { return seen().contains("\"active\":false"); }, 5000));
    stream.reset();
    QVERIFY(hub.subscribe().has_value());
}

QTEST_GUILESS_MAIN(TestScrapeApi)
#include "tst_scrape_api.moc"
