// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write to, and remote read from, programs of others: every series and value arrives, also
// when the receiver was away for a while. Source: spec/remote.md, 2 and 5; Held case 13.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/remote/read_storage.h"
#include "core/remote/remote_storage.h"
#include "core/storage/memory_store.h"
#include "core/tsdb/db.h"
#include "support/process.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <map>

namespace narthex::remote {
namespace {

using namespace base::literals;
using model::Labels;

constexpr int kSeries = 40;
constexpr int kRounds = 60;
constexpr int kPatienceMs = 60'000;

Labels seriesOf(int number)
{
    return Labels{{"__name__", "sent"}, {"n", std::to_string(number)}, {"zone", "é"}};
}

double valueOf(int series, int round) { return series * 1000 + round + 0.25; }

model::IntegerHistogram histogramOf(int round)
{
    const auto count = static_cast<std::uint64_t>(round);
    return {.schema = 1,
            .zeroThreshold = 0.001,
            .zeroCount = 2,
            .count = 8 + count,
            .sum = 12.5 + round,
            .positiveSpans = {{-2, 2}, {3, 1}},
            .positiveDeltas = {1 + round, 1 - round, 1}};
}

/// A server that takes samples, on a port of its own, with a folder that outlives it.
class Target
{
public:
    explicit Target(const QString& program) : program_(program), port_(test::freePort()) {}

    void start()
    {
        server_ = std::make_unique<test::Program>();
        const QString folder = QString::fromStdString(folder_.path().string());
        const QString address = QStringLiteral("127.0.0.1:%1").arg(port_);
        if (isPrometheus()) {
            QFile config(folder + "/prometheus.yml");
            QVERIFY(config.open(QIODevice::WriteOnly));
            config.write("global: {}\n");
            config.close();
            QVERIFY(server_->start(
                test::peer(program_),
                {"--config.file=" + folder + "/prometheus.yml",
                 "--storage.tsdb.path=" + folder + "/data", "--web.listen-address=" + address,
                 "--web.enable-remote-write-receiver", "--enable-feature=native-histograms"}));
        } else {
            QVERIFY(server_->start(test::peer(program_),
                                   {"-storageDataPath=" + folder + "/data",
                                    "-httpListenAddr=" + address, "-search.latencyOffset=0s",
                                    "-loggerLevel=ERROR"}));
        }
        QVERIFY2(waitUntilUp(), qPrintable(server_->output()));
    }
    /// Prometheus logs what it takes before it says so; the other one keeps it for a while.
    void takeAway()
    {
        if (isPrometheus()) {
            server_->kill();
        } else {
            server_->terminate();
        }
    }
    [[nodiscard]] bool isPrometheus() const { return program_ == "prometheus"; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    test::Requests ask() const { return test::Requests(port_); }

private:
    [[nodiscard]] bool waitUntilUp() const
    {
        test::Requests requests(port_);
        const char* const path = isPrometheus() ? "/-/ready" : "/health";
        return QTest::qWaitFor([&] { return requests.get(path).status == 200; }, kPatienceMs);
    }

    const QString program_;
    const int port_;
    base::TemporaryDirectory folder_;
    std::unique_ptr<test::Program> server_;
};

/// A store and what sends its samples away.
class Sender
{
public:
    explicit Sender(RemoteWriteConfig config)
    {
        config.name = "far";
        config.queue.batchSendDeadline = 100_ms;
        config.queue.maxBackoff = 300_ms;
        config.queue.maxSamplesPerSend = 100;
        config.queue.capacity = 500;
        auto db = tsdb::Db::open(directory_.path() / "data", {},
                                 {.pool = pool_,
                                  .clock = timers_.clock(),
                                  .log = base::nullLogger(),
                                  .onCommit =
                                      [this] {
                                          if (remote_) {
                                              remote_->notify();
                                          }
                                      }},
                                 {});
        db_ = *std::move(db);
        remote_ = std::make_unique<RemoteStorage>(
            RemoteStorage::Options{},
            SenderEnvironment{.client = client_,
                              .pool = pool_,
                              .timers = timers_,
                              .log = base::nullLogger(),
                              .walDirectory = directory_.path() / "data" / "wal",
                              .families = {},
                              .newestStored = {}});
        const absl::Status status = remote_->apply({config}, {});
        if (!status.ok()) {
            throw std::runtime_error(status.ToString());
        }
    }
    ~Sender()
    {
        remote_->stop();
        base::ignore(db_->close(), "the end of a test");
    }

    /// Stores one round, at a time that no other has.
    void storeRound(int round)
    {
        const base::Timestamp now = nextTime();
        times_.push_back(now.ms);
        const auto appender = db_->appender();
        for (int i = 0; i < kSeries; ++i) {
            appender->append(*appender->seriesFor(seriesOf(i)), now, valueOf(i, round));
        }
        appender->appendHistogram(*appender->seriesFor(Labels{{"__name__", "histogram"}}), now,
                                  histogramOf(round));
        QVERIFY(appender->commit().ok());
    }
    [[nodiscard]] const std::vector<std::int64_t>& times() const { return times_; }
    bool waitUntilSent()
    {
        return QTest::qWaitFor(
            [this] {
                const QueueStatus status = remote_->status()[0];
                return status.pending == 0 && status.lastError.empty() &&
                       metric("samples_total") >= static_cast<double>(kSeries * times_.size());
            },
            kPatienceMs);
    }
    double metric(const QByteArray& name) const
    {
        std::string page;
        exposition::TextWriter out(page);
        remote_->writeMetrics(out, {});
        for (const QByteArray& line : QByteArray::fromStdString(page).split('\n')) {
            if (line.startsWith("prometheus_remote_storage_" + name + "{")) {
                return line.mid(line.lastIndexOf(' ') + 1).toDouble();
            }
        }
        return qQNaN();
    }

private:
    base::Timestamp nextTime()
    {
        base::Timestamp now = timers_.clock().now();
        while (!times_.empty() && now.ms <= times_.back()) {
            QTest::qWait(1);
            now = timers_.clock().now();
        }
        return now;
    }

    base::TemporaryDirectory directory_;
    base::SystemTimers timers_;
    base::WorkerPool pool_{2};
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Narthex/test"};
    std::vector<std::int64_t> times_;
    std::unique_ptr<tsdb::Db> db_;
    std::unique_ptr<RemoteStorage> remote_;
};

/// The samples of the answer's series by `n`: milliseconds and value.
std::map<int, std::vector<std::pair<std::int64_t, double>>> samplesIn(const QJsonArray& result)
{
    std::map<int, std::vector<std::pair<std::int64_t, double>>> samples;
    for (const QJsonValue& one : result) {
        auto& list = samples[one.toObject()["metric"].toObject()["n"].toString().toInt()];
        for (const QJsonValue& pair : one.toObject()["values"].toArray()) {
            list.emplace_back(qRound64(pair.toArray()[0].toDouble() * 1000),
                              pair.toArray()[1].toString().toDouble());
        }
    }
    return samples;
}

} // namespace

class TestRemotePeers : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void everySampleArrivesAlsoWhenTheReceiverWasAway_data();
    void everySampleArrivesAlsoWhenTheReceiverWasAway();
};

void TestRemotePeers::everySampleArrivesAlsoWhenTheReceiverWasAway_data()
{
    QTest::addColumn<QString>("program");
    QTest::addColumn<QString>("path");
    QTest::newRow("Prometheus") << "prometheus"
                                << "/api/v1/write";
    QTest::newRow("VictoriaMetrics") << "victoria-metrics"
                                     << "/api/v1/write";
}

void TestRemotePeers::everySampleArrivesAlsoWhenTheReceiverWasAway()
{
    QFETCH(QString, program);
    QFETCH(QString, path);
    if (test::peer(program).isEmpty()) {
        QSKIP("the program could not be unpacked");
    }
    Target target(program);
    target.start();
    RemoteWriteConfig config;
    config.url = target.url() + path.toStdString();
    config.sendNativeHistograms = target.isPrometheus();
    Sender sender(config);
    QTest::qWait(5);
    for (int round = 0; round < kRounds; ++round) {
        if (round == kRounds / 3) {
            target.takeAway();
        }
        if (round == kRounds * 2 / 3) {
            QVERIFY(QTest::qWaitFor([&] { return sender.metric("samples_retried_total") > 0; },
                                    kPatienceMs));
            target.start();
        }
        sender.storeRound(round);
        QTest::qWait(10);
    }
    QVERIFY(sender.waitUntilSent());
    QCOMPARE(sender.metric("samples_failed_total"), 0.0);
    test::Requests ask = target.ask();
    std::map<int, std::vector<std::pair<std::int64_t, double>>> found;
    const auto isComplete = [&] {
        found = samplesIn(ask.query("sent[1h]"));
        std::size_t count = 0;
        for (const auto& [number, samples] : found) {
            count += samples.size();
        }
        return count >= std::size_t{kSeries} * kRounds;
    };
    QVERIFY(QTest::qWaitFor(isComplete, kPatienceMs));
    QCOMPARE(found.size(), std::size_t{kSeries});
    for (const auto& [number, samples] : found) {
        QCOMPARE(samples.size(), std::size_t{kRounds});
        for (int round = 0; round < kRounds; ++round) {
            const auto at = static_cast<std::size_t>(round);
            QCOMPARE(samples[at].first, sender.times()[at]);
            QCOMPARE(samples[at].second, valueOf(number, round));
        }
    }
    if (!target.isPrometheus()) {
        return;
    }
    QCOMPARE(sender.metric("histograms_failed_total"), 0.0);
    QCOMPARE(ask.value("histogram_count(histogram)"), 8.0 + kRounds - 1);
    QCOMPARE(ask.value("histogram_sum(histogram)"), 12.5 + kRounds - 1);
    QCOMPARE(ask.value("count_over_time(histogram[1h])"), static_cast<double>(kRounds));

    // What it has is read back over remote read: floats and histograms.
    net::IoLoop loop;
    net::HttpClient client(loop, "Narthex/test");
    const base::SystemClock clock;
    const storage::MemoryStore nothing;
    ReadStorage storage(nothing, {.client = client, .clock = clock, .log = base::nullLogger()},
                        [] { return std::nullopt; });
    RemoteReadConfig readConfig;
    readConfig.url = target.url() + "/api/v1/read";
    storage.apply({readConfig}, {});
    const auto querier = storage.querier({sender.times().front()}, {sender.times().back()});
    QVERIFY(querier.ok());
    const test::Contents contents = test::contentsOf(
        **querier, {test::matcher(model::MatchType::Regex, "__name__", "sent|histogram")});
    QVERIFY((*querier)->warnings().empty());
    QCOMPARE(contents.size(), std::size_t{kSeries} + 1);
    for (int number = 0; number < kSeries; ++number) {
        const auto one = contents.find(seriesOf(number).toString());
        QVERIFY(one != contents.end());
        QCOMPARE(one->second.size(), std::size_t{kRounds});
        QCOMPARE(one->second[7].first, sender.times()[7]);
        QCOMPARE(one->second[7].second, std::bit_cast<std::uint64_t>(valueOf(number, 7)));
    }
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestRemotePeers)
#include "tst_remote_peers.moc"
