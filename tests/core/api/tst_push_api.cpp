// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pushes over the API: paths, bodies, codings, codes, and the way of a push into the store. The
// numbers are those of the cases in the specification. With Debian's Pushgateway the same requests
// get the same answers.
#include "core/base/hash.h"
#include "core/exposition/family_writer.h"
#include "core/net/http_client.h"
#include "support/api_world.h"
#include "support/process.h"

#include <QtTest>

using namespace narthex;
using test::ApiWorld;

namespace {

net::ServerResponse send(const ApiWorld& world, const std::string& method, const std::string& path,
                         std::string body, net::Parameters headers = {})
{
    net::ServerRequest request;
    request.method = method;
    request.path = path;
    request.body = std::move(body);
    request.headers = std::move(headers);
    return world.send(std::move(request));
}

std::string pageOf(const ApiWorld& world) { return world.call("GET", "/push/metrics").body; }

} // namespace

class TestPushApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void codes_data();
    void codes();
    void bodiesInEveryForm();
    void openMetricsIsTaken();
    void pushesShowAtOnce();
    void theGatewaysListIsGiven();
    void wipingNeedsPermission();
    void metricsMayShowThem();
    void withoutTheCheckItIsAnsweredAtOnce();
    void pushedSeriesAreStored();
    void answersEqualTheOriginals();

private:
    std::unique_ptr<ApiWorld> world_;
};

void TestPushApi::initTestCase()
{
    world_ = std::make_unique<ApiWorld>();
    QVERIFY(world_->isReady());
}

void TestPushApi::init()
{
    QCOMPARE(send(*world_, "PUT", "/api/v1/admin/wipe", "").status, 202);
    QVERIFY(QTest::qWaitFor([&] { return world_->engine->pushed()->empty(); }));
}

void TestPushApi::codes_data()
{
    QTest::addColumn<QByteArray>("method");
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("text");
    const auto row = [](const char* name, const QByteArray& method, const QByteArray& path,
                        const QByteArray& body, int status, const char* text = "") {
        QTest::newRow(name) << method << path << body << status << QByteArray(text);
    };
    row("1 put", "PUT", "/metrics/job/a", "x 1\n", 200);
    row("post", "POST", "/metrics/job/a/instance/i", "x 1\n", 200);
    row("4 empty", "PUT", "/metrics/job/a", "", 200);
    row("trailing slash", "PUT", "/metrics/job/a/", "x 1\n", 200);
    row("5 unfinished", "PUT", "/metrics/job/a", "x 1", 400,
        "text format parsing error in line 1: unexpected end of input stream");
    row("6 timestamp", "PUT", "/metrics/job/a", "x 1 1700000000000\n", 400,
        "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not "
        "have timestamps");
    row("8 twice", "PUT", "/metrics/job/a", "x{k=\"1\"} 1\nx{k=\"1\"} 2\n", 400,
        "was collected before with the same name and label values");
    row("13 slashes", "PUT", "/metrics/job/a//x", "x 1\n", 301);
    row("14 odd", "PUT", "/metrics/job/a/k", "x 1\n", 400,
        "odd number of components in label string \"/k\"");
    row("14 reserved", "PUT", "/metrics/job/a/__k/v", "x 1\n", 400, "improper label name \"__k\"");
    row("15 no job", "PUT", "/metrics/job@base64/=", "x 1\n", 400, "job name is required");
    row("15 wrong job", "PUT", "/metrics/job@base64/!!!", "x 1\n", 400,
        "invalid base64 encoding in job name");
    row("15 right job", "PUT", "/metrics/job@base64/YQ", "x 1\n", 200);
    row("16 bytes", "PUT", "/metrics/job/a/k/\xff", "x 1\n", 400, "invalid UTF-8");
    row("17 delete", "DELETE", "/metrics/job/none", "", 202);
    row("18 post a wipe", "POST", "/api/v1/admin/wipe", "", 405);
    row("method", "PATCH", "/metrics/job/a", "", 405);
    row("23 own metric", "PUT", "/metrics/job/a",
        "# TYPE prometheus_ready counter\n"
        "prometheus_ready 1\n",
        400, "it is not a GAUGE");
}

void TestPushApi::codes()
{
    QFETCH(QByteArray, method);
    QFETCH(QByteArray, path);
    QFETCH(QByteArray, body);
    QFETCH(int, status);
    QFETCH(QByteArray, text);
    const net::ServerResponse response =
        send(*world_, method.toStdString(), path.toStdString(), body.toStdString());
    QVERIFY2(response.status == status, response.body.c_str());
    QVERIFY2(response.body.find(text.toStdString()) != std::string::npos, response.body.c_str());
    // Whatever came: the page can be had.
    QCOMPARE(world_->call("GET", "/push/metrics").status, 200);
}

void TestPushApi::bodiesInEveryForm()
{
    const std::string text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
                             "h_sum 3\nh_count 2\n";
    const auto families = exposition::parseTextFamilies(text).value();
    const std::string messages = exposition::writePage(families, exposition::PageFormat::Protobuf);
    const std::string type = "application/vnd.google.protobuf; "
                             "proto=io.prometheus.client.MetricFamily; encoding=delimited";
    QCOMPARE(send(*world_, "PUT", "/metrics/job/p", messages, {{"Content-Type", type}}).status,
             200);
    QVERIFY(pageOf(*world_).find("h_bucket{instance=\"\",job=\"p\",le=\"1\"} 1\n") !=
            std::string::npos);
    // Case 20: text is no message.
    QCOMPARE(send(*world_, "PUT", "/metrics/job/q", text, {{"Content-Type", type}}).status, 400);
    // Case 19, and whatever the case of the word.
    const std::string packed = net::deflateGzip("x 1\n");
    QCOMPARE(send(*world_, "PUT", "/metrics/job/z", packed, {{"Content-Encoding", "GZip"}}).status,
             200);
    QCOMPARE(send(*world_, "PUT", "/metrics/job/y", packed.substr(0, packed.size() - 4),
                  {{"Content-Encoding", "gzip"}})
                 .status,
             400);
    QCOMPARE(send(*world_, "PUT", "/metrics/job/w", "x 1\n", {{"Content-Encoding", "br"}}).status,
             200);
    // A stream of snappy: identifier, one chunk as it is, its checksum masked.
    std::string frames("\xff\x06\x00\x00sNaPpY\x01\x08\x00\x00", 14);
    std::uint32_t crc = base::crc32c("x 1\n");
    crc = ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
    for (int i = 0; i < 4; ++i) {
        frames += static_cast<char>(crc >> (8U * static_cast<unsigned>(i)));
    }
    frames += "x 1\n";
    QCOMPARE(
        send(*world_, "PUT", "/metrics/job/s", frames, {{"Content-Encoding", "snappy"}}).status,
        200);
    for (std::size_t size = 11; size < frames.size(); ++size) {
        QCOMPARE(send(*world_, "PUT", "/metrics/job/t", frames.substr(0, size),
                      {{"Content-Encoding", "snappy"}})
                     .status,
                 400);
    }
    // Words of curl's own are passed over.
    QCOMPARE(send(*world_, "PUT", "/metrics/job/c", "x 1\n",
                  {{"Content-Type", "application/x-www-form-urlencoded"}})
                 .status,
             200);
}

void TestPushApi::openMetricsIsTaken()
{
    QCOMPARE(send(*world_, "PUT", "/metrics/job/om",
                  "# TYPE a counter\na_total 1 # {t=\"x\"} 1\na_created 5\n# EOF\n",
                  {{"Content-Type", "application/openmetrics-text; version=1.0.0"}})
                 .status,
             200);
    QVERIFY(pageOf(*world_).starts_with(
        "# TYPE a_total counter\na_total{instance=\"\",job=\"om\"} 1\n"));
}

void TestPushApi::pushesShowAtOnce()
{
    for (int i = 0; i < 50; ++i) {
        const std::string body = "n " + std::to_string(i) + "\n";
        QCOMPARE(send(*world_, "PUT", "/metrics/job/a", body).status, 200);
        QVERIFY(pageOf(*world_).find("n{instance=\"\",job=\"a\"} " + body.substr(2)) !=
                std::string::npos);
    }
}

void TestPushApi::theGatewaysListIsGiven()
{
    QCOMPARE(send(*world_, "PUT", "/metrics/job/a/path@base64/L3Zhcg", "x 1\n").status, 200);
    const QJsonArray groups = world_->data("/api/v1/metrics").toArray();
    QCOMPARE(groups.size(), 1);
    const QJsonObject group = groups[0].toObject();
    QCOMPARE(group["labels"].toObject(), QJsonObject({{"job", "a"}, {"path", "/var"}}));
    QVERIFY(group["last_push_successful"].toBool());
    QCOMPARE(group["x"].toObject()["metrics"].toArray()[0].toObject()["value"].toString(),
             QString("1"));
    const QJsonObject status = world_->data("/api/v1/status").toObject();
    QVERIFY(status.contains("flags") && status.contains("start_time"));
    QVERIFY(status["build_information"].toObject().contains("goVersion"));
}

void TestPushApi::wipingNeedsPermission()
{
    ApiWorld closed(false);
    QVERIFY(closed.isReady());
    QCOMPARE(send(closed, "PUT", "/api/v1/admin/wipe", "").status, 404);
}

void TestPushApi::metricsMayShowThem()
{
    QVERIFY(world_->call("GET", "/metrics").body.find("job=\"shown\"") == std::string::npos);
    ApiWorld both(api::ApiOptions{.pushedOnMetrics = true});
    QVERIFY(both.isReady());
    QCOMPARE(send(both, "PUT", "/metrics/job/shown",
                  "x 1\n# TYPE prometheus_ready gauge\nprometheus_ready 5\n")
                 .status,
             200);
    const std::string page = both.call("GET", "/metrics").body;
    for (const char* line :
         {"x{instance=\"\",job=\"shown\"} 1\n",
          "# TYPE prometheus_ready gauge\nprometheus_ready 1\nprometheus_ready{instance=\"\","
          "job=\"shown\"} 5\n",
          "pushgateway_http_requests_total{code=\"200\",handler=\"push\",method=\"put\"} 1\n",
          "pushgateway_http_push_size_bytes_count{method=\"put\"} 1\n"}) {
        QVERIFY2(page.find(line) != std::string::npos, page.c_str());
    }
}

void TestPushApi::withoutTheCheckItIsAnsweredAtOnce()
{
    ApiWorld open(true, [](engine::EngineOptions& options) { options.push.store.check = false; });
    QVERIFY(open.isReady());
    QCOMPARE(send(open, "PUT", "/metrics/job/a", "x 1\nx 2\n").status, 202);
    QVERIFY(QTest::qWaitFor(
        [&] { return pageOf(open).find("x{instance=\"\",job=\"a\"} 1\n") != std::string::npos; }));
    ApiWorld off(true, [](engine::EngineOptions& options) { options.push.enabled = false; });
    QVERIFY(off.isReady());
    QCOMPARE(send(off, "PUT", "/metrics/job/a", "x 1\n").status, 404);
}

void TestPushApi::pushedSeriesAreStored()
{
    base::TemporaryDirectory folder;
    QVERIFY(base::writeFileAtomically(folder.path() / "prometheus.yml",
                                      "global: {scrape_interval: 1s, scrape_timeout: 1s}\n")
                .ok());
    ApiWorld world(true, [&](engine::EngineOptions& options) {
        options.configFile = folder.path() / "prometheus.yml";
    });
    QVERIFY(world.isReady());
    QCOMPARE(send(world, "PUT", "/metrics/job/batch", "done 7\n").status, 200);
    QCOMPARE(send(world, "PUT", "/metrics/job/batch/instance/i1", "done 8\n").status, 200);
    const auto result = [&](const char* query) {
        return world.data("/api/v1/query", {{"query", query}}).toObject()["result"].toArray();
    };
    // Case 29: labels of the push, none of the gateway's.
    QVERIFY(QTest::qWaitFor([&] { return result("done").size() == 2; }, 15000));
    QCOMPARE(result("done{instance=\"\"}")[0].toObject()["metric"].toObject(),
             QJsonObject({{"__name__", "done"}, {"job", "batch"}}));
    QCOMPARE(result("done{instance=\"i1\"}").size(), 1);
    QCOMPARE(result("up{job=\"pushgateway\"} == 1").size(), 1);
    QCOMPARE(send(world, "DELETE", "/metrics/job/batch", "").status, 202);
    QVERIFY(QTest::qWaitFor([&] { return result("done").size() == 1; }, 15000));
}

void TestPushApi::answersEqualTheOriginals()
{
    const QString program = test::peer("prometheus-pushgateway");
    if (program.isEmpty()) {
        QSKIP("prometheus-pushgateway is not there: packaging/test unpacks it");
    }
    const int port = test::freePort();
    test::Program gateway;
    QVERIFY(gateway.start(program, {QString("--web.listen-address=127.0.0.1:%1").arg(port),
                                    "--web.enable-admin-api", "--log.level=error"}));
    test::Requests theirs(port);
    QVERIFY(QTest::qWaitFor([&] { return theirs.get("/-/ready").status == 200; }, 15000));
    struct Step
    {
        const char* method;
        const char* path;
        const char* body;
    };
    const Step steps[] = {
        {"PUT", "/metrics/job/a", "x 1\n"},
        {"POST", "/metrics/job/a", "# HELP z Z.\n# TYPE z counter\nz{k=\"1\"} 3\n"},
        {"POST", "/metrics/job/a", "z{k=\"2\"} 3\n"},
        {"PUT", "/metrics/job/b/instance/i",
         "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\n"
         "s_count 3\n"},
        {"PUT", "/metrics/job/b", "# TYPE z gauge\nz 1\n"},
        {"PUT", "/metrics/job/c/path@base64/L3Zhcg/e@base64/=", "x{instance=\"q\",job=\"w\"} 1\n"},
        {"PUT", "/metrics/job/d", "x 1"},
        {"PUT", "/metrics/job/d", "x 1 1\n"},
        {"PUT", "/metrics/job/e/k", "x 1\n"},
        {"PUT", "/metrics/job/f",
         "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} "
         "3\nh_sum 4.5\nh_count 3\n"},
        {"PUT", "/metrics/job/g", "x{k=\"1\"} 1\nx{k=\"1\"} 2\n"},
        {"PUT", "/metrics/job/a", ""},
        {"DELETE", "/metrics/job/f", ""},
        {"DELETE", "/metrics/job/none", ""},
        {"PUT", "/metrics/job/i", "# TYPE u untyped\nu NaN\n# TYPE v gauge\nv +Inf\n"},
    };
    for (const Step& step : steps) {
        const auto original = theirs.get(step.path, step.method, step.body);
        const net::ServerResponse ours = send(*world_, step.method, step.path, step.body);
        QVERIFY2(original.status == ours.status, qPrintable(QString("%1 %2: %3, not %4")
                                                                .arg(step.method, step.path)
                                                                .arg(ours.status)
                                                                .arg(original.status)));
    }
    // The pages, without the gateway's own metrics and the times.
    const auto lines = [](const QString& page) {
        QStringList result;
        for (const QString& line : page.split('\n')) {
            if (line.contains("job=\"") && !line.startsWith("push_")) {
                result += line;
            }
        }
        result.sort();
        return result;
    };
    QCOMPARE(lines(QString::fromStdString(pageOf(*world_))),
             lines(QString::fromUtf8(theirs.get("/metrics").body)));
}

QTEST_GUILESS_MAIN(TestPushApi)
#include "tst_push_api.moc"
