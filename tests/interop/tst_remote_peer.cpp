// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Debian's Prometheus as the other side of every door: it writes to us, reads from us and federates
// us, and has afterwards what we have. Source: spec/remote.md, Held cases 1, 24, 25, 31.
#include "core/base/file.h"
#include "core/remote/read_messages.h"
#include "support/prometheus_peer.h"
#include "support/write_messages.h"

#include <fmt/format.h>

#include <QtTest>

#include <memory>

namespace narthex {
namespace {

using test::Prometheus;

constexpr const char* kSelector = "{__name__=~\"up|scrape_.*\"}[10m]";

std::int64_t nowMs() { return QDateTime::currentMSecsSinceEpoch(); }

/// Ours, started as a user does.
class Server
{
public:
    explicit Server(const std::filesystem::path& folder) : port_(test::freePort())
    {
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "prometheus.yml") << "global: {external_labels: {dc: here}}\n";
        process_.setProcessChannelMode(QProcess::MergedChannels);
        process_.start(NARTHEX_BIN_DIR "/narthexctl",
                       {"serve",
                        "--config.file=" + QString::fromStdString(folder / "prometheus.yml"),
                        "--storage.tsdb.path=" + QString::fromStdString(folder / "data"),
                        "--web.enable-remote-write-receiver", "--web.enable-otlp-receiver",
                        QString("--web.listen-address=127.0.0.1:%1").arg(port_)});
    }
    ~Server()
    {
        process_.kill();
        process_.waitForFinished(test::kPatienceMs);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
    QByteArray get(const QString& path, const QUrlQuery& query = {})
    {
        QUrl url(QString("http://127.0.0.1:%1%2").arg(port_).arg(path));
        url.setQuery(query);
        return finished(std::unique_ptr<QNetworkReply>(network_.get(QNetworkRequest(url))));
    }
    struct Reply
    {
        int status = 0;
        std::string body;
    };
    /// `plain` as a Snappy block.
    Reply post(const QString& path, const std::string& plain)
    {
        QNetworkRequest request(QUrl(QString("http://127.0.0.1:%1%2").arg(port_).arg(path)));
        request.setHeader(QNetworkRequest::ContentTypeHeader, "application/x-protobuf");
        request.setRawHeader("Content-Encoding", "snappy");
        const std::unique_ptr<QNetworkReply> reply(
            network_.post(request, QByteArray::fromStdString(test::compressed(plain))));
        const bool came =
            QTest::qWaitFor([&reply] { return reply->isFinished(); }, test::kPatienceMs);
        return came ? Reply{reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt(),
                            reply->readAll().toStdString()}
                    : Reply{};
    }
    int write(const std::string& plain) { return post("/api/v1/write", plain).status; }
    bool waitUntilReady()
    {
        return QTest::qWaitFor([this] { return get("/-/ready").contains("is Ready"); },
                               test::kPatienceMs);
    }
    /// Raw samples of a range selector.
    test::Contents samples(const QString& selector, std::int64_t atMs)
    {
        const QUrlQuery query{{"query", QString::fromLatin1(QUrl::toPercentEncoding(selector))},
                              {"time", QString::number(static_cast<double>(atMs) / 1000, 'f', 3)}};
        const QJsonObject answer = QJsonDocument::fromJson(get("/api/v1/query", query)).object();
        test::Contents contents;
        const QJsonArray result = answer["data"].toObject()["result"].toArray();
        for (const QJsonValue& value : result) {
            auto& samples = contents[Prometheus::seriesText(value)];
            const QJsonArray values = value["values"].toArray();
            for (const QJsonValue& sample : values) {
                samples.emplace_back(qRound64(sample[0].toDouble() * 1000),
                                     std::bit_cast<std::uint64_t>(sample[1].toString().toDouble()));
            }
        }
        return contents;
    }

private:
    static QByteArray finished(const std::unique_ptr<QNetworkReply>& reply)
    {
        return QTest::qWaitFor([&reply] { return reply->isFinished(); }, test::kPatienceMs)
                   ? reply->readAll()
                   : QByteArray();
    }

    quint16 port_;
    QProcess process_;
    QNetworkAccessManager network_;
};

/// Without the samples that came after `lastMs`.
test::Contents upTo(test::Contents contents, std::int64_t lastMs)
{
    for (auto& [name, samples] : contents) {
        std::erase_if(samples, [lastMs](const auto& sample) { return sample.first > lastMs; });
    }
    std::erase_if(contents, [](const auto& entry) { return entry.second.empty(); });
    return contents;
}

/// As another server sees it from outside: with our external labels.
test::Contents withoutLabel(const test::Contents& contents, const std::string& label)
{
    test::Contents result;
    for (const auto& [name, samples] : contents) {
        std::string plain = name;
        const std::size_t at = plain.find(label);
        if (at != std::string::npos) {
            plain.erase(at, label.size());
        }
        result[plain] = samples;
    }
    return result;
}

std::string summaryOf(const test::Contents& contents)
{
    std::string text;
    for (const auto& [name, samples] : contents) {
        text += fmt::format("{}: {}\n", name, samples.size());
    }
    return text;
}

} // namespace

class TestRemotePeer : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void prometheusWritesToUs();
    void prometheusReadsFromUs_data();
    void prometheusReadsFromUs();
    void framesAreStreamedOverHttp();
    void prometheusFederatesUs();

private:
    static constexpr int kSeries = 300;
    /// Floats and native histograms at a distance of 15 s.
    static int fill(Server& server, std::int64_t last);
};

void TestRemotePeer::initTestCase()
{
    if (!QFile::exists(test::peerProgram("prometheus"))) {
        QSKIP("Debian's prometheus could not be had");
    }
}

int TestRemotePeer::fill(Server& server, std::int64_t last)
{
    constexpr int kSamples = 200;
    std::vector<test::SeriesV1> request;
    for (int i = 0; i < kSeries; ++i) {
        test::SeriesV1 series(
            {{"__name__", "filled"}, {"job", "x"}, {"number", fmt::format("{:03}", i)}});
        for (int s = kSamples; s-- > 0;) {
            series.sample(last - s * 15'000, 1.5 * i + s);
        }
        request.push_back(series);
    }
    test::SeriesV1 histogram(test::LabelList{{"__name__", "heat"}, {"job", "x"}});
    for (int s = kSamples; s-- > 0;) {
        const auto count = static_cast<std::uint64_t>(3 * (kSamples - s));
        // Without a zero threshold 2.42 takes float histograms for classic ones.
        histogram.histogram(last - s * 15'000, model::IntegerHistogram{
                                                   .schema = 1,
                                                   .zeroThreshold = 0.001,
                                                   .count = count,
                                                   .sum = static_cast<double>(count),
                                                   .positiveSpans = {{0, 2}},
                                                   .positiveDeltas = {kSamples - s, kSamples - s}});
    }
    request.push_back(histogram);
    return server.write(test::requestV1(request));
}

void TestRemotePeer::prometheusWritesToUs()
{
    const base::TemporaryDirectory folder;
    Server server(folder.path() / "ours");
    QVERIFY(server.waitUntilReady());
    Prometheus writer(
        folder.path() / "data", folder.path() / "prometheus.yml",
        fmt::format("global: {{scrape_interval: 200ms}}\n"
                    "scrape_configs: [{{job_name: self, static_configs: [{{targets: "
                    "['127.0.0.1:PORT']}}]}}]\n"
                    "remote_write: [{{url: 'http://{}/api/v1/write', send_native_histograms: true, "
                    "queue_config: {{batch_send_deadline: 200ms}}}}]\n",
                    server.address()));
    QVERIFY(writer.waitUntilReady());
    const auto count = [&server] {
        std::size_t samples = 0;
        const test::Contents contents = server.samples("up[10m]", nowMs());
        for (const auto& [name, each] : contents) {
            samples += each.size();
        }
        return samples;
    };
    QVERIFY(QTest::qWaitFor([&count] { return count() >= 10; }, test::kPatienceMs));
    // What has arrived of `up` has arrived of everything before it.
    const std::int64_t at = nowMs();
    const test::Contents ours = server.samples(kSelector, at);
    std::int64_t last = INT64_MAX;
    for (const auto& [name, samples] : ours) {
        last = std::min(last, samples.back().first);
    }
    const test::Contents theirs = writer.samples(kSelector, at);
    const auto [first, begin] = std::pair(upTo(ours, last), upTo(theirs, last));
    QVERIFY(first.size() >= 5);
    // What was scraped before the queue began is not sent: compare from our first sample on.
    for (const auto& [name, samples] : first) {
        auto all = begin.at(name);
        std::erase_if(all, [&samples](const auto& s) { return s.first < samples.front().first; });
        QVERIFY2(all == samples, name.c_str());
    }
    QVERIFY(server.get("/metrics")
                .contains("prometheus_api_remote_write_invalid_labels_samples_total 0\n"));
    QCOMPARE(writer.value("sum(prometheus_remote_storage_samples_failed_total)", at / 1000 * 1000),
             0.0);
}

void TestRemotePeer::prometheusReadsFromUs_data()
{
    QTest::addColumn<QString>("query");
    QTest::newRow("floats") << "filled[45m]";
    QTest::newRow("one of them") << "filled{number=\"007\"}[10m]";
    QTest::newRow("by our external label") << "filled{dc=\"here\",number=~\"00.\"}[45m]";
    QTest::newRow("a function") << "rate(filled{number=\"001\"}[295s])[30m:15s]";
    // Native histograms its reading client leaves out.
    QTest::newRow("nothing") << "filled{dc=\"elsewhere\"}[45m]";
}

void TestRemotePeer::prometheusReadsFromUs()
{
    QFETCH(QString, query);
    const base::TemporaryDirectory folder;
    Server server(folder.path() / "ours");
    QVERIFY(server.waitUntilReady());
    const std::int64_t last = nowMs() / 15'000 * 15'000;
    QCOMPARE(fill(server, last), 204);
    Prometheus reader(folder.path() / "data", folder.path() / "prometheus.yml",
                      fmt::format("remote_read: [{{url: 'http://{}/api/v1/read', read_recent: "
                                  "true}}]\n",
                                  server.address()));
    QVERIFY(reader.waitUntilReady());
    const std::string label = "dc=\"here\", ";
    // Between two samples: 2.42 counts the one at the beginning of a window, too.
    const std::int64_t at = last + 5000;
    const test::Contents theirs = withoutLabel(reader.samples(query, at), label);
    QString local = query;
    local.replace("dc=\"here\",", "");
    const test::Contents ours = server.samples(local, at);
    QVERIFY(query.contains("elsewhere") == ours.empty());
    QVERIFY2(theirs == ours,
             fmt::format("theirs:\n{}ours:\n{}", summaryOf(theirs), summaryOf(ours)).c_str());
}

void TestRemotePeer::framesAreStreamedOverHttp()
{
    const base::TemporaryDirectory folder;
    Server server(folder.path() / "ours");
    QVERIFY(server.waitUntilReady());
    const std::int64_t last = nowMs();
    QCOMPARE(fill(server, last), 204);
    remote::ReadRequest request{.accepted = {remote::ReadResponseType::StreamedXorChunks}};
    request.queries.push_back({.from = {0}, .to = {last}});
    const Server::Reply reply = server.post("/api/v1/read", remote::encodeReadRequest(request));
    QCOMPARE(reply.status, 200);
    remote::FrameReader frames(1U << 20U);
    frames.feed(reply.body);
    storage::SampleColumns samples;
    for (auto message = frames.next(); message.ok() && *message; message = frames.next()) {
        const auto frame = remote::decodeReadFrame(**message);
        QVERIFY(frame.ok());
        for (const remote::ReadChunk& chunk : frame->series[0].chunks) {
            QVERIFY(remote::appendChunk(chunk, {0}, {last}, samples).ok());
        }
    }
    QVERIFY(frames.finish().ok());
    QCOMPARE(samples.times.size(), std::size_t{kSeries} * 200);
    QCOMPARE(samples.histogramTimes.size(), std::size_t{200});
}

void TestRemotePeer::prometheusFederatesUs()
{
    const base::TemporaryDirectory folder;
    Server server(folder.path() / "ours");
    QVERIFY(server.waitUntilReady());
    QCOMPARE(fill(server, nowMs() - 1000), 204);
    Prometheus reader(
        folder.path() / "data", folder.path() / "prometheus.yml",
        fmt::format("global: {{scrape_interval: 500ms}}\n"
                    "scrape_configs: [{{job_name: federate, honor_labels: true, metrics_path: "
                    "/federate, params: {{'match[]': ['{{job=\"x\"}}']}}, static_configs: "
                    "[{{targets: ['{}']}}]}}]\n",
                    server.address()));
    QVERIFY(reader.waitUntilReady());
    const auto count = [&reader](const QString& query) { return reader.value(query, nowMs()); };
    QVERIFY(QTest::qWaitFor([&] { return count("count(filled{dc=\"here\"})") == kSeries; },
                            test::kPatienceMs));
    QCOMPARE(count("filled{number=\"010\"}"), 15.0);
    // 2.42 with native histograms asks for messages.
    QCOMPARE(count("histogram_count(heat)"), 600.0);
    QCOMPARE(count("count(filled{instance!=\"\"})"), model::normalNan());
}

} // namespace narthex

QTEST_GUILESS_MAIN(narthex::TestRemotePeer)
#include "tst_remote_peer.moc"
