// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries over the API: statistics, remarks, the log of queries, the file of those under way.
#include "core/base/file.h"
#include "support/api_world.h"

#include <QtTest>

#include <fstream>

using namespace narthex;
using World = test::ApiWorld;

namespace {

const std::string kSeconds = std::to_string(test::kStart / 1000 + 5);

QJsonObject object(const net::ServerResponse& response)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(response.body)).object();
}

} // namespace

class TestQueryApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void tellsStatisticsByStep();
    void showsTenRemarks();
    void saysThatAWordForStatisticsIsOld();
    void writesTheQueryLog();
};

void TestQueryApi::tellsStatisticsByStep()
{
    const net::Parameters parameters{{"query", "sum_over_time(requests_total[2s])"},
                                     {"start", kSeconds},
                                     {"end", std::to_string(std::stoll(kSeconds) + 2)},
                                     {"step", "1"},
                                     {"stats", "all"}};
    for (const bool isOn : {false, true}) {
        const World world(true, [&](engine::EngineOptions& options) {
            options.query.features.perStepStats = isOn;
        });
        QVERIFY(world.isReady());
        world.fill(2, 10);
        const QJsonObject samples =
            world.data("/api/v1/query_range", parameters)["stats"]["samples"].toObject();
        QCOMPARE(samples["totalQueryableSamples"].toInt(), 12);
        QCOMPARE(samples.contains("totalQueryableSamplesPerStep"), isOn);
        QCOMPARE(samples.contains("samplesReadPerStep"), isOn);
        if (isOn) {
            const QJsonArray steps = samples["totalQueryableSamplesPerStep"].toArray();
            QCOMPARE(steps.size(), 3);
            QCOMPARE(steps[1], (QJsonArray{static_cast<double>(std::stoll(kSeconds) + 1), 4}));
            QCOMPARE(samples["samplesReadPerStep"].toArray()[1].toArray()[1].toInt(), 2);
        }
    }
}

void TestQueryApi::showsTenRemarks()
{
    const World world;
    QVERIFY(world.isReady());
    world.fill(1, 10);
    // Each comparison with another value out of range remarks on it.
    std::string query;
    for (int i = 0; i < 13; ++i) {
        query +=
            (i == 0 ? "quantile(" : " or quantile(") + std::to_string(i + 2) + ", requests_total)";
    }
    const QJsonObject answer =
        object(world.call("GET", "/api/v1/query", {{"query", query}, {"time", kSeconds}}));
    const QJsonArray warnings = answer["warnings"].toArray();
    QCOMPARE(warnings.size(), 11);
    QCOMPARE(warnings[10].toString(), QString("3 more warning annotations omitted"));
    QVERIFY(warnings[0].toString().startsWith("PromQL warning: quantile value should be between"));
    QVERIFY(warnings[0].toString().endsWith(')'));
}

void TestQueryApi::saysThatAWordForStatisticsIsOld()
{
    const World world;
    QVERIFY(world.isReady());
    const QJsonObject answer =
        object(world.call("GET", "/api/v1/query", {{"query", "1"}, {"stats", "foo"}}));
    QVERIFY(answer["data"]["stats"].isObject());
    QVERIFY(answer["warnings"][0].toString().contains("deprecated"));
}

void TestQueryApi::writesTheQueryLog()
{
    const base::TemporaryDirectory folder;
    const std::filesystem::path config = folder.path() / "config.yml";
    const std::filesystem::path log = folder.path() / "queries.log";
    std::ofstream(config) << "global: {query_log_file: queries.log}\n";
    const World world(true, [&](engine::EngineOptions& options) { options.configFile = config; });
    QVERIFY(world.isReady());
    const auto ask = [&] {
        return world.call("POST", "/api/v1/query", {{"query", "1 + 1"}}).status;
    };
    QCOMPARE(ask(), 200);
    const auto lines = [&] { return QByteArray::fromStdString(*base::readFile(log)).count('\n'); };
    QCOMPARE(lines(), 1);
    const QJsonObject line =
        QJsonDocument::fromJson(QByteArray::fromStdString(*base::readFile(log))).object();
    QCOMPARE(line["httpRequest"]["path"].toString(), QString("/api/v1/query"));
    QCOMPARE(line["httpRequest"]["method"].toString(), QString("POST"));
    // Whoever rotates the log moves it away and asks for a reload.
    std::filesystem::rename(log, folder.path() / "old.log");
    QVERIFY(world.engine->reload().ok());
    QCOMPARE(ask(), 200);
    QCOMPARE(lines(), 1);
    QVERIFY(world.call("GET", "/metrics").body.find("prometheus_engine_query_log_enabled 1") !=
            std::string::npos);
    // Taken out of the configuration it ends.
    std::ofstream(config) << "global: {}\n";
    QVERIFY(world.engine->reload().ok());
    QCOMPARE(ask(), 200);
    QCOMPARE(lines(), 1);
    QVERIFY(std::filesystem::exists(world.options.dataDirectory / "queries.active"));
}

QTEST_GUILESS_MAIN(TestQueryApi)
#include "tst_query_api.moc"
