// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The doors for remote read and federation: what other servers are told.
// Source: spec/remote.md, Held cases 24, 26, 27, 31 to 33.
#include "ingest_world.h"

#include "core/base/codec.h"
#include "core/exposition/protobuf_parser.h"
#include "core/remote/read_messages.h"
#include "core/remote/snappy_block.h"

#include <fmt/format.h>

#include <QtTest>

#include <algorithm>
#include <atomic>

namespace narthex::api {
namespace {

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

class TestReadingApi : public QObject
{
    Q_OBJECT
private slots:
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
};

void TestReadingApi::answersRemoteReadWithSamples()
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

void TestReadingApi::limitsSamplesOfRemoteRead()
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

void TestReadingApi::streamsRemoteRead()
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

void TestReadingApi::choosesTheFirstKnownKindOfAnswer()
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

void TestReadingApi::externalLabelsMatchLocalSeries()
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

void TestReadingApi::turnsAwayWhatIsNoRemoteRead()
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

void TestReadingApi::federatesTheNewestSamples()
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

void TestReadingApi::federatesHistogramsOnlyInMessages()
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

void TestReadingApi::federatesInOpenMetrics()
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

void TestReadingApi::refusesSelectorsThatAreNone()
{
    World world;
    QVERIFY(world.isReady());
    const auto response = world.federate({"up", "{"});
    QCOMPARE(response.status, 400);
    QVERIFY(contains(response.body, "match[]={"));
}

} // namespace narthex::api

QTEST_GUILESS_MAIN(narthex::api::TestReadingApi)
#include "tst_reading_api.moc"
