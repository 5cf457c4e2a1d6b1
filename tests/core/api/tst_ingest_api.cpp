// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The doors for remote write, remote read, OTLP and federation: who may come in, and what is
// answered. Source: spec/remote.md, Held cases 1 to 9, 24, 26, 27, 31 to 35.
#include "core/base/codec.h"
#include "core/exposition/protobuf_parser.h"
#include "core/net/http_client.h"
#include "core/remote/read_messages.h"
#include "core/remote/snappy_block.h"
#include "support/api_world.h"
#include "support/otlp_messages.h"
#include "support/write_messages.h"

#include <fmt/format.h>

#include <QtTest>

#include <fstream>

namespace narthex::api {
namespace {

using test::ApiWorld;
using test::LabelList;
using test::requestV1;
using test::RequestV2;
using test::SeriesV1;

constexpr std::string_view kV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

IngestOptions everything()
{
    return {.enableRemoteWriteReceiver = true,
            .acceptedMessages = {remote::receiver::WriteMessage::V1,
                                 remote::receiver::WriteMessage::V2},
            .enableOtlpReceiver = true};
}

/// An engine with all doors open, and external labels.
class World
{
public:
    explicit World(const IngestOptions& ingest = everything(),
                   const std::string& config = "global: {external_labels: {dc: x}}\n")
    {
        const auto file = folder_.path() / "prometheus.yml";
        std::ofstream(file) << config;
        world_ = std::make_unique<ApiWorld>(
            true, [&file](engine::EngineOptions& options) { options.configFile = file; }, ingest);
    }
    [[nodiscard]] bool isReady() const { return world_->isReady(); }
    [[nodiscard]] std::int64_t now() const { return world_->engine->clock().now().ms; }
    net::ServerResponse post(const std::string& path, const std::string& body,
                             net::Parameters headers = {})
    {
        net::ServerRequest request;
        request.method = "POST";
        request.path = path;
        request.headers = std::move(headers);
        request.body = body;
        return world_->send(std::move(request));
    }
    net::ServerResponse write(const std::string& plain, std::string_view type = "")
    {
        net::Parameters headers;
        if (!type.empty()) {
            headers.emplace_back("Content-Type", type);
        }
        return post("/api/v1/write", test::compressed(plain), headers);
    }
    net::ServerResponse federate(const std::vector<std::string>& selectors,
                                 const std::string& accept = {})
    {
        net::ServerRequest request;
        request.method = "GET";
        request.path = "/federate";
        for (const std::string& selector : selectors) {
            request.parameters.emplace_back("match[]", selector);
        }
        if (!accept.empty()) {
            request.headers.emplace_back("Accept", accept);
        }
        return world_->send(std::move(request));
    }
    /// Of an instant query, as the API writes it.
    std::string query(const std::string& expr)
    {
        return world_->call("GET", "/api/v1/query", {{"query", expr}}).body;
    }
    [[nodiscard]] ApiWorld& api() { return *world_; }

private:
    base::TemporaryDirectory folder_;
    std::unique_ptr<ApiWorld> world_;
};

std::string_view headerOf(const net::ServerResponse& response, std::string_view name)
{
    for (const auto& [key, value] : response.headers) {
        if (key == name) {
            return value;
        }
    }
    return "-";
}

bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

remote::ReadRequest readRequest(std::int64_t from, std::int64_t to, const model::Matchers& matchers,
                                const std::vector<int>& accepted = {})
{
    remote::ReadRequest request;
    request.queries.push_back({.from = {from}, .to = {to}, .matchers = matchers});
    for (const int type : accepted) {
        request.accepted.push_back(static_cast<remote::ReadResponseType>(type));
    }
    return request;
}

model::IntegerHistogram someHistogram()
{
    return {.count = 3, .sum = 4, .positiveSpans = {{0, 2}}, .positiveDeltas = {1, 1}};
}

/// Everything that a streamed answer gives.
std::string drained(const net::ServerResponse& response)
{
    std::string all = response.body;
    bool isDone = !response.stream;
    while (!isDone) {
        std::atomic<bool> came = false;
        response.stream([&](absl::StatusOr<std::string> piece) {
            isDone = !piece.ok() || piece->empty();
            all += piece.ok() ? *piece : "ERROR";
            came = true;
        });
        if (!QTest::qWaitFor([&came] { return came.load(); }, 15000)) {
            return "no piece came";
        }
    }
    return all;
}

} // namespace

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
    void answersRemoteReadWithSamples();
    void limitsSamplesOfRemoteRead();
    void streamsRemoteRead();
    void choosesTheFirstKnownKindOfAnswer();
    void externalLabelsMatchLocalSeries();
    void turnsAwayWhatIsNoRemoteRead();
    void federatesTheNewestSamples();
    void federatesHistogramsOnlyInMessages();
    void federatesInOpenMetrics();
    void refusesSelectorsThatAreNone();
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

void TestIngestApi::answersRemoteReadWithSamples()
{
    World world;
    QVERIFY(world.isReady());
    world.api().fill(3, 5);
    const auto request = readRequest(test::kStart, test::kStart + 2000,
                                     {model::Matcher::equal("__name__", "requests_total")});
    const auto response =
        world.post("/api/v1/read", remote::compressBlock(remote::encodeReadRequest(request)));
    QCOMPARE(response.status, 200);
    QCOMPARE(response.contentType, std::string("application/x-protobuf"));
    QCOMPARE(headerOf(response, "Content-Encoding"), std::string_view("snappy"));
    std::string plain;
    QVERIFY(remote::uncompressBlock(response.body, 1'000'000, plain).ok());
    const auto results = remote::decodeReadResponse(plain);
    QVERIFY(results.ok());
    QCOMPARE(results->size(), std::size_t{1});
    QCOMPARE((*results)[0].size(), std::size_t{3});
    QCOMPARE((*results)[0][0].labels.toString(),
             std::string("requests_total{code=\"200\", dc=\"x\"}"));
    QVERIFY(((*results)[0][0].samples.values == std::vector<double>{0, 1, 2}));
}

void TestIngestApi::limitsSamplesOfRemoteRead()
{
    IngestOptions options = everything();
    options.read.sampleLimit = 2;
    World world(options);
    QVERIFY(world.isReady());
    world.api().fill(3, 1);
    const auto request = readRequest(test::kStart, test::kStart + 2000,
                                     {model::Matcher::equal("__name__", "requests_total")});
    const auto response =
        world.post("/api/v1/read", remote::compressBlock(remote::encodeReadRequest(request)));
    QCOMPARE(response.status, 400);
    QCOMPARE(response.body, std::string("exceeded sample limit (2)\n"));
    QCOMPARE(headerOf(response, "Content-Encoding"), std::string_view("-"));
}

void TestIngestApi::streamsRemoteRead()
{
    IngestOptions options = everything();
    options.read.frameBytes = 200; // several frames a series
    World world(options);
    QVERIFY(world.isReady());
    world.api().fill(3, 500);
    auto request = readRequest(test::kStart, test::kStart + 400'000,
                               {model::Matcher::equal("__name__", "requests_total")}, {1, 0});
    request.queries.push_back(request.queries.front());
    const auto response =
        world.post("/api/v1/read", remote::compressBlock(remote::encodeReadRequest(request)));
    QCOMPARE(response.status, 200);
    QCOMPARE(response.contentType,
             std::string("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"));
    QCOMPARE(headerOf(response, "Content-Encoding"), std::string_view("-"));
    remote::FrameReader frames(1'000'000);
    frames.feed(drained(response));
    std::vector<model::Labels> series;
    storage::SampleColumns samples;
    int count = 0;
    for (auto message = frames.next(); message.ok() && *message; message = frames.next()) {
        const auto frame = remote::decodeReadFrame(**message);
        QVERIFY(frame.ok());
        QCOMPARE(frame->series.size(), std::size_t{1});
        ++count;
        if (frame->queryIndex == 0 &&
            (series.empty() || series.back() != frame->series[0].labels)) {
            series.push_back(frame->series[0].labels);
        }
        for (const remote::ReadChunk& chunk : frame->series[0].chunks) {
            QVERIFY(remote::appendChunk(chunk, {0}, {INT64_MAX}, samples).ok());
        }
    }
    QVERIFY(frames.finish().ok());
    QVERIFY(count > 6);
    QCOMPARE(series.size(), std::size_t{3});
    QVERIFY(std::is_sorted(series.begin(), series.end()));
    QCOMPARE(samples.times.size(), std::size_t{2 * 3 * 401});
}

void TestIngestApi::choosesTheFirstKnownKindOfAnswer()
{
    World world;
    QVERIFY(world.isReady());
    const auto typeFor = [&world](const std::vector<int>& accepted) {
        const auto request = readRequest(0, 1, {model::Matcher::equal("a", "b")}, accepted);
        const auto response =
            world.post("/api/v1/read", remote::compressBlock(remote::encodeReadRequest(request)));
        return fmt::format("{} {}", response.status, response.contentType.substr(0, 24));
    };
    QCOMPARE(typeFor({99}), std::string("400 text/plain; charset=utf-"));
    QCOMPARE(typeFor({}), std::string("200 application/x-protobuf"));
    QCOMPARE(typeFor({99, 1}), std::string("200 application/x-streamed-p"));
    QCOMPARE(typeFor({0, 1}), std::string("200 application/x-protobuf"));
}

void TestIngestApi::externalLabelsMatchLocalSeries()
{
    World world;
    QVERIFY(world.isReady());
    world.api().fill(1, 1);
    const auto seriesFor = [&world](const model::Matchers& matchers) {
        const auto request = readRequest(test::kStart, test::kStart + 2000, matchers);
        const auto response =
            world.post("/api/v1/read", remote::compressBlock(remote::encodeReadRequest(request)));
        std::string plain;
        base::ignore(remote::uncompressBlock(response.body, 1'000'000, plain), "decoding tells");
        const auto results = remote::decodeReadResponse(plain);
        return results.ok() && results->size() == 1 ? (*results)[0].size() : 99;
    };
    QCOMPARE(seriesFor({model::Matcher::equal("dc", "x")}), std::size_t{1});
    QCOMPARE(seriesFor({model::Matcher::equal("dc", "y")}), std::size_t{0});
    QCOMPARE(seriesFor({*model::Matcher::create(model::MatchType::Regex, "dc", "x")}),
             std::size_t{0});
}

void TestIngestApi::turnsAwayWhatIsNoRemoteRead()
{
    World world;
    QVERIFY(world.isReady());
    QCOMPARE(world.post("/api/v1/read", "no snappy").status, 400);
    QCOMPARE(world.post("/api/v1/read", test::compressed("\x0a\xff")).status, 400);
    std::string bomb;
    base::appendUvarint(bomb, 4'000'000'000U);
    QCOMPARE(world.post("/api/v1/read", bomb + "x").status, 400);
    QCOMPARE(world.api().call("GET", "/api/v1/read").status, 405);
}

void TestIngestApi::federatesTheNewestSamples()
{
    World world(everything(), "global: {external_labels: {dc: x}}\n");
    QVERIFY(world.isReady());
    const std::int64_t now = world.now();
    QCOMPARE(world
                 .write(requestV1(
                     {SeriesV1(LabelList{{"__name__", "up"}, {"instance", "h:1"}})
                          .sample(now - 10'000, 0)
                          .sample(now - 1000, 1),
                      SeriesV1(LabelList{{"__name__", "up"}, {"dc", "own"}}).sample(now - 1000, 1),
                      SeriesV1(LabelList{{"__name__", "gone"}, {"instance", "h:1"}})
                          .sample(now - 2000, 1)
                          .sample(now - 1000, model::staleMarker()),
                      SeriesV1(LabelList{{"__name__", "old"}}).sample(now - 600'000, 1)}))
                 .status,
             204);
    const auto response = world.federate({"up", "{__name__=~\"up|gone|old\"}"});
    QCOMPARE(response.status, 200);
    QCOMPARE(response.contentType, std::string("text/plain; version=0.0.4; charset=utf-8"));
    QCOMPARE(response.body, fmt::format("# TYPE up untyped\n"
                                        "up{{dc=\"own\",instance=\"\"}} 1 {0}\n"
                                        "up{{instance=\"h:1\",dc=\"x\"}} 1 {0}\n",
                                        now - 1000));
    QVERIFY(world.federate({}).body.empty());
}

void TestIngestApi::federatesHistogramsOnlyInMessages()
{
    World world;
    QVERIFY(world.isReady());
    const std::int64_t now = world.now();
    QCOMPARE(world
                 .write(requestV1(
                     {SeriesV1(LabelList{{"__name__", "h"}}).histogram(now - 1000, someHistogram()),
                      SeriesV1(LabelList{{"__name__", "v"}}).sample(now - 1000, 2)}))
                 .status,
             204);
    const auto text = world.federate({"{__name__=~\"h|v\"}"});
    QVERIFY(!contains(text.body, "# TYPE h"));
    QVERIFY(contains(text.body, "# TYPE v untyped"));
    const auto message = world.federate(
        {"{__name__=~\"h|v\"}"},
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        ",text/plain;q=0.5");
    QVERIFY(contains(message.contentType, "encoding=delimited"));
    exposition::ProtobufParser parser(message.body);
    int natives = 0;
    int metrics = 0;
    for (auto family = parser.nextFamily(); family.ok() && *family; family = parser.nextFamily()) {
        for (auto metric = parser.nextMetric(); metric.ok() && *metric;
             metric = parser.nextMetric()) {
            ++metrics;
            natives += parser.metric().isNative ? 1 : 0;
        }
    }
    QCOMPARE(metrics, 2);
    QCOMPARE(natives, 1);
}

void TestIngestApi::federatesInOpenMetrics()
{
    World world;
    QVERIFY(world.isReady());
    const std::int64_t now = world.now();
    QCOMPARE(world.write(requestV1({SeriesV1(LabelList{{"__name__", "up"}}).sample(now - 1000, 1)}))
                 .status,
             204);
    const auto response = world.federate({"up"}, "application/openmetrics-text;version=1.0.0");
    QCOMPARE(response.contentType,
             std::string("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    QVERIFY(response.body.starts_with("# TYPE up unknown\nup{dc=\"x\",instance=\"\"} 1.0 "));
    QVERIFY(response.body.ends_with("\n# EOF\n"));
}

void TestIngestApi::refusesSelectorsThatAreNone()
{
    World world;
    QVERIFY(world.isReady());
    const auto response = world.federate({"up", "{"});
    QCOMPARE(response.status, 400);
    QVERIFY(contains(response.body, "match[]={"));
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
