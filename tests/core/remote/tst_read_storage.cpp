// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries over the local store and servers of remote read: who is asked for what, how answers are
// merged, and what becomes of errors. Source: spec/remote.md, 5; Held cases 28 to 30.
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/promql/engine.h"
#include "core/remote/read_storage.h"
#include "core/storage/memory_store.h"
#include "core/tsdb/xor_chunk.h"
#include "support/scripted_server.h"
#include "support/tsdb_fixture.h"

#include <snappy.h>

#include <QtTest>

namespace narthex::remote {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr std::int64_t kHour = 3'600'000;

net::ServerResponse sampledAnswer(const std::vector<ReadSeries>& series)
{
    std::string raw;
    ReadResponseWriter writer(raw);
    for (const ReadSeries& each : series) {
        writer.addSeries(each.labels, each.samples);
    }
    writer.endQuery();
    net::ServerResponse answer{.contentType = "application/x-protobuf",
                               .headers = {{"Content-Encoding", "snappy"}}};
    snappy::Compress(raw.data(), raw.size(), &answer.body);
    return answer;
}

ReadSeries seriesWith(const Labels& labels, std::vector<std::int64_t> times, double value)
{
    ReadSeries series{.labels = labels};
    series.samples.values.assign(times.size(), value);
    series.samples.times = std::move(times);
    return series;
}

net::ServerResponse streamedAnswer(std::string body)
{
    return {.contentType = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
            .body = std::move(body)};
}

/// A store that is broken.
class BrokenStore final : public storage::Queryable
{
public:
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp,
                                                              base::Timestamp) const override
    {
        return base::unavailable("the disk is gone");
    }
};

/// A local store, a server, and the storage over both.
class World
{
public:
    World()
    {
        server_.handle("POST /read", [this](const net::ServerRequest& request) {
            std::string raw;
            snappy::Uncompress(request.body.data(), request.body.size(), &raw);
            auto decoded = decodeReadRequest(raw);
            const absl::MutexLock lock(&mutex_);
            if (decoded.ok()) {
                asked_.push_back(*std::move(decoded));
            }
            return answer_;
        });
    }
    RemoteReadConfig config() const
    {
        RemoteReadConfig config;
        config.url = server_.url() + "/read";
        config.name = "far";
        return config;
    }
    void apply(const RemoteReadConfig& config, const Labels& external = {})
    {
        storage_.apply({config}, external);
    }
    void answer(net::ServerResponse response)
    {
        const absl::MutexLock lock(&mutex_);
        answer_ = std::move(response);
    }
    test::Contents select(const model::Matchers& matchers, std::int64_t from, std::int64_t to)
    {
        const auto querier = storage_.querier({from}, {to});
        if (!querier.ok()) {
            return {{"error: " + querier.status().ToString(), {}}};
        }
        test::Contents contents = test::contentsOf(**querier, matchers);
        warnings_ = (*querier)->warnings();
        return contents;
    }
    [[nodiscard]] std::vector<ReadRequest> asked() const
    {
        const absl::MutexLock lock(&mutex_);
        return asked_;
    }
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
    [[nodiscard]] storage::MemoryStore& local() { return local_; }
    [[nodiscard]] const ReadStorage& storage() const { return storage_; }
    [[nodiscard]] const tests::ScriptedServer& server() const { return server_; }
    std::optional<base::Timestamp> localStart;

private:
    mutable absl::Mutex mutex_;
    net::ServerResponse answer_ ABSL_GUARDED_BY(mutex_) = sampledAnswer({});
    std::vector<ReadRequest> asked_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::string> warnings_;
    storage::MemoryStore local_;
    base::SystemClock clock_;
    tests::ScriptedServer server_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Narthex/test"};
    ReadStorage storage_{local_,
                         {.client = client_, .clock = clock_, .log = base::nullLogger()},
                         [this] { return localStart; }};
};

model::Matchers byName(const std::string& name) { return {Matcher::equal("__name__", name)}; }

} // namespace

class TestReadStorage : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bothSidesAreMerged();
    void whatIsLocalIsNotAskedFor();
    void recentSamplesAreAskedForWhenTheConfigurationSaysSo();
    void selectionsWithoutTheRequiredMatchersStayAtHome();
    void externalLabelsGoWithTheQuestionAndNotWithTheAnswer();
    void aServerThatFailsIsAWarning();
    void aLocalErrorIsAnError();
    void theWarningReachesTheResultOfAQuery();
    void samplesOutsideOfTheQuestionAreNotShown();
    void badAnswersAreWarnings_data();
    void badAnswersAreWarnings();
    void theRequestIsAsTheProtocolSays();
    void theMetricsCountAnswers();
};

void TestReadStorage::bothSidesAreMerged()
{
    World world;
    world.apply(world.config());
    world.local().add(Labels{{"__name__", "m"}, {"n", "1"}}, {kStart}, 1);
    world.answer(sampledAnswer(
        {seriesWith(Labels{{"__name__", "m"}, {"n", "0"}}, {kStart}, 5),
         seriesWith(Labels{{"__name__", "m"}, {"n", "1"}}, {kStart - 1000, kStart}, 2)}));
    const test::Contents contents = world.select(byName("m"), kStart - kHour, kStart + kHour);
    QCOMPARE(contents.size(), std::size_t{2});
    const auto& both = contents.rbegin()->second;
    QCOMPARE(both.size(), std::size_t{2});
    QCOMPARE(both[0].second, std::bit_cast<std::uint64_t>(2.0));
    // At the same time the local one counts.
    QCOMPARE(both[1].second, std::bit_cast<std::uint64_t>(1.0));
}

void TestReadStorage::whatIsLocalIsNotAskedFor()
{
    World world;
    world.apply(world.config());
    world.localStart = base::Timestamp{kStart};
    world.select(byName("m"), kStart - kHour, kStart + kHour);
    QCOMPARE(world.asked().size(), std::size_t{1});
    QCOMPARE(world.asked()[0].queries[0].from.ms, kStart - kHour);
    QCOMPARE(world.asked()[0].queries[0].to.ms, kStart - 1);
    world.select(byName("m"), kStart, kStart + kHour);
    QCOMPARE(world.asked().size(), std::size_t{1});
}

void TestReadStorage::recentSamplesAreAskedForWhenTheConfigurationSaysSo()
{
    World world;
    RemoteReadConfig config = world.config();
    config.readRecent = true;
    world.apply(config);
    world.localStart = base::Timestamp{kStart};
    world.select(byName("m"), kStart, kStart + kHour);
    QCOMPARE(world.asked().size(), std::size_t{1});
    QCOMPARE(world.asked()[0].queries[0].to.ms, kStart + kHour);
}

void TestReadStorage::selectionsWithoutTheRequiredMatchersStayAtHome()
{
    World world;
    RemoteReadConfig config = world.config();
    config.requiredMatchers = {{"remote", "long"}};
    world.apply(config);
    world.select(byName("m"), kStart, kStart + kHour);
    model::Matchers other = byName("m");
    other.push_back(*Matcher::create(MatchType::Regex, "remote", "long"));
    world.select(other, kStart, kStart + kHour);
    QCOMPARE(world.asked().size(), std::size_t{0});
    model::Matchers right = byName("m");
    right.push_back(Matcher::equal("remote", "long"));
    world.select(right, kStart, kStart + kHour);
    QCOMPARE(world.asked().size(), std::size_t{1});
}

void TestReadStorage::externalLabelsGoWithTheQuestionAndNotWithTheAnswer()
{
    World world;
    const Labels external{{"dc", "x"}, {"replica", "a"}};
    world.apply(world.config(), external);
    world.answer(sampledAnswer(
        {seriesWith(Labels{{"__name__", "m"}, {"dc", "x"}, {"replica", "a"}}, {kStart}, 1)}));
    model::Matchers matchers = byName("m");
    matchers.push_back(Matcher::equal("replica", "a"));
    const test::Contents contents = world.select(matchers, kStart, kStart);
    const model::Matchers sent = world.asked()[0].queries[0].matchers;
    QCOMPARE(sent.size(), std::size_t{3});
    QCOMPARE(sent[2].toString(), "dc=\"x\"");
    QCOMPARE(contents.size(), std::size_t{1});
    QCOMPARE(contents.begin()->first, "m{replica=\"a\"}");

    RemoteReadConfig config = world.config();
    config.filterExternalLabels = false;
    world.apply(config, external);
    const test::Contents whole = world.select(byName("m"), kStart, kStart);
    QCOMPARE(world.asked()[1].queries[0].matchers.size(), std::size_t{1});
    QVERIFY(whole.begin()->first.find("dc=") != std::string::npos);
}

void TestReadStorage::aServerThatFailsIsAWarning()
{
    World world;
    world.apply(world.config());
    world.local().add(Labels{{"__name__", "m"}}, {kStart}, 1);
    world.answer({.status = 500, .body = "no disk"});
    const test::Contents contents = world.select(byName("m"), kStart, kStart);
    QCOMPARE(contents.size(), std::size_t{1});
    QCOMPARE(world.warnings().size(), std::size_t{1});
    QVERIFY(world.warnings()[0].find("server returned HTTP status 500 Internal Server Error: "
                                     "no disk") != std::string::npos);
}

void TestReadStorage::aLocalErrorIsAnError()
{
    const BrokenStore broken;
    net::IoLoop loop;
    net::HttpClient client(loop, "Narthex/test");
    const base::SystemClock clock;
    const ReadStorage storage(broken, {.client = client, .clock = clock, .log = base::nullLogger()},
                              [] { return std::nullopt; });
    QVERIFY(!storage.querier({kStart}, {kStart}).ok());
}

void TestReadStorage::theWarningReachesTheResultOfAQuery()
{
    World world;
    world.apply(world.config());
    world.local().add(Labels{{"__name__", "m"}}, {kStart}, 1);
    world.answer({.status = 400, .body = "not today"});
    base::WorkerPool pool(1);
    const base::SystemClock clock;
    const promql::Engine engine({}, pool, clock);
    const auto result = engine.instant(world.storage(), "m", {kStart}, {}, {});
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(result->annotations.size(), std::size_t{1});
    QVERIFY(result->annotations[0].text.starts_with("remote read from "));
}

void TestReadStorage::samplesOutsideOfTheQuestionAreNotShown()
{
    World world;
    world.apply(world.config());
    const Labels labels{{"__name__", "m"}};
    world.answer(sampledAnswer({seriesWith(labels, {kStart - 1, kStart, kStart + 1}, 1)}));
    QCOMPARE(world.select(byName("m"), kStart, kStart).begin()->second.size(), std::size_t{1});
}

void TestReadStorage::badAnswersAreWarnings_data()
{
    QTest::addColumn<QByteArray>("type");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("message");
    const QByteArray streamed = "application/x-streamed-protobuf";
    const std::string whole = encodeReadFrame(Labels{{"__name__", "m"}}, {}, 0);
    std::string wrong = whole;
    wrong.back() = static_cast<char>(wrong.back() ^ 1);
    QTest::newRow("of another type")
        << QByteArray("text/html") << QByteArray("<p>") << QByteArray("text/html");
    QTest::newRow("no snappy") << QByteArray("application/x-protobuf") << QByteArray("\xff\xff")
                               << QByteArray("no Snappy block");
    QTest::newRow("a wrong checksum")
        << streamed << QByteArray::fromStdString(wrong) << QByteArray();
    QTest::newRow("cut off") << streamed << QByteArray::fromStdString(whole).chopped(1)
                             << QByteArray();
    QTest::newRow("of another query")
        << streamed << QByteArray::fromStdString(encodeReadFrame(Labels{{"a", "b"}}, {}, 1))
        << QByteArray("query 1");
    QTest::newRow("a frame above the limit")
        << streamed
        << QByteArray::fromStdString(
               encodeReadFrame(Labels{{"__name__", std::string(2000, 'x')}}, {}, 0))
        << QByteArray();
}

void TestReadStorage::badAnswersAreWarnings()
{
    QFETCH(QByteArray, type);
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, message);
    World world;
    RemoteReadConfig config = world.config();
    config.chunkedReadLimit = 1000;
    world.apply(config);
    world.answer({.contentType = type.toStdString(), .body = body.toStdString()});
    QVERIFY(world.select(byName("m"), kStart, kStart).empty());
    QCOMPARE(world.warnings().size(), std::size_t{1});
    QVERIFY2(QByteArray::fromStdString(world.warnings()[0]).contains(message),
             world.warnings()[0].c_str());
}

void TestReadStorage::theRequestIsAsTheProtocolSays()
{
    World world;
    world.apply(world.config());
    world.answer(streamedAnswer(encodeReadFrame(Labels{{"__name__", "m"}}, {}, 0)));
    world.select(byName("m"), kStart, kStart);
    const net::ServerRequest request = world.server().last("POST /read");
    QCOMPARE(request.header("Content-Encoding"), "snappy");
    QCOMPARE(request.header("Accept-Encoding"), "snappy");
    QCOMPARE(request.header("Content-Type"), "application/x-protobuf");
    QCOMPARE(request.header("X-Prometheus-Remote-Read-Version"), "0.1.0");
    const std::vector<ReadResponseType> accepted = world.asked()[0].accepted;
    QCOMPARE(accepted.size(), std::size_t{2});
    QVERIFY(accepted[0] == ReadResponseType::StreamedXorChunks);
    QVERIFY(accepted[1] == ReadResponseType::Samples);
}

void TestReadStorage::theMetricsCountAnswers()
{
    World world;
    world.apply(world.config());
    world.select(byName("m"), kStart, kStart);
    std::string page;
    exposition::TextWriter out(page);
    world.storage().writeMetrics(out);
    QVERIFY(page.find("prometheus_remote_read_client_queries_total{code=\"200\"") !=
            std::string::npos);
    QVERIFY(page.find("response_type=\"sampled\"") != std::string::npos);
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestReadStorage)
#include "tst_read_storage.moc"
