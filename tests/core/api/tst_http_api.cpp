// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API answers to the letter: values, times, limits, errors. The numbers in names are those
// of the cases in the specification.
#include "support/api_world.h"

#include <QtTest>

using namespace narthex;
using test::ApiWorld;

namespace {

/// "GET /path?a=1&b=2" as a call.
net::ServerResponse ask(const ApiWorld& world, const QByteArray& request)
{
    const QList<QByteArray> words = request.split(' ');
    const qsizetype question = words.at(1).indexOf('?');
    const std::string path =
        "/api/v1" + (question < 0 ? words.at(1) : words.at(1).left(question)).toStdString();
    net::Parameters parameters = question < 0
                                     ? net::Parameters{}
                                     : net::parseQuery(words.at(1).mid(question + 1).toStdString());
    return world.call(words.at(0).toStdString(), path, std::move(parameters));
}

/// Five series of requests_total; `path` has what HTML would escape.
void fill(const ApiWorld& world)
{
    const auto appender = world.engine->store().value()->appender();
    for (int i = 0; i < 5; ++i) {
        const auto ref = *appender->seriesFor(
            {{"__name__", "m"}, {"a.b", "v"}, {"i", std::to_string(i)}, {"path", "<a&b>"}});
        appender->append(ref, {test::kStart}, i);
    }
    base::ignore(appender->commit(), "the test looks at what is there");
}

} // namespace

class TestHttpApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void answers_data();
    void answers();
    void refuses_data();
    void refuses();
    void methodsAndPaths_data();
    void methodsAndPaths();
    void theBodyComesBeforeTheUrl();
    void describesItself();
    void listsFeaturesAndFlags();
    void givesItsMetricsInEveryFormat();

private:
    std::unique_ptr<ApiWorld> world_;
};

void TestHttpApi::initTestCase()
{
    world_ = std::make_unique<ApiWorld>(
        api::ApiOptions{.enableAdmin = false, .flags = {{"web.page-title", "<title>"}}});
    QVERIFY(world_->isReady());
    fill(*world_);
}

void TestHttpApi::answers_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char* name, const QByteArray& request, const QByteArray& part) {
        QTest::newRow(name) << request << part;
    };
    row("1 scalar", "GET /query?query=1&time=5",
        "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[5,\"1\"]}}");
    row("1 string", "GET /query?query=%22a%22&time=5",
        "\"resultType\":\"string\",\"result\":[5,\"a\"]");
    row("2 large", "GET /query?query=vector(1e21)", "\"1e+21\"");
    row("2 large scalar", "GET /query?query=1e21", "\"1000000000000000000000\"");
    row("2 small", "GET /query?query=vector(0.0000001)", "\"1e-07\"");
    row("2 not so small", "GET /query?query=vector(0.000001)", "\"0.000001\"");
    row("3 NaN", "GET /query?query=vector(NaN)", "\"NaN\"");
    row("3 infinity", "GET /query?query=vector(1/0)", "\"+Inf\"");
    row("3 minus infinity", "GET /query?query=vector(-1/0)", "\"-Inf\"");
    row("4 rounded", "GET /query?query=vector(1)&time=1700000000.1234", "[1700000000.123,");
    row("4 three decimals", "GET /query?query=vector(1)&time=1700000000.5", "[1700000000.500,");
    row("4 whole", "GET /query?query=vector(1)&time=1700000000", "[1700000000,");
    row("5 zone", "GET /query?query=vector(1)&time=2023-11-14T22:13:20%2B01:00", "[1699996400,");
    row("before 1970", "GET /query?query=vector(1)&time=-0.001", "[-0.001,");
    row("8 duration", "GET /query_range?query=1&start=0&end=120&step=1m",
        "\"values\":[[0,\"1\"],[60,\"1\"],[120,\"1\"]]");
    row("8 seconds", "GET /query_range?query=1&start=0&end=120&step=60",
        "\"values\":[[0,\"1\"],[60,\"1\"],[120,\"1\"]]");
    row("10 limit", "GET /query?query=m&limit=2&time=1699999200",
        "\"warnings\":[\"results truncated due to limit\"]");
    row("10 limit of series", "GET /series?match[]=m&limit=2",
        "\"warnings\":[\"results truncated due to limit\"]");
    row("10 limit of values", "GET /label/i/values?limit=2",
        "\"data\":[\"0\",\"1\"],\"warnings\":[\"results truncated due to limit\"]");
    row("12 nothing there", "GET /label/none/values", "\"data\":[]}");
    row("13 escaped name", "GET /label/U__a_2e_b/values", "\"data\":[\"v\"]}");
    row("14 no metadata", "GET /metadata?limit=0", "\"data\":{}}");
    row("15 labels as they are", "GET /query?query=m&time=1699999200", "\"path\":\"<a&b>\"");
    row("15 values of labels are texts", "GET /label/path/values",
        "\"data\":[\"\\u003ca\\u0026b\\u003e\"]");
    row("15 texts are escaped", "GET /query?query=%22%3Ca%26b%3E%22",
        "\"\\u003ca\\u0026b\\u003e\"");
    row("27 nothing dropped", "GET /targets?state=active",
        "\"droppedTargets\":[],\"droppedTargetCounts\":null");
    row("29 dropped only", "GET /targets?state=dropped", "\"activeTargets\":[]");
    row("29 unknown state", "GET /targets?state=x",
        "\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":null");
    row("31 no exemplars", "GET /query_exemplars?query=m", "\"data\":[]}");
    row("32 formatted", "GET /format_query?query=sum%20by(job)(rate(x[5m]))%3E0",
        "\"data\":\"sum by (job) (rate(x[5m])) \\u003e 0\"");
    row("33 no steps", "GET /query?query=m&stats=all&time=1699999200",
        "\"totalQueryableSamples\":");
    row("pools", "GET /scrape_pools", "\"data\":{\"scrapePools\":[]}}");
    row("target metadata", "GET /targets/metadata", "\"data\":[]}");
    row("flags", "GET /status/flags", "\"web.page-title\":\"\\u003ctitle\\u003e\"");
    row("notices", "GET /notifications", "\"data\":[]}");
    row("self metrics", "GET /status/self_metrics?metric_name_pattern=prometheus_ready",
        "\"data\":[{\"name\":\"prometheus_ready\",");
}

void TestHttpApi::answers()
{
    QFETCH(QByteArray, request);
    QFETCH(QByteArray, part);
    const net::ServerResponse response = ask(*world_, request);
    QVERIFY2(response.status == 200, response.body.c_str());
    QCOMPARE(response.contentType, std::string("application/json"));
    QVERIFY2(response.body.find(part.toStdString()) != std::string::npos, response.body.c_str());
}

void TestHttpApi::refuses_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("type");
    QTest::addColumn<QByteArray>("text");
    const auto row = [](const char* name, const QByteArray& request, const char* text,
                        int status = 400, const char* type = "bad_data") {
        QTest::newRow(name) << request << status << QByteArray(type) << QByteArray(text);
    };
    row("5 time", "GET /query?query=1&time=abc",
        "invalid parameter \"time\": cannot parse \"abc\" to a valid timestamp");
    row("time without an end", "GET /query?query=1&time=1e300", "invalid parameter \"time\": ");
    row("time that is no number", "GET /query?query=1&time=NaN", "invalid parameter \"time\": ");
    row("6 no query", "GET /query?query=", "parse error: no expression found in input");
    row("7 too many points", "GET /query_range?query=1&start=0&end=11001&step=1",
        "exceeded maximum resolution of 11,000 points per timeseries");
    row("8 no step", "GET /query_range?query=1&start=0&end=1&step=0",
        "zero or negative query resolution step widths are not accepted");
    row("8 step backwards", "GET /query_range?query=1&start=0&end=1&step=-1",
        "zero or negative query resolution step widths are not accepted");
    row("8 endless step", "GET /query_range?query=1&start=0&end=1&step=1e30",
        "cannot parse \"1e30\" to a valid duration. It overflows int64");
    row("9 end before start", "GET /query_range?query=1&start=2&end=1&step=1",
        "invalid parameter \"end\": end timestamp must not be before start time");
    row("10 negative limit", "GET /query?query=1&limit=-1", "limit must be non-negative");
    row("11 no selector", "GET /series", "no match[] parameter provided");
    row("11 everything", "GET /series?match[]={__name__=~%22.*%22}",
        "match[] must contain at least one non-empty matcher");
    row("14 limit of metadata", "GET /metadata?limit=x", "limit must be a number");
    row("14 limit of a family", "GET /metadata?limit_per_metric=x",
        "limit_per_metric must be a number");
    row("15 errors are escaped", "GET /query?query=%3C", "\\u003c");
    row("19 limit of nothing", "GET /status/tsdb?limit=0", "limit must be a positive number");
    row("19 limit beyond", "GET /status/tsdb?limit=10001", "limit must not exceed 10000");
    row("20 admin is off", "POST /admin/tsdb/delete_series?match[]=m", "admin APIs disabled", 500,
        "unavailable");
    row("18 too many samples", "GET /query?query=count(m)&timeout=x",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration");
    row("28 type", "GET /rules?type=foo",
        "invalid parameter \"type\": not supported value \"foo\"");
    row("page without its length", "GET /rules?group_next_token=x", "group_limit");
    row("drawing a text", "GET /query_range?query=%22a%22&start=0&end=1&step=1",
        "invalid expression type");
    row("pool is not named", "GET /scrape_pools/config", "no scrapePool parameter provided");
    row("pool is not there", "GET /scrape_pools/config?scrapePool=x",
        "error retrieving scrape config: scrape pool \"x\" not found");
    row("metrics pattern", "GET /status/self_metrics?metric_name_pattern=(",
        "invalid metric_name_pattern: ");
    row("metadata's target", "GET /targets/metadata?match_target={",
        "invalid parameter \"match_target\": ");
    row("openapi", "GET /openapi.yaml?openapi_version=2", "openapi_version");
    row("search is off", "GET /search/metric_names", "search API disabled", 500, "unavailable");
}

void TestHttpApi::refuses()
{
    QFETCH(QByteArray, request);
    QFETCH(int, status);
    QFETCH(QByteArray, type);
    QFETCH(QByteArray, text);
    const net::ServerResponse response = ask(*world_, request);
    QCOMPARE(response.status, status);
    const QByteArray body = QByteArray::fromStdString(response.body);
    QVERIFY2(body.startsWith("{\"status\":\"error\",\"errorType\":\"" + type + "\",\"error\":\""),
             body.constData());
    QByteArray escaped = text;
    if (!escaped.contains("\\u")) {
        escaped.replace('"', "\\\"");
    }
    QVERIFY2(body.contains(escaped), body.constData());
}

void TestHttpApi::methodsAndPaths_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<int>("status");
    QTest::newRow("38 unknown path") << QByteArray("GET /nothing") << 404;
    QTest::newRow("38 wrong method") << QByteArray("DELETE /query") << 405;
    QTest::newRow("20 delete by GET") << QByteArray("GET /admin/tsdb/delete_series") << 405;
    QTest::newRow("31 no selector") << QByteArray("GET /query_exemplars?query=1") << 204;
    QTest::newRow("options") << QByteArray("OPTIONS /query") << 204;
    QTest::newRow("7 all points") << QByteArray("GET /query_range?query=1&start=0&end=11000&step=1")
                                  << 200;
}

void TestHttpApi::methodsAndPaths()
{
    QFETCH(QByteArray, request);
    QFETCH(int, status);
    const net::ServerResponse response = ask(*world_, request);
    QCOMPARE(response.status, status);
    if (status == 204) {
        QVERIFY(response.body.empty());
    }
}

void TestHttpApi::theBodyComesBeforeTheUrl()
{
    // Case 34: the server puts the body's parameters first.
    const net::ServerResponse response =
        world_->call("POST", "/api/v1/query", {{"query", "2"}, {"query", "1"}, {"time", "5"}});
    QVERIFY(response.body.find("[5,\"2\"]") != std::string::npos);
}

void TestHttpApi::describesItself()
{
    const net::ServerResponse page = ask(*world_, "GET /openapi.yaml?openapi_version=3.2");
    QCOMPARE(page.contentType, std::string("application/yaml; charset=utf-8"));
    QVERIFY(page.body.starts_with("openapi: 3.2.0\n"));
    // Every path of the API is described, and is there.
    const QByteArray body = QByteArray::fromStdString(page.body);
    const auto lines = body.split('\n');
    int paths = 0;
    for (const QByteArray& line : lines) {
        if (line.startsWith("  /") && line.endsWith(":")) {
            const QByteArray path = line.mid(2, line.size() - 3);
            const bool received = path == "/write" || path == "/read" || path.startsWith("/otlp");
            const net::ServerResponse response =
                ask(*world_, "DELETE " + QByteArray(path).replace("{name}", "x"));
            QVERIFY2(response.status == 405 || received, path.constData());
            ++paths;
        }
    }
    QVERIFY(paths > 35);
}

void TestHttpApi::listsFeaturesAndFlags()
{
    const QJsonObject features = world_->data("/api/v1/features").toObject();
    for (const char* category :
         {"api", "prometheus", "promql", "promql_functions", "promql_operators", "rules", "scrape",
          "service_discovery_providers", "templating_functions", "tsdb", "ui"}) {
        QVERIFY2(features.contains(category), category);
    }
    QCOMPARE(features["api"].toObject()["admin"].toBool(true), false);
    QVERIFY(features["promql_functions"].toObject()["rate"].toBool());
    QVERIFY(!features["promql_functions"].toObject()["sort_by_label"].toBool());
    QVERIFY(features["service_discovery_providers"].toObject()["kubernetes"].toBool());
    QVERIFY(features["templating_functions"].toObject()["humanize"].toBool());
    QVERIFY(features["promql_operators"].toObject()["unless"].toBool());
}

void TestHttpApi::givesItsMetricsInEveryFormat()
{
    net::ServerRequest request;
    request.method = "GET";
    request.path = "/metrics";
    request.headers = {{"Accept", "application/openmetrics-text;version=1.0.0"}};
    std::atomic<bool> done = false;
    net::ServerResponse response;
    world_->api->handle(std::move(request), [&](net::ServerResponse answer) {
        response = std::move(answer);
        done = true;
    });
    QVERIFY(QTest::qWaitFor([&] { return done.load(); }));
    QCOMPARE(response.contentType,
             std::string("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    QVERIFY(response.body.ends_with("# EOF\n"));
    QVERIFY(response.body.find("# TYPE prometheus_ready gauge\nprometheus_ready 1.0\n") !=
            std::string::npos);
}

QTEST_GUILESS_MAIN(TestHttpApi)
#include "tst_http_api.moc"
