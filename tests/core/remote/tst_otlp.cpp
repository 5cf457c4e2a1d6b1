// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// OpenTelemetry's metrics as series: names, labels, values, target_info, what is refused and what
// is survived. Source: spec/remote.md, 6; spec/config.md, 3.9.
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/net/http_client.h"
#include "core/remote/otlp/otlp_receiver.h"
#include "support/otlp_messages.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <memory>

namespace narthex::remote::otlp {
namespace {

using test::OtlpPoint;
using test::OtlpRequest;
using test::OtlpTemporality;

constexpr std::int64_t kNow = 1'700'000'000'000;

/// A store and a receiver before it.
class World
{
public:
    explicit World(const DeltaOptions& delta = {}, tsdb::DbOptions store = {})
        : receiver_({.delta = delta, .lookback = base::Duration::fromMs(300'000)})
    {
        store.live.maxExemplars = 100;
        db_ = fixture_.open(store);
    }
    absl::Status take(const std::string& body, const std::string& type = "application/x-protobuf",
                      const std::string& encoding = {})
    {
        return receiver_.receive({.contentType = type, .contentEncoding = encoding, .body = body},
                                 config, *db_, {kNow});
    }
    absl::Status take(const OtlpRequest& request) { return take(request.bytes()); }
    /// Series but target_info and their floats, a line each.
    [[nodiscard]] std::string contents(bool withTarget = false) const
    {
        std::string text;
        for (const auto& [name, samples] : test::contentsOf(*db_)) {
            if (!withTarget && name.starts_with("target_info")) {
                continue;
            }
            text += name;
            for (const auto& [time, bits] : samples) {
                const double value = std::bit_cast<double>(bits);
                text += model::isStale(value) ? fmt::format(" {}=stale", time - kNow)
                                              : fmt::format(" {}={}", time - kNow, value);
            }
            text += "\n";
        }
        return text;
    }
    [[nodiscard]] std::vector<std::shared_ptr<const model::FloatHistogram>> histograms() const
    {
        const auto querier = *db_->querier({0}, {kNow * 2});
        const auto set = *querier->select({}, {}, {});
        storage::SampleColumns columns;
        const auto all = *storage::collect(*set, 1000);
        for (const auto& series : all) {
            base::ignore(series->read({0}, {kNow * 2}, columns), "the result shows");
        }
        return columns.histograms;
    }
    [[nodiscard]] std::string metrics() const
    {
        std::string text;
        exposition::TextWriter out(text);
        receiver_.writeMetrics(out);
        return text;
    }
    [[nodiscard]] tsdb::Db& db() { return *db_; }

    OtlpConfig config;

private:
    test::TsdbFixture fixture_;
    std::unique_ptr<tsdb::Db> db_;
    OtlpReceiver receiver_;
};

const OtlpPoint kPoint{.timeMs = kNow};

/// A resource of which nothing shows.
OtlpRequest plain()
{
    OtlpRequest request;
    request.resource.clear();
    return request;
}

bool says(const absl::Status& status, std::string_view text)
{
    return base::messageOf(status).find(text) != std::string_view::npos;
}

} // namespace

class TestOtlp : public QObject
{
    Q_OBJECT
private slots:
    void namesOfNothingAreRefused();
    void jobAndInstanceNameTheService();
    void targetInfoSaysTheRest();
    void targetInfoCoversTheTimeBetween();
    void resourceAttributesArePromoted();
    void allButTheIgnoredArePromoted();
    void identifyingAttributesMayBeKept();
    void scopeMetadataIsPromoted();
    void attributesThatCollideAreJoined();
    void sumsAndGaugesBecomeSamples();
    void nothingRecordedEndsTheSeries();
    void explicitHistogramsBecomeBuckets();
    void explicitHistogramsBecomeCustomBuckets();
    void exponentialHistogramsBecomeNative();
    void fineScalesAreMergedDown();
    void coarseScalesAreRefused();
    void summariesBecomeQuantiles();
    void exemplarsCarryTheirTrace();
    void deltaIsRefused();
    void deltaIsStoredAsItIs();
    void deltaIsSummedUp();
    void aRefusedSampleRollsBackEverything();
    void emptyMetricsAreCounted();
    void jsonSaysTheSame();
    void survivesRequestsCutShort();
    void refusesHugeRequests();
};

void TestOtlp::namesOfNothingAreRefused()
{
    for (const char* name : {"", "...", "-_-"}) {
        QVERIFY(!metricName(name, "", NameKind::Gauge, {}).ok());
    }
    World world;
    QVERIFY(absl::IsFailedPrecondition(world.take(plain().gauge("...", "", kPoint, 1))));
}

void TestOtlp::jobAndInstanceNameTheService()
{
    World world;
    QVERIFY(world.take(OtlpRequest().gauge("g", "", kPoint, 1)).ok());
    OtlpRequest other;
    other.resource = {{"service.name", "alone"}};
    QVERIFY(world.take(other.gauge("g", "", kPoint, 2)).ok());
    QCOMPARE(world.contents(), std::string("g{instance=\"i1\", job=\"shop/cart\"} 0=1\n"
                                           "g{job=\"alone\"} 0=2\n"));
}

void TestOtlp::targetInfoSaysTheRest()
{
    World world;
    QVERIFY(world.take(OtlpRequest().gauge("g", "", kPoint, 1).gauge("h", "", kPoint, 1)).ok());
    QVERIFY(world.contents(true).find("target_info{cloud_region=\"eu\", instance=\"i1\", "
                                      "job=\"shop/cart\"} 0=1\n") != std::string::npos);
    World without;
    OtlpRequest nothingMore;
    nothingMore.resource = {{"service.name", "alone"}};
    QVERIFY(without.take(nothingMore.gauge("g", "", kPoint, 1)).ok());
    OtlpRequest nobody;
    nobody.resource = {{"cloud.region", "eu"}};
    QVERIFY(without.take(nobody.gauge("h", "", kPoint, 1)).ok());
    QVERIFY(without.contents(true).find("target_info") == std::string::npos);
}

void TestOtlp::targetInfoCoversTheTimeBetween()
{
    World world;
    QVERIFY(world
                .take(OtlpRequest()
                          .gauge("g", "", {.timeMs = kNow - 400'000}, 1)
                          .gauge("h", "", kPoint, 1))
                .ok());
    QVERIFY(world.contents(true).find("} -400000=1 -250000=1 -100000=1 0=1\n") !=
            std::string::npos);
}

void TestOtlp::resourceAttributesArePromoted()
{
    World world;
    world.config.promoteResourceAttributes = {"cloud.region", "not.there"};
    QVERIFY(world.take(OtlpRequest().gauge("g", "", kPoint, 1)).ok());
    QCOMPARE(world.contents(),
             std::string("g{cloud_region=\"eu\", instance=\"i1\", job=\"shop/cart\"} 0=1\n"));
}

void TestOtlp::allButTheIgnoredArePromoted()
{
    World world;
    world.config.promoteAllResourceAttributes = true;
    world.config.ignoreResourceAttributes = {"service.name", "service.namespace",
                                             "service.instance.id"};
    QVERIFY(world.take(OtlpRequest().gauge("g", "", kPoint, 1)).ok());
    QCOMPARE(world.contents(),
             std::string("g{cloud_region=\"eu\", instance=\"i1\", job=\"shop/cart\"} 0=1\n"));
}

void TestOtlp::identifyingAttributesMayBeKept()
{
    World world;
    world.config.keepIdentifyingResourceAttributes = true;
    QVERIFY(world.take(OtlpRequest().gauge("g", "", kPoint, 1)).ok());
    QVERIFY(world.contents(true).find("service_name=\"cart\"") != std::string::npos);
}

void TestOtlp::scopeMetadataIsPromoted()
{
    World world;
    world.config.promoteScopeMetadata = true;
    OtlpRequest request = plain();
    request.scopeName = "lib";
    request.scopeVersion = "1.2";
    request.scopeAttributes = {{"a.b", "c"}};
    QVERIFY(world.take(request.gauge("g", "", kPoint, 1)).ok());
    QCOMPARE(world.contents(), std::string("g{otel_scope_a_b=\"c\", otel_scope_name=\"lib\", "
                                           "otel_scope_version=\"1.2\"} 0=1\n"));
}

void TestOtlp::attributesThatCollideAreJoined()
{
    World world;
    QVERIFY(world
                .take(plain().gauge(
                    "g", "", {.timeMs = kNow, .attributes = {{"a_b", "2"}, {"a.b", "1"}}}, 1))
                .ok());
    QCOMPARE(world.contents(), std::string("g{a_b=\"1;2\"} 0=1\n"));
    QVERIFY(world.metrics().find("{category=\"label_name_collision\"} 1\n") != std::string::npos);
}

void TestOtlp::sumsAndGaugesBecomeSamples()
{
    World world;
    QVERIFY(world
                .take(plain()
                          .sum("up.total", "", kPoint, 1, OtlpTemporality::Cumulative)
                          .sum("down", "By", kPoint, 2, OtlpTemporality::Cumulative, false)
                          .gauge("level", "%", kPoint, 3))
                .ok());
    QCOMPARE(world.contents(), std::string("down_bytes 0=2\nlevel_percent 0=3\nup_total 0=1\n"));
}

void TestOtlp::nothingRecordedEndsTheSeries()
{
    World world;
    QVERIFY(world.take(plain().gauge("g", "", {.timeMs = kNow - 10}, 1)).ok());
    QVERIFY(world.take(plain().gauge("g", "", {.timeMs = kNow, .isStale = true}, 0)).ok());
    QCOMPARE(world.contents(), std::string("g -10=1 0=stale\n"));
}

void TestOtlp::explicitHistogramsBecomeBuckets()
{
    World world;
    QVERIFY(world.take(plain().histogram("h", kPoint, {1, 0, 4}, {0.5, 10}, 12.5)).ok());
    QCOMPARE(world.contents(), std::string("h_seconds_bucket{le=\"+Inf\"} 0=5\n"
                                           "h_seconds_bucket{le=\"0.5\"} 0=1\n"
                                           "h_seconds_bucket{le=\"10\"} 0=1\n"
                                           "h_seconds_count 0=5\n"
                                           "h_seconds_sum 0=12.5\n"));
}

void TestOtlp::explicitHistogramsBecomeCustomBuckets()
{
    World world({}, {.readableBy242 = false});
    world.config.convertHistogramsToNhcb = true;
    QVERIFY(world.take(plain().histogram("h", kPoint, {0, 0, 4, 0, 0, 0, 1}, {1, 2, 3, 4, 5, 6}, 9))
                .ok());
    const auto histograms = world.histograms();
    QCOMPARE(histograms.size(), std::size_t{1});
    QCOMPARE(histograms[0]->schema, model::kCustomBucketsSchema);
    QCOMPARE(histograms[0]->count, 5.0);
    QVERIFY((histograms[0]->customValues == std::vector<double>{1, 2, 3, 4, 5, 6}));
    QCOMPARE(histograms[0]->positiveSpans[0].offset, 2);
}

void TestOtlp::exponentialHistogramsBecomeNative()
{
    World world;
    QVERIFY(world.take(plain().exponential("e", kPoint, 3, 4, {1, 0, 2, 0, 0, 0, 3}, 7)).ok());
    const auto histograms = world.histograms();
    QCOMPARE(histograms.size(), std::size_t{1});
    const model::FloatHistogram& histogram = *histograms[0];
    QCOMPARE(histogram.schema, 3);
    QCOMPARE(histogram.zeroThreshold, 1e-128);
    QCOMPARE(histogram.count, 6.0);
    QCOMPARE(histogram.sum, 7.0);
    // One further than there; a small gap is filled, a large one begins a span.
    QVERIFY((histogram.positiveSpans == std::vector<model::Span>{{5, 3}, {3, 1}}));
    QVERIFY((histogram.positiveBuckets == std::vector<double>{1, 0, 2, 3}));
}

void TestOtlp::fineScalesAreMergedDown()
{
    World world;
    QVERIFY(world.take(plain().exponential("e", kPoint, 10, 0, {1, 1, 1, 1, 5}, 7)).ok());
    const model::FloatHistogram histogram = *world.histograms().at(0);
    QCOMPARE(histogram.schema, 8);
    QVERIFY((histogram.positiveSpans == std::vector<model::Span>{{1, 2}}));
    QVERIFY((histogram.positiveBuckets == std::vector<double>{4, 5}));
}

void TestOtlp::coarseScalesAreRefused()
{
    World world;
    const absl::Status status = world.take(plain().exponential("e", kPoint, -5, 0, {1}, 7));
    QVERIFY(absl::IsFailedPrecondition(status));
    QVERIFY(says(status, "scale -5"));
}

void TestOtlp::summariesBecomeQuantiles()
{
    World world;
    QVERIFY(world.take(plain().summary("s", kPoint, 3, 4.5, {{0.5, 1}, {0.99, 2}})).ok());
    QCOMPARE(world.contents(), std::string("s_count 0=3\ns_sum 0=4.5\ns{quantile=\"0.5\"} 0=1\n"
                                           "s{quantile=\"0.99\"} 0=2\n"));
}

void TestOtlp::exemplarsCarryTheirTrace()
{
    World world;
    const std::string exemplar = OtlpRequest::exemplar(kNow, 0.5, std::string("\x01\xab", 2));
    QVERIFY(world.take(plain().sum("r", "", kPoint, 1, OtlpTemporality::Cumulative, true, exemplar))
                .ok());
    const model::Matchers all;
    const auto found = world.db().exemplars({0}, {kNow * 2}, {&all, 1});
    QCOMPARE(found.size(), std::size_t{1});
    QCOMPARE(found[0].exemplars[0].labels.toString(), std::string("{trace_id=\"01ab\"}"));
}

void TestOtlp::deltaIsRefused()
{
    World world;
    const absl::Status status = world.take(
        plain().gauge("g", "", kPoint, 1).sum("d", "", kPoint, 1, OtlpTemporality::Delta));
    QVERIFY(absl::IsFailedPrecondition(status));
    QVERIFY(says(status, "otlp-deltatocumulative"));
    QCOMPARE(world.contents(), std::string());
    QVERIFY(!world.take(plain().sum("u", "", kPoint, 1, OtlpTemporality::Unspecified)).ok());
}

void TestOtlp::deltaIsStoredAsItIs()
{
    World world({.storeAsTheyAre = true});
    for (int i = 0; i < 3; ++i) {
        QVERIFY(
            world.take(plain().sum("d", "", {.timeMs = kNow + i}, 5, OtlpTemporality::Delta)).ok());
    }
    QCOMPARE(world.contents(), std::string("d_total 0=5 1=5 2=5\n"));
}

void TestOtlp::deltaIsSummedUp()
{
    World world({.toCumulative = true});
    for (int i = 0; i < 3; ++i) {
        OtlpRequest request = plain();
        request.sum("d", "", {.timeMs = kNow + i}, 5, OtlpTemporality::Delta)
            .histogram("h", {.timeMs = kNow + i}, {1, 2}, {0.5}, 1.5, OtlpTemporality::Delta)
            .exponential("e", {.timeMs = kNow + i}, 3 - i, i * 8, {1, 1}, 2,
                         OtlpTemporality::Delta);
        QVERIFY(world.take(request).ok());
    }
    // What comes again is left out.
    QVERIFY(world.take(plain().sum("d", "", {.timeMs = kNow + 1}, 5, OtlpTemporality::Delta)).ok());
    QVERIFY(world.contents().find("d_total 0=5 1=10 2=15\n") != std::string::npos);
    QVERIFY(world.contents().find("h_seconds_count 0=3 1=6 2=9\n") != std::string::npos);
    QVERIFY(world.contents().find("h_seconds_sum 0=1.5 1=3 2=4.5\n") != std::string::npos);
    const auto histograms = world.histograms();
    QCOMPARE(histograms.size(), std::size_t{3});
    QCOMPARE(histograms[2]->schema, 1);
    QCOMPARE(histograms[2]->count, 6.0);
    QCOMPARE(histograms[2]->sum, 6.0);
}

void TestOtlp::aRefusedSampleRollsBackEverything()
{
    World world;
    QVERIFY(world.take(plain().gauge("b", "", kPoint, 1)).ok());
    const absl::Status status =
        world.take(plain().gauge("a", "", kPoint, 1).gauge("b", "", {.timeMs = kNow - 5}, 1));
    QVERIFY(absl::IsInvalidArgument(status));
    QVERIFY(says(status, "out of order sample"));
    QCOMPARE(world.contents(), std::string("b 0=1\n"));
    QVERIFY(
        absl::IsInvalidArgument(world.take(plain().gauge("c", "", {.timeMs = kNow + 660'000}, 1))));
}

void TestOtlp::emptyMetricsAreCounted()
{
    World world;
    // resource { scope { metric { name: "m", gauge {} } } }
    const std::string bytes("\x0a\x09\x12\x07\x12\x05\x0a\x01m\x2a\x00", 11);
    QVERIFY(world.take(bytes).ok());
    QVERIFY(world.metrics().find("{category=\"empty_data_points\"} 1\n") != std::string::npos);
}

void TestOtlp::jsonSaysTheSame()
{
    World world;
    const absl::Status status =
        world.take(test::otlpJsonGauge("room.heat", kNow), "application/json; charset=utf-8");
    QVERIFY2(status.ok(), status.ToString().c_str());
    QCOMPARE(world.contents(), std::string("room_heat_celsius{job=\"json\", list=\"[1,\\\"a\\\"]\","
                                           " open=\"true\", room=\"7\"} 0=21.5\n"));
    QVERIFY(absl::IsInvalidArgument(
        world.take(R"({"resourceMetrics":[{"scopeMetrics":7}]})", "application/json")));
    QVERIFY(absl::IsInvalidArgument(world.take("[]", "application/json")));
}

void TestOtlp::survivesRequestsCutShort()
{
    OtlpRequest request;
    request.scopeName = "lib";
    request.scopeAttributes = {{"a", "b"}};
    request
        .sum("r", "1", kPoint, 1, OtlpTemporality::Cumulative, true,
             OtlpRequest::exemplar(kNow, 0.5, "0123456789abcdef"))
        .histogram("h", kPoint, {1, 2}, {0.5}, 1.5)
        .exponential("e", kPoint, 3, 8, {1, 1}, 2)
        .summary("s", kPoint, 3, 4.5, {{0.5, 1}});
    const std::string bytes = request.bytes();
    const std::string json = test::otlpJsonGauge("g", kNow);
    World world;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        base::ignore(world.take(bytes.substr(0, size)), "it must not crash");
        std::string damaged = bytes;
        damaged[size] = static_cast<char>(damaged[size] ^ 0x55);
        base::ignore(world.take(damaged), "it must not crash");
    }
    for (std::size_t size = 0; size < json.size(); ++size) {
        QVERIFY(absl::IsInvalidArgument(world.take(json.substr(0, size), "application/json")));
    }
}

void TestOtlp::refusesHugeRequests()
{
    World world;
    // Points of two bytes each.
    std::string points;
    for (int i = 0; i < 2'000'000; ++i) {
        points += std::string("\x0a\x00", 2);
    }
    std::string metric;
    protozero::pbf_writer(metric).add_message(5, points);
    std::string scope;
    protozero::pbf_writer(scope).add_message(2, metric);
    std::string resource;
    protozero::pbf_writer(resource).add_message(2, scope);
    std::string bytes;
    protozero::pbf_writer(bytes).add_message(1, resource);
    const absl::Status status = world.take(bytes);
    QVERIFY(absl::IsInvalidArgument(status));
    QVERIFY(says(status, "more than 4000000"));
    const std::string bomb = net::deflateGzip(std::string(40U << 20U, '\0'));
    QVERIFY(absl::IsInvalidArgument(world.take(bomb, "application/x-protobuf", "gzip")));
    std::string deep;
    for (int i = 0; i < 200; ++i) {
        std::string outer;
        protozero::pbf_writer(outer).add_message(5, std::string("\x0a", 1) +
                                                        static_cast<char>(deep.size() & 0x7F) +
                                                        deep.substr(0, 0x7F));
        deep = outer;
    }
    OtlpRequest request = plain();
    base::ignore(world.take(request.bytes() + deep), "it must not crash");
}

} // namespace narthex::remote::otlp

QTEST_GUILESS_MAIN(narthex::remote::otlp::TestOtlp)
#include "tst_otlp.moc"
