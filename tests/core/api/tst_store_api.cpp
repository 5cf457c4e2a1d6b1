// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API says of the store and does to it, over a real engine.
#include "core/base/status.h"
#include "support/api_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using test::kStart;
using World = test::ApiWorld;

class TestStoreApi : public QObject
{
    Q_OBJECT

private slots:
    void tellsWhatTheHeadHolds();
    void refusesALimitOfNothing();
    void tellsTheReplay();
    void listsExemplars();
    void deletesAndCleans();
    void takesSnapshots();
    void keepsItsAdminPartClosed();
    void namesEveryMetricOfTheStore();
    void formatsAndParsesQueries();
};

void TestStoreApi::tellsWhatTheHeadHolds()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(3, 5);
    const QJsonObject status = world.data("/api/v1/status/tsdb").toObject();
    const QJsonObject head = status.value("headStats").toObject();
    QCOMPARE(head.value("numSeries").toInt(), 3);
    QCOMPARE(head.value("numLabelPairs").toInt(), 4);
    QCOMPARE(head.value("maxTime").toInteger(), qint64{kStart + 4000});
    const QJsonArray names = status.value("seriesCountByMetricName").toArray();
    QCOMPARE(names.size(), 1);
    QCOMPARE(names.at(0).toObject().value("name").toString(), QString("requests_total"));
    QCOMPARE(names.at(0).toObject().value("value").toInt(), 3);
    const QJsonArray labels = status.value("labelValueCountByLabelName").toArray();
    QCOMPARE(labels.at(0).toObject().value("name").toString(), QString("code"));
    QCOMPARE(world.data("/api/v1/status/tsdb", {{"limit", "1"}})
                 .toObject()
                 .value("seriesCountByLabelValuePair")
                 .toArray()
                 .size(),
             1);
}

void TestStoreApi::refusesALimitOfNothing()
{
    const World world;
    QVERIFY(world.isReady());
    QCOMPARE(world.call("GET", "/api/v1/status/tsdb", {{"limit", "0"}}).status, 400);
    const auto tooMuch = world.call("GET", "/api/v1/status/tsdb", {{"limit", "10001"}});
    QCOMPARE(tooMuch.status, 400);
    QVERIFY(tooMuch.body.find("limit must not exceed 10000") != std::string::npos);
}

void TestStoreApi::tellsTheReplay()
{
    const World world;
    const QJsonObject replay = world.data("/api/v1/status/walreplay").toObject();
    QVERIFY(replay.contains("min") && replay.contains("max") && replay.contains("current"));
}

void TestStoreApi::listsExemplars()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(2, 2);
    const QJsonArray found =
        world.data("/api/v1/query_exemplars", {{"query", "rate(requests_total[5m])"}}).toArray();
    QCOMPARE(found.size(), 1);
    const QJsonObject series = found.at(0).toObject();
    QCOMPARE(series.value("seriesLabels").toObject().value("code").toString(), QString("200"));
    const QJsonObject exemplar = series.value("exemplars").toArray().at(0).toObject();
    QCOMPARE(exemplar.value("labels").toObject().value("trace_id").toString(), QString("abc"));
    QCOMPARE(exemplar.value("value").toString(), QString("0.5"));
    QCOMPARE(world.call("GET", "/api/v1/query_exemplars", {{"query", "1"}}).status, 204);
    QVERIFY(world.data("/api/v1/query_exemplars", {{"query", "nothing"}}).toArray().isEmpty());
}

void TestStoreApi::deletesAndCleans()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(3, 5);
    QCOMPARE(world.call("POST", "/api/v1/admin/tsdb/delete_series").status, 400);
    QCOMPARE(world
                 .call("POST", "/api/v1/admin/tsdb/delete_series",
                       {{"match[]", "requests_total{code=\"201\"}"}})
                 .status,
             204);
    QCOMPARE(world
                 .data("/api/v1/query", {{"query", "count(requests_total)"},
                                         {"time", std::to_string(kStart / 1000 + 4)}})
                 .toObject()
                 .value("result")
                 .toArray()
                 .at(0)
                 .toObject()
                 .value("value")
                 .toArray()
                 .at(1)
                 .toString(),
             QString("2"));
    QCOMPARE(world.call("POST", "/api/v1/admin/tsdb/clean_tombstones").status, 204);
    QCOMPARE(world.call("GET", "/api/v1/admin/tsdb/clean_tombstones").status, 405);
}

void TestStoreApi::takesSnapshots()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(3, 5);
    const auto response = world.call("POST", "/api/v1/admin/tsdb/snapshot");
    QCOMPARE(response.status, 200);
    const QString name = QJsonDocument::fromJson(QByteArray::fromStdString(response.body))
                             .object()
                             .value("data")
                             .toObject()
                             .value("name")
                             .toString();
    QVERIFY(QRegularExpression("^\\d{8}T\\d{6}Z-[0-9a-f]{16}$").match(name).hasMatch());
    const auto target = world.options.dataDirectory / "snapshots" / name.toStdString();
    QVERIFY(std::filesystem::exists(target));
    QVERIFY(!std::filesystem::is_empty(target));
    QCOMPARE(world.call("POST", "/api/v1/admin/tsdb/snapshot", {{"skip_head", "maybe"}}).status,
             400);
    QVERIFY(world.data("/api/v1/status/tsdb/blocks").toObject().value("blocks").isArray());
}

void TestStoreApi::keepsItsAdminPartClosed()
{
    const World world(false);
    QVERIFY(world.isReady());
    const auto response = world.call("POST", "/api/v1/admin/tsdb/clean_tombstones");
    QCOMPARE(response.status, 500);
    QVERIFY(response.body.find("admin APIs disabled") != std::string::npos);
}

void TestStoreApi::namesEveryMetricOfTheStore()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(2, 2);
    const std::string page = world.call("GET", "/metrics").body;
    for (const char* name :
         {"prometheus_tsdb_head_series 2\n", "prometheus_tsdb_head_samples_appended_total{type=",
          "prometheus_tsdb_blocks_loaded 0\n", "prometheus_tsdb_compactions_total 0\n",
          "prometheus_tsdb_wal_fsync_duration_seconds", "prometheus_tsdb_wal_page_flushes_total",
          "prometheus_tsdb_out_of_order_wbl_storage_size_bytes",
          "prometheus_tsdb_exemplar_exemplars_in_storage 1\n", "prometheus_tsdb_mmap_chunks_total",
          "prometheus_tsdb_head_stale_series 0\n", "prometheus_tsdb_retention_limit_seconds",
          "prometheus_tsdb_clean_start"}) {
        QVERIFY2(page.find(name) != std::string::npos, name);
    }
}

void TestStoreApi::formatsAndParsesQueries()
{
    const World world;
    QVERIFY(world.isReady());
    QCOMPARE(world.data("/api/v1/format_query", {{"query", "sum(x)by(a) # all"}}).toString(),
             QString("sum by (a) (x) # all"));
    const QJsonObject tree = world.data("/api/v1/parse_query", {{"query", "-x"}}).toObject();
    QCOMPARE(tree.value("type").toString(), QString("unaryExpr"));
    QCOMPARE(tree.value("expr").toObject().value("name").toString(), QString("x"));
    for (const char* path : {"/api/v1/format_query", "/api/v1/parse_query"}) {
        const auto posted = world.call("POST", path, {{"query", "1+2"}});
        QCOMPARE(posted.status, 200);
        const auto wrong = world.call("GET", path, {{"query", "sum("}});
        QCOMPARE(wrong.status, 400);
        QVERIFY(wrong.body.find("1:5: parse error") != std::string::npos);
    }
}

QTEST_GUILESS_MAIN(TestStoreApi)
#include "tst_store_api.moc"
