// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A directory goes back and forth between Prometheus 2.42 and the store, and each answers what the
// other stored: floats, native histograms, deletions; blocks, checkpoint, log. Skipped when the
// peer is missing.
#include "core/base/number.h"
#include "core/tsdb/block.h"
#include "core/tsdb/verify.h"
#include "support/prometheus_peer.h"
#include "support/protobuf_page.h"
#include "support/tsdb_fixture.h"

#include <QTcpServer>
#include <QTcpSocket>
#include <QtTest>

#include <algorithm>
#include <filesystem>

using namespace narthex;
using test::Prometheus;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};
const tsdb::DbOptions kLate{.live = {.outOfOrderWindow = base::Duration::fromMs(2 * kHour)},
                            .compactInBackground = false};

/// Series to samples, each as text: a float as the API writes it, a histogram as count, sum and its
/// filled buckets.
using Answers = std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>>;

std::string histogramText(std::string_view count, std::string_view sum,
                          std::vector<std::string> buckets)
{
    std::sort(buckets.begin(), buckets.end());
    std::string text = fmt::format("count={} sum={}", count, sum);
    for (const std::string& bucket : buckets) {
        text += " " + bucket;
    }
    return text;
}

std::string histogramText(const model::FloatHistogram& histogram)
{
    std::vector<std::string> buckets;
    for (const auto* side : {&histogram.positiveBuckets, &histogram.negativeBuckets}) {
        for (const double count : *side) {
            if (count != 0) {
                buckets.push_back(base::formatFloat(count));
            }
        }
    }
    if (histogram.zeroCount != 0) {
        buckets.push_back(base::formatFloat(histogram.zeroCount));
    }
    return histogramText(base::formatFloat(histogram.count), base::formatFloat(histogram.sum),
                         std::move(buckets));
}

Answers answersOf(const tsdb::Db& db)
{
    Answers answers;
    const auto querier = *db.querier({INT64_MIN}, {INT64_MAX});
    const auto set = *querier->select({}, {}, {});
    const auto all = *storage::collect(*set, 1'000'000);
    for (const auto& series : all) {
        storage::SampleColumns columns;
        auto& samples = answers[series->labels().toString()];
        if (!series->read({INT64_MIN}, {INT64_MAX}, columns).ok()) {
            samples.emplace_back(0, "error");
        }
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            if (!model::isStale(columns.values[i])) { // the API leaves them out
                samples.emplace_back(columns.times[i], base::formatFloat(columns.values[i]));
            }
        }
        for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
            if (!columns.histograms[i]->isStale()) {
                samples.emplace_back(columns.histogramTimes[i],
                                     histogramText(*columns.histograms[i]));
            }
        }
        std::sort(samples.begin(), samples.end());
        if (samples.empty()) {
            answers.erase(series->labels().toString());
        }
    }
    return answers;
}

Answers answersOf(Prometheus& prometheus, const QString& selector, std::int64_t atMs)
{
    Answers answers;
    const QJsonArray result = prometheus.matrix(selector, atMs);
    for (const QJsonValue& series : result) {
        auto& samples = answers[Prometheus::seriesText(series)];
        const QJsonArray values = series["values"].toArray();
        for (const QJsonValue& sample : values) {
            samples.emplace_back(qRound64(sample[0].toDouble() * 1000),
                                 sample[1].toString().toStdString());
        }
        const QJsonArray histograms = series["histograms"].toArray();
        for (const QJsonValue& sample : histograms) {
            std::vector<std::string> buckets;
            const QJsonArray list = sample[1]["buckets"].toArray();
            for (const QJsonValue& bucket : list) {
                buckets.push_back(bucket[3].toString().toStdString());
            }
            samples.emplace_back(qRound64(sample[0].toDouble() * 1000),
                                 histogramText(sample[1]["count"].toString().toStdString(),
                                               sample[1]["sum"].toString().toStdString(),
                                               std::move(buckets)));
        }
        std::sort(samples.begin(), samples.end());
    }
    return answers;
}

/// What verify finds, one a line.
std::string damages(const fs::path& directory)
{
    std::string text;
    const auto report = tsdb::verifyDirectory(directory, {});
    for (const tsdb::Damage& damage : report->damages) {
        text += damage.path.string() + ": " + damage.what + "\n";
    }
    return text;
}

/// The first difference, empty if there is none.
std::string difference(const Answers& a, const Answers& b)
{
    for (const auto& [name, samples] : a) {
        const auto other = b.find(name);
        if (other == b.end()) {
            return name + " is missing";
        }
        const auto [left, right] = std::mismatch(samples.begin(), samples.end(),
                                                 other->second.begin(), other->second.end());
        if (left != samples.end() || right != other->second.end()) {
            const auto show = [](auto it, auto end) {
                return it == end ? std::string("end")
                                 : fmt::format("{} at {}", it->second, it->first);
            };
            return fmt::format("{}: {} and {}", name, show(left, samples.end()),
                               show(right, other->second.end()));
        }
    }
    return a.size() == b.size() ? std::string() : "the second has more series";
}

/// A target that counts its scrapes, with floats that come and go and a native histogram that
/// grows.
class Target
{
public:
    Target()
    {
        server_.listen(QHostAddress::LocalHost);
        QObject::connect(&server_, &QTcpServer::newConnection, &server_, [this] {
            QTcpSocket* socket = server_.nextPendingConnection();
            QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            QObject::connect(socket, &QTcpSocket::readyRead, socket, [this, socket] {
                if (socket->readAll().endsWith("\r\n\r\n")) {
                    answer(*socket);
                }
            });
        });
    }
    [[nodiscard]] quint16 port() const { return server_.serverPort(); }
    [[nodiscard]] int scrapes() const { return scrapes_; }

private:
    void answer(QTcpSocket& socket)
    {
        const int n = ++scrapes_;
        const QByteArray body = QByteArray::fromStdString(page(n));
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.google.protobuf; "
                     "proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n"
                     "Content-Length: " +
                     QByteArray::number(body.size()) + "\r\n\r\n" + body);
    }
    static std::string page(int n)
    {
        std::string text = test::protoGauge("steady", "a", 1) +
                           test::protoGauge("moving", "b", n * 0.1) +
                           test::protoGauge("odd", "c",
                                            n % 3 == 0   ? -std::numeric_limits<double>::infinity()
                                            : n % 3 == 1 ? std::numeric_limits<double>::quiet_NaN()
                                                         : 1e-300 * n);
        if (n % 10 < 6) { // stale in between
            text += test::protoGauge("sometimes", "d", n);
        }
        model::IntegerHistogram histogram;
        const auto count = static_cast<std::uint64_t>(n);
        histogram.zeroThreshold = 0.001;
        histogram.zeroCount = count;
        histogram.sum = n * 2.5;
        histogram.positiveSpans = {{0, 2}};
        histogram.positiveDeltas = {n, 1};
        histogram.count = count + count + count + 1;
        if (n % 40 > 20) { // new buckets, and then a reset
            histogram.positiveSpans.push_back({2, 1});
            histogram.positiveDeltas.push_back(5);
            histogram.count += count + 6;
        }
        // Every third sample is on time, the others 20 and 40 seconds late.
        const std::int64_t now = QDateTime::currentMSecsSinceEpoch();
        return text + test::protoHistogram("native", histogram) +
               test::protoGauge("late", "e", n, now - n % 3 * 20'000);
    }

    QTcpServer server_;
    int scrapes_ = 0;
};

bool hasCheckpoint(const fs::path& directory)
{
    std::error_code error;
    for (fs::directory_iterator it(directory / "wal", error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with("checkpoint.") && !name.ends_with(".tmp")) {
            return true;
        }
    }
    return false;
}

/// Prometheus scrapes the target until it has blocks and a checkpoint, then ends as `stop` says.
/// Every sample that its API told is compared with what the store finds in its directory.
void prometheusWritesAndWeRead(void (Prometheus::*stop)())
{
    TsdbFixture fixture;
    fs::create_directories(fixture.path());
    Target target;
    Answers theirs;
    std::int64_t askedAt = 0;
    {
        Prometheus prometheus(
            fixture.path(), fixture.other("target.yml"),
            fmt::format("storage: {{tsdb: {{out_of_order_time_window: 10m}}}}\n"
                        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n"
                        "scrape_configs: [{{job_name: t, static_configs: [{{targets: "
                        "['127.0.0.1:{}']}}]}}]\n",
                        target.port()),
            {"--storage.tsdb.min-block-duration=4s", "--storage.tsdb.max-block-duration=12s"});
        QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
        QVERIFY2(
            QTest::qWaitFor([&] { return hasCheckpoint(fixture.path()) && target.scrapes() > 30; },
                            3 * test::kPatienceMs),
            prometheus.output().constData());
        askedAt = QDateTime::currentMSecsSinceEpoch();
        theirs = answersOf(prometheus, "{__name__=~\".+\"}[10m]", askedAt);
        (prometheus.*stop)();
    }
    QVERIFY2(theirs.contains("native{instance=\"127.0.0.1:" + std::to_string(target.port()) +
                             "\", job=\"t\"}"),
             theirs.empty() ? "no answer" : theirs.begin()->first.c_str());
    fs::copy(fixture.path(), fixture.other("copy"), fs::copy_options::recursive);
    fs::remove(fixture.other("copy") / "lock");
    QCOMPARE(damages(fixture.other("copy")), std::string());
    const auto db = fixture.tryOpen(fixture.other("copy"), kManual);
    QVERIFY2(db.ok(), db.status().ToString().c_str());
    QVERIFY((*db)->stats().blocks > 0);
    QCOMPARE((*db)->stats().walUnknownRefs, std::uint64_t{0});
    QCOMPARE((*db)->stats().walCorruptions, std::uint64_t{0});
    Answers ours = answersOf(**db);
    // It went on scraping after it was asked.
    for (auto& [name, samples] : ours) {
        std::erase_if(samples, [askedAt](const auto& sample) { return sample.first > askedAt; });
    }
    std::erase_if(ours, [](const auto& series) { return series.second.empty(); });
    for (auto& [name, samples] : theirs) { // a scrape may have been under way
        const auto found = ours.find(name);
        if (found == ours.end()) {
            continue;
        }
        if (name.starts_with("late")) { // and late ones came in after it was asked
            std::erase_if(found->second, [&samples = samples](const auto& sample) {
                return !std::binary_search(samples.begin(), samples.end(), sample);
            });
        } else if (found->second.size() == samples.size() + 1) {
            found->second.pop_back();
        }
    }
    const auto late = std::find_if(theirs.begin(), theirs.end(), [](const auto& series) {
        return series.first.starts_with("late");
    });
    QVERIFY(late != theirs.end() && late->second.size() > 30);
    QCOMPARE(difference(theirs, ours), std::string());
}

/// Two kinds of series over ten hours, special values among them.
void fill(tsdb::Db& db, std::int64_t from, std::int64_t to)
{
    for (std::int64_t time = from; time < to; time += 60'000) {
        const std::int64_t n = (time - kStart) / 60'000;
        const auto appender = db.appender();
        const auto put = [&](const model::Labels& labels, double value) {
            appender->append(*appender->seriesFor(labels), {time}, value);
        };
        put({{"__name__", "counts"}, {"job", "x"}}, static_cast<double>(n) / 8);
        put({{"__name__", "deleted"}}, static_cast<double>(n));
        put({{"__name__", "odd"}}, n % 4 == 0   ? model::staleMarker()
                                   : n % 4 == 1 ? model::normalNan()
                                   : n % 4 == 2 ? -0.0
                                                : std::numeric_limits<double>::infinity());
        model::FloatHistogram histogram;
        histogram.zeroThreshold = 0.001;
        histogram.positiveSpans = {{-3, 2}, {1, 1}};
        histogram.positiveBuckets = {1.0 + static_cast<double>(n), 2.5, 3.0};
        histogram.count = 6.5 + static_cast<double>(n);
        histogram.sum = static_cast<double>(n) / 4;
        appender->appendHistogram(*appender->seriesFor({{"__name__", "native"}}), {time},
                                  histogram);
        base::ignore(appender->commit(), "the test looks at the contents");
    }
}

/// A hundred samples behind the newest ones, in an order of their own, and more in a series that
/// has newer ones.
void putLate(tsdb::Db& db)
{
    const auto appender = db.appender();
    for (std::int64_t i = 0; i < 100; ++i) {
        const std::int64_t time = kStart + 9 * kHour + i * 37 % 100 * 20'000 + 1;
        appender->append(*appender->seriesFor({{"__name__", "late"}}), {time},
                         static_cast<double>(i));
        if (i % 10 == 0) {
            appender->append(*appender->seriesFor({{"__name__", "counts"}, {"job", "x"}}), {time},
                             static_cast<double>(-i));
        }
        base::ignore(appender->commit(), "the test looks at the contents");
    }
}

/// Deletes an hour of one series from the first block, by its file.
void deleteFromFirstBlock(const fs::path& directory)
{
    std::set<fs::path> blocks;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (fs::exists(entry.path() / "meta.json")) {
            blocks.insert(entry.path());
        }
    }
    const auto block = *tsdb::Block::open(*blocks.begin());
    tsdb::Postings scratch;
    const auto refs = *block->index().withLabel("__name__", "deleted", scratch);
    const std::string bytes = tsdb::encodeTombstones(
        {{refs.front(), {{block->meta().minTime + kHour, block->meta().minTime + 2 * kHour}}}});
    tsdb::BlockMeta meta = block->meta();
    meta.stats.tombstones = 1;
    base::ignore(tsdb::writeBlockMeta(block->directory(), meta), "the test reads it");
    base::ignore(base::writeFileAtomically(block->directory() / "tombstones", bytes),
                 "the test reads it");
}

} // namespace

class TestPrometheusDirectory : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void theStoreReadsWhatAStoppedPrometheusWrote();
    void theStoreReadsWhatAKilledPrometheusWrote();
    void prometheusReadsWhatTheStoreWroteAndGivesItBack();
};

void TestPrometheusDirectory::initTestCase()
{
    if (!QFile::exists(test::peerProgram("prometheus"))) {
        QSKIP("prometheus is not in " NARTHEX_PEERS_DIR);
    }
}

void TestPrometheusDirectory::theStoreReadsWhatAStoppedPrometheusWrote()
{
    prometheusWritesAndWeRead(&Prometheus::terminate);
}

void TestPrometheusDirectory::theStoreReadsWhatAKilledPrometheusWrote()
{
    prometheusWritesAndWeRead(&Prometheus::kill);
}

void TestPrometheusDirectory::prometheusReadsWhatTheStoreWroteAndGivesItBack()
{
    TsdbFixture fixture;
    for (int run = 0; run < 5; ++run) { // segments enough for a checkpoint
        const auto db = fixture.open(kManual);
        fill(*db, kStart + run * 2 * kHour, kStart + (run + 1) * 2 * kHour);
        QVERIFY(db->compact().ok());
    }
    QVERIFY(hasCheckpoint(fixture.path()));
    deleteFromFirstBlock(fixture.path());
    Answers ours;
    {
        const auto db = fixture.open(kLate);
        putLate(*db);
        const model::Matchers odd{model::Matcher::equal("__name__", "odd")};
        QVERIFY(
            db->deleteSeries({kStart + 9 * kHour}, {kStart + 9 * kHour + 600'000}, {&odd, 1}).ok());
        QVERIFY(db->compact().ok());
        ours = answersOf(*db);
    }
    QVERIFY(!fs::is_empty(fixture.path() / "chunks_head"));
    QVERIFY(!fs::is_empty(fixture.path() / "wbl"));
    QCOMPARE(damages(fixture.path()), std::string());
    QCOMPARE(ours.size(), std::size_t{5});
    QCOMPARE(ours.at("late").size(), std::size_t{100});
    QVERIFY(ours.at("deleted").size() < ours.at("counts{job=\"x\"}").size());
    {
        Prometheus prometheus(fixture.path(), fixture.other("late.yml"),
                              "storage: {tsdb: {out_of_order_time_window: 2h}}\n"
                              "scrape_configs: []\n");
        QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
        const Answers theirs =
            answersOf(prometheus, "{__name__=~\".+\"}[30h]", kStart + 10 * kHour);
        QCOMPARE(difference(theirs, ours), std::string());
        prometheus.terminate();
        const QByteArray output = prometheus.output();
        QVERIFY2(!output.contains("level=error"), output.constData());
        QVERIFY2(!output.contains("unknown series references"), output.constData());
    }
    const auto db = fixture.open(kLate);
    QCOMPARE(difference(answersOf(*db), ours), std::string());
    QCOMPARE(db->stats().walUnknownRefs, std::uint64_t{0});
    QCOMPARE(db->stats().walCorruptions, std::uint64_t{0});
}

QTEST_GUILESS_MAIN(TestPrometheusDirectory)
#include "tst_prometheus_directory.moc"
