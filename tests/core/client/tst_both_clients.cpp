// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same engine asked in this process and over HTTP: the answers are equal.
#include "core/client/embedded/embedded_alerts.h"
#include "core/client/embedded/embedded_client.h"
#include "support/api_world.h"
#include "support/client_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::client;
using test::await;

namespace {

/// The engine, and both ways to it.
struct BothWays
{
    explicit BothWays(const test::ApiWorld& world)
        : server(
              net::HttpServer::start(clients.loop, {},
                                     [&world](net::ServerRequest request, net::Responder respond) {
                                         world.api->handle(std::move(request), std::move(respond));
                                     })),
          near(std::make_unique<EmbeddedClient>(*world.engine)),
          far(clients.client("http://" + (*server)->address())),
          nearAlerts(makeEmbeddedAlertClient(*world.engine)),
          farAlerts(clients.alerts({"http://" + (*server)->address()}))
    {}

    test::ClientWorld clients;
    absl::StatusOr<std::unique_ptr<net::HttpServer>> server;
    std::unique_ptr<MonitoringClient> near;
    std::unique_ptr<MonitoringClient> far;
    std::unique_ptr<AlertClient> nearAlerts;
    std::unique_ptr<AlertClient> farAlerts;
};

/// What both say of the same question, as text for a message; equal if `near` and `far` are.
template <typename T, typename Ask>
bool sayTheSame(BothWays& ways, const Ask& ask)
{
    const auto near = await<T>([&](auto reply) { ask(*ways.near, std::move(reply)); });
    const auto far = await<T>([&](auto reply) { ask(*ways.far, std::move(reply)); });
    if (!near.ok() || !far.ok()) {
        qWarning("near: %s; far: %s", near.status().ToString().c_str(),
                 far.status().ToString().c_str());
        return false;
    }
    return *near == *far;
}

std::string printed(const promql::Result& result)
{
    std::string text;
    if (const auto* matrix = std::get_if<promql::Matrix>(&result.value)) {
        for (const promql::MatrixSeries& series : *matrix) {
            text += series.labels.toString();
            for (const promql::Point& point : series.points) {
                text += fmt::format(" {}@{}", point.value, point.time.ms);
            }
            text += '\n';
        }
    } else if (const auto* vector = std::get_if<promql::Vector>(&result.value)) {
        for (const promql::VectorElement& each : *vector) {
            text += fmt::format("{} {}@{}\n", each.labels.toString(), each.value, each.time.ms);
        }
    } else if (const auto* scalar = std::get_if<promql::Scalar>(&result.value)) {
        text = fmt::format("{}@{}", scalar->value, scalar->time.ms);
    } else if (const auto* string = std::get_if<promql::String>(&result.value)) {
        text = string->value;
    }
    for (const promql::Annotation& note : result.annotations) {
        text += fmt::format("{} at {}\n", note.text, note.begin.value_or(0));
    }
    return text;
}

const base::Timestamp kNow{test::kStart + 100'000};

} // namespace

class TestBothClients : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void answerQueriesAlike_data();
    void answerQueriesAlike();
    void refuseTheSameQuery();
    void findTheSameSeries();
    void showTheSameParts();
    void silenceAlike();
    void offerWhatTheyHave();

private:
    std::unique_ptr<test::ApiWorld> world_;
    std::unique_ptr<BothWays> ways_;
};

void TestBothClients::initTestCase()
{
    world_ = std::make_unique<test::ApiWorld>();
    QVERIFY(world_->isReady());
    world_->fill(3, 100);
    ways_ = std::make_unique<BothWays>(*world_);
    QVERIFY2(ways_->server.ok(), ways_->server.status().ToString().c_str());
}

void TestBothClients::cleanupTestCase()
{
    // Servers and clients go before the engine.
    ways_.reset();
    world_.reset();
}

void TestBothClients::answerQueriesAlike_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<bool>("range");
    for (const bool range : {false, true}) {
        const char* kind = range ? "range" : "instant";
        for (const char* query :
             {"requests_total", "sum(rate(requests_total[1m]))", "rate(requests_total[30s]) / 0",
              "requests_total * NaN", "42", "absent(nothing)", "avg_over_time(requests_total[1m])",
              "nothing", "rate(requests_total{code=\"200\"}[1m]) - Inf"}) {
            QTest::addRow("%s %s", kind, query) << query << range;
        }
    }
    QTest::newRow("instant matrix") << "requests_total[20s]" << false;
    QTest::newRow("instant string") << "\"words\"" << false;
    QTest::newRow("a remark") << "rate(some_gauge[1m]) or quantile(2, requests_total)" << false;
}

void TestBothClients::answerQueriesAlike()
{
    QFETCH(QString, query);
    QFETCH(bool, range);
    const auto ask = [&](MonitoringClient& client) {
        return await<QueryResult>([&](auto reply) {
            if (range) {
                client.queryRange({.query = query.toStdString(),
                                   .from = {test::kStart},
                                   .to = kNow,
                                   .step = base::Duration::fromMs(7'500)},
                                  {}, std::move(reply));
            } else {
                client.query({.query = query.toStdString(), .time = kNow}, {}, std::move(reply));
            }
        });
    };
    const auto near = ask(*ways_->near);
    const auto far = ask(*ways_->far);
    QVERIFY2(near.ok(), near.status().ToString().c_str());
    QVERIFY2(far.ok(), far.status().ToString().c_str());
    QCOMPARE(QString::fromStdString(printed(**far)), QString::fromStdString(printed(**near)));
}

void TestBothClients::refuseTheSameQuery()
{
    for (MonitoringClient* client : {ways_->near.get(), ways_->far.get()}) {
        const auto result = await<QueryResult>(
            [&](auto reply) { client->query({.query = "sum(up"}, {}, std::move(reply)); });
        QCOMPARE(result.status().code(), absl::StatusCode::kInvalidArgument);
        QVERIFY(base::positionOf(result.status()).has_value());
    }
}

void TestBothClients::findTheSameSeries()
{
    using Texts = std::vector<std::string>;
    const SeriesFilter filter{.selectors = {"requests_total{code!=\"201\"}"}};
    QVERIFY(sayTheSame<std::vector<model::Labels>>(
        *ways_, [&](auto& client, auto reply) { client.series(filter, {}, std::move(reply)); }));
    QVERIFY(sayTheSame<Texts>(*ways_, [&](auto& client, auto reply) {
        client.labelNames(filter, {}, std::move(reply));
    }));
    QVERIFY(sayTheSame<Texts>(*ways_, [&](auto& client, auto reply) {
        client.labelValues("code", filter, {}, std::move(reply));
    }));
    QVERIFY(sayTheSame<Texts>(*ways_, [&](auto& client, auto reply) {
        client.labelValues("code", {.limit = 2}, {}, std::move(reply));
    }));
}

void TestBothClients::showTheSameParts()
{
    QVERIFY(sayTheSame<StoreStatus>(
        *ways_, [](auto& client, auto reply) { client.storeStatus(5, {}, std::move(reply)); }));
    QVERIFY(sayTheSame<BlockList>(
        *ways_, [](auto& client, auto reply) { client.blocks({}, std::move(reply)); }));
    QVERIFY(sayTheSame<std::vector<RuleGroupInfo>>(
        *ways_, [](auto& client, auto reply) { client.rules({}, std::move(reply)); }));
    QVERIFY(sayTheSame<AlertmanagerTargets>(
        *ways_, [](auto& client, auto reply) { client.alertmanagers({}, std::move(reply)); }));
    QVERIFY(sayTheSame<std::string>(
        *ways_, [](auto& client, auto reply) { client.configurationText({}, std::move(reply)); }));
    QVERIFY(sayTheSame<std::vector<ExemplarSeries>>(*ways_, [](auto& client, auto reply) {
        client.exemplars(
            {.query = "requests_total", .from = base::Timestamp{test::kStart - 1000}, .to = kNow},
            {}, std::move(reply));
    }));
}

void TestBothClients::silenceAlike()
{
    const base::Timestamp now = world_->engine->clock().now();
    for (AlertClient* client : {ways_->nearAlerts.get(), ways_->farAlerts.get()}) {
        const SilenceDraft draft{.matchers = {{.name = "job", .value = "a|b", .isRegex = true}},
                                 .startsAt = now,
                                 .endsAt = now + base::Duration::fromMs(3'600'000),
                                 .createdBy = "ann",
                                 .comment = "works on it"};
        const auto made = await<std::vector<SilenceResult>>(
            [&](auto reply) { client->setSilence(draft, {}, std::move(reply)); });
        QVERIFY2(made.ok(), made.status().ToString().c_str());
        QCOMPARE(made->size(), std::size_t{1});
        QVERIFY2(made->front().status.ok(), made->front().status.ToString().c_str());
        const auto list = await<Joined<std::vector<Silence>>>(
            [&](auto reply) { client->silences({"job=\"a|b\""}, {}, std::move(reply)); });
        QVERIFY2(list.ok(), list.status().ToString().c_str());
        const auto found =
            std::find_if(list->value.begin(), list->value.end(),
                         [&](const Silence& each) { return each.id == made->front().id; });
        QVERIFY(found != list->value.end());
        QCOMPARE(found->matchers, draft.matchers);
        QCOMPARE(found->createdBy, std::string("ann"));
        const auto ended = await<std::vector<SilenceResult>>(
            [&](auto reply) { client->expireSilence(made->front().id, {}, {}, std::move(reply)); });
        QVERIFY(ended.ok() && ended->front().status.ok());
        const auto missing =
            await<bool>([&](auto reply) { client->withdraw("nobody", {}, std::move(reply)); });
        QCOMPARE(missing.status().code(), absl::StatusCode::kNotFound);
        const auto history = await<Joined<std::vector<HistoryEntry>>>(
            [&](auto reply) { client->history({}, {}, std::move(reply)); });
        QVERIFY2(history.ok(), history.status().ToString().c_str());
        const auto status = await<Joined<std::vector<AlertServerStatus>>>(
            [&](auto reply) { client->status({}, std::move(reply)); });
        QVERIFY(status.ok() && status->value.front().acknowledges);
    }
}

void TestBothClients::offerWhatTheyHave()
{
    for (MonitoringClient* client : {ways_->near.get(), ways_->far.get()}) {
        const auto offers =
            await<Offers>([&](auto reply) { client->offers({}, std::move(reply)); });
        QVERIFY2(offers.ok(), offers.status().ToString().c_str());
        QCOMPARE(offers->kind, ServerKind::Narthex);
        QVERIFY(offers->has(Part::Rules) && offers->has(Part::Blocks) &&
                offers->has(Part::Configuration));
        QCOMPARE(offers->has(Part::ScrapeNow), client == ways_->near.get());
    }
    const auto scraped =
        await<bool>([&](auto reply) { ways_->far->scrapeNow("any", {}, std::move(reply)); });
    QCOMPARE(scraped.status().code(), absl::StatusCode::kUnimplemented);
}

QTEST_GUILESS_MAIN(TestBothClients)
#include "tst_both_clients.moc"
