// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The client and Debian's Prometheus, VictoriaMetrics and Alertmanager.
#include "core/base/file.h"
#include "support/alertmanager_peer.h"
#include "support/client_world.h"
#include "support/process.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::client;
using test::await;

class TestClientPeers : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void asksPrometheus();
    void asksVictoriaMetrics();
    void joinsTwoAlertmanagers();
};

void TestClientPeers::asksPrometheus()
{
    if (test::peer("prometheus").isEmpty()) {
        QSKIP("Debian's prometheus is not unpacked");
    }
    const base::TemporaryDirectory folder;
    const QString path = QString::fromStdString(folder.path().string());
    const int port = test::freePort();
    std::ofstream(folder.path() / "prometheus.yml") << "global: {}\n";
    test::Program program;
    QVERIFY(program.start(test::peer("prometheus"),
                          {"--config.file=" + path + "/prometheus.yml",
                           "--storage.tsdb.path=" + path + "/data",
                           QString("--web.listen-address=127.0.0.1:%1").arg(port)}));
    test::Requests requests(port);
    QVERIFY2(QTest::qWaitFor([&] { return requests.get("/-/ready").status == 200; }, 30000),
             qPrintable(program.output()));
    test::ClientWorld world;
    const auto client = world.client("http://127.0.0.1:" + std::to_string(port));
    const auto offers = await<Offers>([&](auto reply) { client->offers({}, std::move(reply)); });
    QVERIFY2(offers.ok(), offers.status().ToString().c_str());
    QCOMPARE(offers->kind, ServerKind::Prometheus);
    QVERIFY(offers->has(Part::Targets) && offers->has(Part::Rules) &&
            offers->has(Part::Configuration));
    QVERIFY(!offers->has(Part::DeleteSeries));
    const auto deleted = await<bool>(
        [&](auto reply) { client->deleteSeries({.selectors = {"up"}}, {}, std::move(reply)); });
    QCOMPARE(deleted.status().code(), absl::StatusCode::kUnimplemented);
    QVERIFY2(deleted.status().ToString().find("--web.enable-admin-api") != std::string::npos,
             deleted.status().ToString().c_str());
    const auto result = await<QueryResult>([&](auto reply) {
        client->query({.query = "vector(1) + time() * 0"}, {}, std::move(reply));
    });
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(std::get<promql::Vector>((*result)->value).front().value, 1.0);
    const auto wrong = await<QueryResult>(
        [&](auto reply) { client->query({.query = "sum(up"}, {}, std::move(reply)); });
    QCOMPARE(wrong.status().code(), absl::StatusCode::kInvalidArgument);
    QVERIFY(base::positionOf(wrong.status()).has_value());
    const auto status =
        await<ServerStatus>([&](auto reply) { client->status({}, std::move(reply)); });
    QVERIFY2(status.ok(), status.status().ToString().c_str());
    QCOMPARE(status->state, EngineState::Collecting);
    QVERIFY(status->startedAt.has_value());
    const auto flags = await<Flags>([&](auto reply) { client->flags({}, std::move(reply)); });
    QVERIFY(flags.ok() && flags->at("web.enable-admin-api") == "false");
    QVERIFY(await<Targets>([&](auto reply) { client->targets({}, std::move(reply)); }).ok());
    QVERIFY(
        await<StoreStatus>([&](auto reply) { client->storeStatus(5, {}, std::move(reply)); }).ok());
}

void TestClientPeers::asksVictoriaMetrics()
{
    if (test::peer("victoria-metrics").isEmpty()) {
        QSKIP("Debian's victoria-metrics is not unpacked");
    }
    const base::TemporaryDirectory folder;
    const int port = test::freePort();
    test::Program program;
    QVERIFY(program.start(test::peer("victoria-metrics"),
                          {"-storageDataPath=" + QString::fromStdString(folder.path().string()),
                           QString("-httpListenAddr=127.0.0.1:%1").arg(port)}));
    test::Requests requests(port);
    QVERIFY2(QTest::qWaitFor([&] { return requests.get("/health").status == 200; }, 30000),
             qPrintable(program.output()));
    test::ClientWorld world;
    const auto client = world.client("http://127.0.0.1:" + std::to_string(port));
    const auto offers = await<Offers>([&](auto reply) { client->offers({}, std::move(reply)); });
    QVERIFY2(offers.ok(), offers.status().ToString().c_str());
    QCOMPARE(offers->kind, ServerKind::VictoriaMetrics);
    QVERIFY(!offers->has(Part::Blocks));
    const auto blocks = await<BlockList>([&](auto reply) { client->blocks({}, std::move(reply)); });
    QCOMPARE(blocks.status().code(), absl::StatusCode::kUnimplemented);
    QCOMPARE(QString::fromStdString(std::string(base::messageOf(blocks.status()))),
             QString("VictoriaMetrics does not offer the list of its blocks"));
    const auto result = await<QueryResult>(
        [&](auto reply) { client->query({.query = "vector(2)"}, {}, std::move(reply)); });
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(std::get<promql::Vector>((*result)->value).front().value, 2.0);
    const auto names = await<std::vector<std::string>>(
        [&](auto reply) { client->labelNames({}, {}, std::move(reply)); });
    QVERIFY2(names.ok(), names.status().ToString().c_str());
}

void TestClientPeers::joinsTwoAlertmanagers()
{
    if (const QString why = test::AlertmanagerPeer::missing(); !why.isEmpty()) {
        QSKIP(qPrintable(why));
    }
    const base::TemporaryDirectory first;
    const base::TemporaryDirectory second;
    const std::string config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
    test::AlertmanagerPeer one;
    test::AlertmanagerPeer two;
    QVERIFY2(one.start(first.path(), config), qPrintable(one.output()));
    QVERIFY2(two.start(second.path(), config), qPrintable(two.output()));
    test::ClientWorld world;
    const LinkSettings settings;
    for (const std::string& url : {one.url(), two.url()}) {
        ServerLink link(url, settings, {.loop = world.loop, .pool = world.pool});
        const auto posted = await<net::HttpResponse>([&](auto reply) {
            link.send({.method = "POST",
                       .path = "/api/v2/alerts",
                       .json = "[{\"labels\":{\"alertname\":\"Down\",\"job\":\"a\"}}]"},
                      {}, std::move(reply));
        });
        QVERIFY(posted.ok() && posted->status == 200);
    }
    const std::string gone = "http://127.0.0.1:" + std::to_string(test::freePort());
    const auto client = world.alerts({one.url(), two.url(), gone});
    using Alerts = Joined<std::vector<Alert>>;
    absl::StatusOr<Alerts> alerts;
    QVERIFY(QTest::qWaitFor(
        [&] {
            alerts = await<Alerts>([&](auto reply) { client->alerts({}, {}, std::move(reply)); });
            return alerts.ok() && alerts->value.size() == 1 &&
                   alerts->value.front().servers.size() == 2;
        },
        30000));
    QCOMPARE(alerts->answered(), std::size_t{2});
    QCOMPARE(alerts->servers.back().status.code(), absl::StatusCode::kUnavailable);
    QCOMPARE(alerts->value.front().labels.toString(),
             std::string("{alertname=\"Down\", job=\"a\"}"));
    const base::Timestamp now{QDateTime::currentMSecsSinceEpoch()};
    const SilenceDraft draft{.matchers = {{.name = "job", .value = "a"}},
                             .startsAt = now,
                             .endsAt = now + base::Duration::fromMs(3'600'000),
                             .createdBy = "ann",
                             .comment = "works on it"};
    const auto preview = await<SilencePreview>(
        [&](auto reply) { client->previewSilence(draft, {}, std::move(reply)); });
    QVERIFY2(preview.ok(), preview.status().ToString().c_str());
    QCOMPARE(preview->matching, std::size_t{1});
    const auto made = await<std::vector<SilenceResult>>(
        [&](auto reply) { client->setSilence(draft, {}, std::move(reply)); });
    QVERIFY(made.ok() && made->size() == 3);
    QVERIFY((*made)[0].status.ok() && (*made)[1].status.ok() && !(*made)[2].status.ok());
    const auto acked = await<AckResult>([&](auto reply) {
        client->acknowledge({.filters = {"job=\"a\""}, .author = "ann"}, {}, std::move(reply));
    });
    QVERIFY(!acked.ok());
    const auto status = await<Joined<std::vector<AlertServerStatus>>>(
        [&](auto reply) { client->status({}, std::move(reply)); });
    QVERIFY(status.ok() && !status->value.front().acknowledges);
    QVERIFY(status->value.front().configuration.find("nobody") != std::string::npos);
}

QTEST_GUILESS_MAIN(TestClientPeers)
#include "tst_client_peers.moc"
