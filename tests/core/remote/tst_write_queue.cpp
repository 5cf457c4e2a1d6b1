// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sender of remote write on a clock of the test's own, against a receiver that fails on
// purpose. Source: spec/remote.md, 2; Held cases 10 to 16, 21 to 23.
#include "core/yaml/fields.h"
#include "support/sender_world.h"

#include <QtTest>

#include <thread>

namespace narthex::remote {
namespace {

using namespace base::literals;
using model::Labels;
using test::SenderWorld;

Labels series(const std::string& name) { return Labels{{"__name__", name}, {"job", "j"}}; }

std::vector<Labels> manySeries(int count)
{
    std::vector<Labels> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(Labels{{"__name__", "m"}, {"n", std::to_string(i)}});
    }
    return all;
}

/// The answers one after the other, then 204.
std::function<net::ServerResponse(const net::ServerRequest&)>
answers(std::vector<net::ServerResponse> list)
{
    auto left = std::make_shared<std::vector<net::ServerResponse>>(std::move(list));
    return [left](const net::ServerRequest&) {
        if (left->empty()) {
            return net::ServerResponse{.status = 204};
        }
        net::ServerResponse next = left->front();
        left->erase(left->begin());
        return next;
    };
}

std::string retryAttempt(const net::ServerRequest& request)
{
    return std::string(request.header("Retry-Attempt"));
}

relabel::Rule dropRule(const std::string& label, const std::string& value)
{
    relabel::Rule rule;
    rule.sourceLabels = {label};
    rule.regex = value;
    rule.action = relabel::Action::Drop;
    const absl::Status status = relabel::validate(rule, relabel::NameScheme::Utf8);
    Q_ASSERT(status.ok());
    return rule;
}

/// Waits for the sample to be in a shard, then for its deadline.
void sendNow(SenderWorld& world, double pending = 1)
{
    QVERIFY(world.waitForMetric("samples_pending", pending));
    world.advance(5_s);
}

model::FloatHistogram customHistogram()
{
    return {.schema = model::kCustomBucketsSchema,
            .count = 3,
            .sum = 4,
            .positiveSpans = {{0, 2}},
            .positiveBuckets = {1, 2},
            .customValues = {0.5, 1}};
}

} // namespace

class TestWriteQueue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void triesAgainAfterServerErrorsAndWaitsLongerEachTime();
    void dropsWhatTheReceiverRefuses();
    void tooManyRequestsIsARefusalUnlessTheConfigurationSaysOtherwise();
    void waitsAsLongAsTheReceiverAsks();
    void deliversAllInOrderWhenTheReceiverWasDown();
    void sendsNothingThatWasStoredBeforeTheStart();
    void addsExternalLabelsBeforeRelabelling();
    void sendsAPartOfABatchWhenItsTimeIsUp();
    void aReceiverThatDoesNotSayWhatItWroteKnowsNoVersion2();
    void customBucketsAreDroppedInVersion1AndSentInVersion2();
    void aReloadWithTheSameSectionKeepsTheQueue();
    void aChangeOfExternalLabelsMakesAnotherQueue();
    void samplesThatGrowOldInTheQueueAreNotSent();
    void aSecondShardTakesItsShareAndKeepsTheOrder();
    void metadataIsSentOnItsOwn();
    void theEndSendsWhatWaits();
    void theEndGivesUpAndCountsWhatIsLost();
    void twoEqualSectionsAreAnError();
};

void TestWriteQueue::triesAgainAfterServerErrorsAndWaitsLongerEachTime()
{
    SenderWorld world;
    world.onRequest = answers({{.status = 500}, {.status = 500}});
    world.start(world.config());
    world.store({series("a")}, 1000, 1);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_retried_total", 1));
    world.advance(29_ms);
    QCOMPARE(world.requests(), std::size_t{1});
    world.advance(1_ms);
    QVERIFY(world.waitForMetric("samples_retried_total", 2));
    world.advance(59_ms);
    QCOMPARE(world.requests(), std::size_t{2});
    world.advance(1_ms);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    const auto requests = world.server().requests();
    QCOMPARE(requests.size(), std::size_t{3});
    QCOMPARE(retryAttempt(requests[0]), "");
    QCOMPARE(retryAttempt(requests[1]), "1");
    QCOMPARE(retryAttempt(requests[2]), "2");
    QVERIFY(world.waitForMetric("samples_total", 3));
    QVERIFY(world.waitForMetric("samples_failed_total", 0));
    QCOMPARE(world.arrivedSamples(), std::size_t{1});
    QVERIFY(world.remote().status()[0].lastError.empty());
}

void TestWriteQueue::dropsWhatTheReceiverRefuses()
{
    SenderWorld world;
    world.onRequest = answers({{.status = 400, .body = "out of order sample\n"}});
    world.start(world.config());
    world.store(manySeries(3), 1000, 1);
    sendNow(world, 3);
    QVERIFY(world.waitForMetric("samples_failed_total", 3));
    QVERIFY(world.waitForMetric("samples_retried_total", 0));
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QCOMPARE(world.requests(), std::size_t{1});
    const QueueStatus status = world.remote().status()[0];
    QCOMPARE(status.lastError, "server returned HTTP status 400 Bad Request: out of order sample");
    QVERIFY(!status.isRetried);
}

void TestWriteQueue::tooManyRequestsIsARefusalUnlessTheConfigurationSaysOtherwise()
{
    SenderWorld world;
    world.onRequest = answers({{.status = 429}});
    world.start(world.config());
    world.store({series("a")}, 1000, 1);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_failed_total", 1));
}

void TestWriteQueue::waitsAsLongAsTheReceiverAsks()
{
    SenderWorld world;
    world.onRequest = answers({{.status = 429, .headers = {{"Retry-After", "2"}}}});
    RemoteWriteConfig config = world.config();
    config.queue.retryOnHttp429 = true;
    world.start(config);
    world.store({series("a")}, 1000, 1);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_retried_total", 1));
    world.advance(1999_ms);
    QCOMPARE(world.requests(), std::size_t{1});
    world.advance(1_ms);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QCOMPARE(world.arrivedSamples(), std::size_t{1});
}

void TestWriteQueue::deliversAllInOrderWhenTheReceiverWasDown()
{
    SenderWorld world;
    std::atomic<bool> isDown = true;
    world.onRequest = [&isDown](const net::ServerRequest&) {
        return net::ServerResponse{.status = isDown ? 503 : 204};
    };
    RemoteWriteConfig config = world.config();
    config.queue.maxSamplesPerSend = 10;
    config.queue.capacity = 20;
    config.queue.minShards = 2;
    world.start(config);
    const std::vector<Labels> all = manySeries(7);
    for (int second = 1; second <= 60; ++second) {
        world.store(all, second * 1000, second);
        world.advance(1_s);
    }
    QVERIFY(QTest::qWaitFor(
        [&] { return world.metric("prometheus_remote_storage_enqueue_retries_total") > 0; }));
    isDown = false;
    QVERIFY(QTest::qWaitFor(
        [&] {
            world.advance(1_s);
            return world.arrivedSamples() == 7 * 60;
        },
        20'000));
    QCOMPARE(world.badRequests(), 0);
    for (const auto& [name, samples] : world.arrived()) {
        QCOMPARE(samples.size(), std::size_t{60});
    }
    QVERIFY(world.waitForMetric("samples_failed_total", 0));
}

void TestWriteQueue::sendsNothingThatWasStoredBeforeTheStart()
{
    SenderWorld world;
    world.store({series("a")}, -1000, 1);
    world.start(world.config());
    world.store({series("a")}, 1000, 2);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_total", 1));
    QVERIFY(world.waitForMetric("samples_pending", 0));
    const auto arrived = world.arrived();
    QCOMPARE(arrived.size(), std::size_t{1});
    QCOMPARE(arrived.begin()->second.size(), std::size_t{1});
    QCOMPARE(arrived.begin()->second[0].first, test::kSenderStart + 1000);
    world.stop();

    // After a restart neither is sent again.
    world.advance(10_s);
    world.start(world.config());
    world.store({series("b")}, 20'000, 3);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QCOMPARE(world.arrivedSamples(), std::size_t{2});
    QCOMPARE(world.badRequests(), 0);
}

void TestWriteQueue::addsExternalLabelsBeforeRelabelling()
{
    SenderWorld world;
    RemoteWriteConfig config = world.config();
    config.writeRelabelRules = {dropRule("dc", "z")};
    world.start(config, Labels{{"dc", "x"}});
    world.store({Labels{{"__name__", "own"}, {"dc", "y"}}, Labels{{"__name__", "none"}},
                 Labels{{"__name__", "dropped"}, {"dc", "z"}}},
                1000, 1);
    sendNow(world, 2);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    const auto arrived = world.arrived();
    QCOMPARE(arrived.size(), std::size_t{2});
    QVERIFY(arrived.contains("none{dc=\"x\"}"));
    QVERIFY(arrived.contains("own{dc=\"y\"}"));
    QVERIFY(world.waitForMetric("samples_dropped_total", 1, "dropped_series"));

    // A rule for the external label itself sees it.
    config.writeRelabelRules = {dropRule("dc", "x")};
    world.apply({config}, Labels{{"dc", "x"}});
    world.store({Labels{{"__name__", "none"}}}, 20'000, 1);
    QVERIFY(world.waitForMetric("samples_dropped_total", 1, "dropped_series"));
}

void TestWriteQueue::sendsAPartOfABatchWhenItsTimeIsUp()
{
    SenderWorld world;
    world.start(world.config());
    world.store(manySeries(100), 1000, 1);
    QVERIFY(world.waitForMetric("samples_pending", 100));
    world.advance(4999_ms);
    QCOMPARE(world.requests(), std::size_t{0});
    world.advance(1_ms);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QCOMPARE(world.requests(), std::size_t{1});
    QCOMPARE(world.arrivedSamples(), std::size_t{100});
    const net::ServerRequest request = world.server().last("POST /write");
    QCOMPARE(request.header("Content-Encoding"), "snappy");
    QCOMPARE(request.header("Content-Type"), "application/x-protobuf");
    QCOMPARE(request.header("X-Prometheus-Remote-Write-Version"), "0.1.0");
    QCOMPARE(request.header("User-Agent"), "Narthex/test");
}

void TestWriteQueue::aReceiverThatDoesNotSayWhatItWroteKnowsNoVersion2()
{
    SenderWorld world;
    RemoteWriteConfig config = world.config();
    config.protobufMessage = "io.prometheus.write.v2.Request";
    world.start(config);
    world.store({series("a")}, 1000, 1);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_failed_total", 1));
    QVERIFY(world.waitForMetric("samples_retried_total", 0));
    QCOMPARE(world.requests(), std::size_t{1});
    const net::ServerRequest request = world.server().last("POST /write");
    QCOMPARE(request.header("Content-Type"),
             "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    QCOMPARE(request.header("X-Prometheus-Remote-Write-Version"), "2.0.0");
}

void TestWriteQueue::customBucketsAreDroppedInVersion1AndSentInVersion2()
{
    SenderWorld world({.readableBy242 = false});
    world.onRequest = [](const net::ServerRequest&) {
        return net::ServerResponse{
            .status = 204, .headers = {{"X-Prometheus-Remote-Write-Histograms-Written", "1"}}};
    };
    RemoteWriteConfig config = world.config();
    config.sendNativeHistograms = true;
    const auto storeOne = [&world](std::int64_t ahead) {
        const auto appender = world.db().appender();
        appender->appendHistogram(*appender->seriesFor(series("h")), {test::kSenderStart + ahead},
                                  customHistogram());
        QVERIFY(appender->commit().ok());
    };
    world.start(config);
    storeOne(1000);
    QVERIFY(world.waitForMetric("histograms_dropped_total", 1, "nhcb_in_rw1_not_supported"));
    world.stop();
    world.advance(10_s);
    config.protobufMessage = "io.prometheus.write.v2.Request";
    world.start(config);
    // The series is older than this queue: it comes from the log.
    storeOne(20'000);
    QVERIFY(world.waitForMetric("histograms_pending", 1));
    world.advance(5_s);
    QVERIFY(world.waitForMetric("histograms_pending", 0));
    QVERIFY(world.waitForMetric("histograms_failed_total", 0));
    QCOMPARE(world.arrived().size(), std::size_t{1});
    QCOMPARE(world.badRequests(), 0);
}

void TestWriteQueue::aReloadWithTheSameSectionKeepsTheQueue()
{
    SenderWorld world;
    RemoteWriteConfig config = world.config();
    config.http.basicAuth = net::BasicAuth{.username = "u", .password = base::Secret("old")};
    world.start(config, Labels{{"dc", "x"}});
    world.store({series("a")}, 1000, 1);
    QVERIFY(world.waitForMetric("samples_pending", 1));
    config.http.basicAuth->password = base::Secret("new");
    world.apply({config}, Labels{{"dc", "x"}});
    QVERIFY(world.waitForMetric("samples_pending", 1));
    QVERIFY(world.waitForMetric("shards", 1));
    QCOMPARE(world.requests(), std::size_t{0});
    world.advance(5_s);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QCOMPARE(world.server().last("POST /write").header("Authorization"), "Basic dTpuZXc=");
}

void TestWriteQueue::aChangeOfExternalLabelsMakesAnotherQueue()
{
    SenderWorld world;
    world.start(world.config(), Labels{{"dc", "x"}});
    world.store({series("a")}, 1000, 1);
    QVERIFY(world.waitForMetric("samples_pending", 1));
    world.advance(2_s);
    world.apply({world.config()}, Labels{{"dc", "y"}});
    // The old one has sent what it had.
    QCOMPARE(world.arrivedSamples(), std::size_t{1});
    world.advance(10_s);
    world.store({series("a")}, 20'000, 2);
    sendNow(world);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    const auto arrived = world.arrived();
    QCOMPARE(arrived.size(), std::size_t{2});
    QVERIFY(arrived.contains("a{dc=\"y\", job=\"j\"}") ||
            arrived.contains("a{dc=\"y\",job=\"j\"}"));
}

void TestWriteQueue::samplesThatGrowOldInTheQueueAreNotSent()
{
    SenderWorld world;
    world.onRequest = answers({{.status = 500}});
    RemoteWriteConfig config = world.config();
    config.queue.sampleAgeLimit = 20_s;
    config.queue.minBackoff = 30_s;
    config.queue.maxBackoff = 30_s;
    world.start(config);
    world.store({series("old")}, 1000, 1);
    world.store({series("new")}, 30'000, 1);
    sendNow(world, 2);
    QVERIFY(world.waitForMetric("samples_retried_total", 2));
    world.advance(30_s);
    QVERIFY(world.waitForMetric("samples_pending", 0));
    QVERIFY(world.waitForMetric("samples_dropped_total", 1, "too_old"));
    const auto arrived = world.arrived();
    QCOMPARE(arrived.size(), std::size_t{1});
    QVERIFY(arrived.begin()->first.starts_with("new"));
}

void TestWriteQueue::aSecondShardTakesItsShareAndKeepsTheOrder()
{
    SenderWorld world;
    // Five requests take a second and a half each, the next one until the shards were counted.
    std::atomic<int> served = 0;
    std::atomic<bool> goOn = false;
    world.onRequest = [&](const net::ServerRequest&) {
        if (served < 5) {
            world.timers().manualClock().advance(1500_ms);
        }
        while (served == 5 && !goOn) {
            std::this_thread::yield();
        }
        ++served;
        return net::ServerResponse{.status = 204};
    };
    RemoteWriteConfig config = world.config();
    config.queue.maxSamplesPerSend = 10;
    config.queue.maxShards = 5;
    world.start(config);
    const std::vector<Labels> all = manySeries(20);
    for (int round = 1; round <= 10; ++round) {
        world.store(all, round * 1000, round);
    }
    const bool waits = QTest::qWaitFor([&] { return world.requests() == 6; }) &&
                       world.waitForMetric("samples_pending", 150);
    world.advance(10_s);
    goOn = true;
    QVERIFY(waits);
    QVERIFY(QTest::qWaitFor([&] { return world.metric("prometheus_remote_storage_shards") > 1; },
                            10'000));
    QVERIFY(QTest::qWaitFor(
        [&] {
            world.advance(5_s);
            return world.arrivedSamples() == 200;
        },
        20'000));
    QCOMPARE(world.badRequests(), 0);
    QVERIFY(world.waitForMetric("samples_pending", 0));
}

void TestWriteQueue::metadataIsSentOnItsOwn()
{
    SenderWorld world;
    world.families = [] {
        return std::vector<FamilyText>{{"b", {model::MetricType::Gauge, "help of b", "seconds"}},
                                       {"a", {model::MetricType::Counter, "help of a", ""}},
                                       {"b", {model::MetricType::Gauge, "help of b", "seconds"}},
                                       {"c", {model::MetricType::Info, "help of c", ""}}};
    };
    RemoteWriteConfig config = world.config();
    config.metadata.maxSamplesPerSend = 2;
    world.start(config);
    world.advance(1_min);
    QVERIFY(world.waitForRequests(2));
    QVERIFY(world.waitForMetric("metadata_total", 3));
    QVERIFY(world.waitForMetric("metadata_failed_total", 0));
    QVERIFY(QTest::qWaitFor(
        [&] { return world.metric("prometheus_remote_storage_metadata_bytes_total") > 0; }));
    world.advance(1_min);
    QVERIFY(world.waitForRequests(4));
}

void TestWriteQueue::theEndSendsWhatWaits()
{
    SenderWorld world;
    RemoteWriteConfig config = world.config();
    config.roundRobinDns = true;
    world.start(config);
    world.store(manySeries(50), 1000, 1);
    world.stop();
    QCOMPARE(world.arrivedSamples(), std::size_t{50});
}

void TestWriteQueue::theEndGivesUpAndCountsWhatIsLost()
{
    SenderWorld world;
    world.onRequest = [](const net::ServerRequest&) { return net::ServerResponse{.status = 503}; };
    world.start(world.config(), {}, 200_ms);
    world.store(manySeries(5), 1000, 1);
    sendNow(world, 5);
    QVERIFY(world.waitForMetric("samples_retried_total", 5));
    const auto began = std::chrono::steady_clock::now();
    world.stop();
    QVERIFY(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
    QCOMPARE(world.arrivedSamples(), std::size_t{0});
}

void TestWriteQueue::twoEqualSectionsAreAnError()
{
    SenderWorld world;
    world.start(world.config());
    RemoteWriteConfig config = world.config();
    config.name.clear();
    config.url = "http://u:secret@host/write";
    const absl::Status status = world.remote().apply({config, config}, {});
    QVERIFY(absl::IsInvalidArgument(status));
    QVERIFY(status.message().find("duplicate remote write configs are not allowed") !=
            std::string::npos);
    QVERIFY(status.message().find("secret") == std::string::npos);
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestWriteQueue)
#include "tst_write_queue.moc"
