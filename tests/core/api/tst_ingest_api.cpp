// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The doors for remote write and OTLP: who may come in, and what is answered.
// Source: spec/remote.md, Held cases 1 to 9, 34, 35.
#include "ingest_world.h"

#include "core/net/http_client.h"
#include "support/otlp_messages.h"

#include <QtTest>

namespace narthex::api {

class TestIngestApi : public QObject
{
    Q_OBJECT
private slots:
    void storesWhatComesByRemoteWrite();
    void turnsAwayWhatIsNoRemoteWrite_data();
    void turnsAwayWhatIsNoRemoteWrite();
    void saysHowTheReceiversAreSwitchedOn();
    void takesVersion2OnlyWhenToldTo();
    void rollsBackVersion1();
    void leavesOutNamelessSeries();
    void saysWhatVersion2Stored();
    void refusesTheFarFuture();
    void takesOtlpInProtobufAndJson();
    void turnsAwayWhatIsNoOtlp();
    void refusesDeltaWithoutItsFeature();
    void countsOnTheMetricsPage();
};

void TestIngestApi::storesWhatComesByRemoteWrite()
{
    World world;
    QVERIFY(world.isReady());
    const auto response =
        world.write(requestV1({SeriesV1(LabelList{{"__name__", "m"}}).sample(world.now(), 1)}));
    QCOMPARE(response.status, 204);
    QVERIFY(response.body.empty());
    QCOMPARE(headerOf(response, "Access-Control-Allow-Origin"), std::string_view("-"));
    QVERIFY(contains(world.query("m"), "\"1\""));
}

void TestIngestApi::turnsAwayWhatIsNoRemoteWrite_data()
{
    QTest::addColumn<QString>("method");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("encoding");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<int>("status");
    const QByteArray empty("\0", 1); // a block of nothing
    QTest::newRow("nothing in it") << "POST"
                                   << ""
                                   << "" << empty << 204;
    QTest::newRow("text") << "POST"
                          << "text/plain"
                          << "snappy" << empty << 415;
    QTest::newRow("gzip") << "POST"
                          << ""
                          << "gzip" << empty << 415;
    QTest::newRow("unknown message") << "POST"
                                     << "application/x-protobuf;proto=x"
                                     << "" << empty << 415;
    QTest::newRow("no block") << "POST"
                              << ""
                              << "snappy" << QByteArray("hello") << 400;
    QTest::newRow("no message") << "POST"
                                << ""
                                << "snappy" << QByteArray("\x02\x04\x0a\xff", 4) << 400;
    QTest::newRow("GET") << "GET"
                         << ""
                         << "" << empty << 405;
    QTest::newRow("the method counts before the type") << "GET"
                                                       << "text/plain"
                                                       << "gzip" << empty << 405;
}

void TestIngestApi::turnsAwayWhatIsNoRemoteWrite()
{
    QFETCH(QString, method);
    QFETCH(QString, type);
    QFETCH(QString, encoding);
    QFETCH(QByteArray, body);
    QFETCH(int, status);
    World world;
    QVERIFY(world.isReady());
    net::ServerRequest request;
    request.method = method.toStdString();
    request.path = "/api/v1/write";
    request.headers = {{"Content-Type", type.toStdString()},
                       {"Content-Encoding", encoding.toStdString()}};
    request.body = body.toStdString();
    QCOMPARE(world.api().send(std::move(request)).status, status);
}

void TestIngestApi::saysHowTheReceiversAreSwitchedOn()
{
    World world{IngestOptions{}};
    const auto write = world.write("");
    QCOMPARE(write.status, 404);
    QVERIFY(contains(write.body, "--web.enable-remote-write-receiver"));
    const auto otlp = world.post("/api/v1/otlp/v1/metrics", "");
    QCOMPARE(otlp.status, 404);
    QVERIFY(contains(otlp.body, "--web.enable-otlp-receiver"));
}

void TestIngestApi::takesVersion2OnlyWhenToldTo()
{
    IngestOptions options = everything();
    options.acceptedMessages = {remote::receiver::WriteMessage::V1};
    World world(options);
    QVERIFY(world.isReady());
    const auto response = world.write(RequestV2().bytes(), kV2);
    QCOMPARE(response.status, 415);
    QVERIFY(contains(response.body, "only accepts prometheus.WriteRequest"));
}

void TestIngestApi::rollsBackVersion1()
{
    World world;
    QVERIFY(world.isReady());
    const std::int64_t now = world.now();
    const auto named = [](const char* name) { return SeriesV1(LabelList{{"__name__", name}}); };
    QCOMPARE(world.write(requestV1({named("b").sample(now, 1)})).status, 204);
    const auto response = world.write(requestV1(
        {named("a").sample(now, 1), named("b").sample(now - 1, 1), named("c").sample(now, 1)}));
    QCOMPARE(response.status, 400);
    QVERIFY(contains(response.body, "out of order sample"));
    QVERIFY(contains(world.query("{__name__=~\"a|c\"}"), "\"result\":[]"));
}

void TestIngestApi::leavesOutNamelessSeries()
{
    World world;
    QVERIFY(world.isReady());
    const auto response =
        world.write(requestV1({SeriesV1(LabelList{{"job", "x"}}).sample(world.now(), 1),
                               SeriesV1(LabelList{{"__name__", "m"}}).sample(world.now(), 2)}));
    QCOMPARE(response.status, 204);
    QVERIFY(contains(world.query("m"), "\"2\""));
    QVERIFY(contains(world.api().call("GET", "/metrics").body,
                     "prometheus_api_remote_write_invalid_labels_samples_total 1\n"));
}

void TestIngestApi::saysWhatVersion2Stored()
{
    World world;
    QVERIFY(world.isReady());
    constexpr std::int64_t kYear = 365LL * 24 * 3600 * 1000;
    RequestV2 request;
    request.begin({{"__name__", "m"}}).sample(world.now(), 1);
    request.begin({{"__name__", "n"}}).sample(world.now() - kYear, 1);
    const auto response = world.write(request.bytes(), kV2);
    QCOMPARE(response.status, 400);
    QCOMPARE(headerOf(response, "X-Prometheus-Remote-Write-Samples-Written"),
             std::string_view("1"));
    QCOMPARE(headerOf(response, "X-Prometheus-Remote-Write-Histograms-Written"),
             std::string_view("0"));
    QCOMPARE(headerOf(response, "X-Prometheus-Remote-Write-Exemplars-Written"),
             std::string_view("0"));
    QVERIFY(contains(world.query("m"), "\"1\""));
    const auto damaged = world.write("\x22", kV2);
    QCOMPARE(damaged.status, 400);
    QCOMPARE(headerOf(damaged, "X-Prometheus-Remote-Write-Samples-Written"), std::string_view("0"));
}

void TestIngestApi::refusesTheFarFuture()
{
    World world;
    QVERIFY(world.isReady());
    constexpr std::int64_t kMinute = 60'000;
    const auto at = [&world](std::int64_t time) {
        return world.write(requestV1({SeriesV1(LabelList{{"__name__", "m"}}).sample(time, 1)}));
    };
    const auto far = at(world.now() + 11 * kMinute);
    QCOMPARE(far.status, 400);
    QVERIFY(contains(far.body, "out of bounds"));
    QCOMPARE(at(world.now() + 9 * kMinute).status, 204);
}

void TestIngestApi::takesOtlpInProtobufAndJson()
{
    World world;
    QVERIFY(world.isReady());
    const auto protobuf =
        world.post("/api/v1/otlp/v1/metrics",
                   test::otlpSum("requests", world.now(), 5, test::OtlpTemporality::Cumulative),
                   {{"Content-Type", "application/x-protobuf"}});
    QCOMPARE(protobuf.status, 200);
    QVERIFY(protobuf.body.empty());
    QVERIFY(contains(world.query("requests_total"), "\"job\":\"shop/cart\""));
    QVERIFY(contains(world.query("target_info"), "\"cloud_region\":\"eu\""));
    const auto json =
        world.post("/api/v1/otlp/v1/metrics",
                   net::deflateGzip(test::otlpJsonGauge("temperature", world.now())),
                   {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}});
    QCOMPARE(json.status, 200);
    QVERIFY(contains(world.query("temperature_celsius"), "\"21.5\""));
}

void TestIngestApi::turnsAwayWhatIsNoOtlp()
{
    World world;
    QVERIFY(world.isReady());
    const std::string path = "/api/v1/otlp/v1/metrics";
    QCOMPARE(world.post(path, "", {{"Content-Type", "text/plain"}}).status, 400);
    QCOMPARE(
        world.post(path, "", {{"Content-Type", "application/json"}, {"Content-Encoding", "snappy"}})
            .status,
        400);
    QCOMPARE(world.post(path, "{", {{"Content-Type", "application/json"}}).status, 400);
    QCOMPARE(world.post(path, "\x0a\xff", {{"Content-Type", "application/x-protobuf"}}).status,
             400);
    QCOMPARE(world.api().call("GET", path).status, 405);
}

void TestIngestApi::refusesDeltaWithoutItsFeature()
{
    World world;
    QVERIFY(world.isReady());
    const auto response =
        world.post("/api/v1/otlp/v1/metrics",
                   test::otlpSum("requests", world.now(), 5, test::OtlpTemporality::Delta),
                   {{"Content-Type", "application/x-protobuf"}});
    QCOMPARE(response.status, 500);
    QVERIFY(contains(response.body, "invalid temporality"));
    QVERIFY(contains(world.query("{__name__=~\".+\"}"), "\"result\":[]"));
}

void TestIngestApi::countsOnTheMetricsPage()
{
    World world;
    QVERIFY(world.isReady());
    const std::string page = world.api().call("GET", "/metrics").body;
    for (const char* name :
         {"prometheus_api_remote_write_invalid_labels_samples_total 0",
          "prometheus_remote_read_handler_queries 0", "prometheus_web_federation_errors_total 0",
          "prometheus_web_federation_warnings_total 0",
          "prometheus_api_otlp_translation_warnings_total{category=\"label_name_collision\"} 0",
          "prometheus_api_otlp_out_of_order_exemplars_total 0"}) {
        QVERIFY2(contains(page, std::string(name) + "\n"), name);
    }
}

} // namespace narthex::api

QTEST_GUILESS_MAIN(narthex::api::TestIngestApi)
#include "tst_ingest_api.moc"
