// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that know Prometheus, at the door of `narthexctl serve`: what Grafana's data source
// asks (recorded requests of Grafana 11, with a password and gzip), and Python's client library,
// which pushes.
#include "core/base/file.h"
#include "support/http_ask.h"
#include "support/process.h"

#include <QtTest>

using namespace narthex;
using test::Program;

namespace {

/// What one panel, editor or settings page of Grafana asks.
struct Recorded
{
    const char* name;
    const char* method;
    const char* path;
    /// Of the form, with %start and %end for times.
    const char* form;
    /// Of the answer's "data", as JSON.
    const char* part;
};

constexpr Recorded kRecorded[] = {
    {"settings: test", "POST", "/api/v1/query", "query=1%2B1&time=%end", "\"scalar\""},
    {"settings: kind of server", "GET", "/api/v1/status/buildinfo", "", "\"version\":\"3."},
    {"settings: features", "GET", "/api/v1/features", "", "\"promql_functions\":"},
    {"explore: metrics", "GET", "/api/v1/label/__name__/values?start=%start&end=%end", "",
     "\"up\""},
    {"explore: metrics that match", "GET",
     "/api/v1/label/__name__/values?start=%start&end=%end&match[]=%7Bjob%3D%22self%22%7D", "",
     "\"up\""},
    {"explore: names of labels", "POST", "/api/v1/labels", "start=%start&end=%end&match[]=up",
     "[\"__name__\",\"instance\",\"job\"]"},
    {"explore: names of labels by GET", "GET",
     "/api/v1/labels?start=%start&end=%end&match%5B%5D=up", "", "\"instance\""},
    {"variable: values", "GET", "/api/v1/label/job/values?match[]=up&start=%start&end=%end", "",
     "[\"self\"]"},
    {"variable: series", "POST", "/api/v1/series", "match[]=up&start=%start&end=%end",
     "\"__name__\":\"up\""},
    {"editor: metadata", "GET", "/api/v1/metadata?limit=40000", "", "\"prometheus_ready\":"},
    {"editor: format", "POST", "/api/v1/format_query", "query=sum%28up%29by%28job%29",
     "\"sum by (job) (up)\""},
    {"editor: parse", "POST", "/api/v1/parse_query", "query=rate%28up%5B5m%5D%29", "\"call\""},
    {"panel: range", "POST", "/api/v1/query_range",
     "query=up%7Bjob%3D%22self%22%7D&start=%start&end=%end&step=1", "\"resultType\":\"matrix\""},
    {"panel: range with decimals", "POST", "/api/v1/query_range",
     "query=up&start=%start.123&end=%end.456&step=0.5", "\"resultType\":\"matrix\""},
    {"panel: instant", "POST", "/api/v1/query", "query=up&time=%end.25",
     "\"resultType\":\"vector\""},
    {"panel: exemplars", "POST", "/api/v1/query_exemplars", "query=up&start=%start&end=%end",
     "\"data\":[]"},
    {"alerting: rules", "GET", "/api/v1/rules", "", "\"groups\":[{\"name\":\"g\""},
    {"alerting: alerts", "GET", "/api/v1/alerts", "", "\"alertname\":\"Always\""},
    {"alerting: state of the Alertmanager", "GET", "/api/v2/status", "", "\"versionInfo\""},
    {"alerting: alerts of the Alertmanager", "GET",
     "/api/v2/alerts?silenced=true&inhibited=true&active=true", "", ""},
    {"alerting: groups", "GET", "/api/v2/alerts/groups", "", ""},
    {"alerting: silences", "GET", "/api/v2/silences", "", "[]"},
    {"old dashboards: targets", "GET", "/api/v1/targets?state=active", "", "\"health\":\"up\""},
};

constexpr const char kPush[] =
    "import sys\n"
    "from prometheus_client import CollectorRegistry, Gauge, Counter, Histogram, Summary\n"
    "from prometheus_client import push_to_gateway, pushadd_to_gateway, delete_from_gateway\n"
    "url = sys.argv[1]\n"
    "registry = CollectorRegistry()\n"
    "Gauge('job_last_success_unixtime', 'Last time.', registry=registry).set(42)\n"
    "Counter('job_rows', 'Rows.', ['table'], registry=registry).labels('a\"b\\\\c').inc(3)\n"
    "Histogram('job_seconds', 'Time.', buckets=(1, 5), registry=registry).observe(2)\n"
    "Summary('job_size', 'Size.', registry=registry).observe(7)\n"
    "push_to_gateway(url, job='batch', registry=registry)\n"
    "push_to_gateway(url, job='batch', grouping_key={'path': '/var/tmp', 'empty': ''}, "
    "registry=registry)\n"
    "more = CollectorRegistry()\n"
    "Gauge('job_more', 'More.', registry=more).set(1)\n"
    "pushadd_to_gateway(url, job='batch', registry=more)\n"
    "push_to_gateway(url, job='gone', registry=more)\n"
    "delete_from_gateway(url, job='gone')\n";

} // namespace

class TestClients : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void grafana_data();
    void grafana();
    void aWrongPasswordIsRefused();
    void pythonPushes();

private:
    net::HttpResponse ask(const Recorded& recorded, const std::string& password);

    base::TemporaryDirectory folder_;
    int port_ = 0;
    Program server_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Grafana/11.4.0"};
};

void TestClients::initTestCase()
{
    port_ = test::freePort();
    const QString port = QString::number(port_);
    const auto write = [&](const char* name, const QString& text) {
        QVERIFY(base::writeFileAtomically(folder_.path() / name, text.toStdString()).ok());
    };
    write("rules.yml",
          "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: 'vector(1)'}]}]\n");
    write(
        "prometheus.yml",
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\nrule_files: [rules.yml]\n"
        "scrape_configs:\n- job_name: self\n  basic_auth: {username: grafana, password: narthex}\n"
        "  static_configs: [{targets: ['127.0.0.1:" +
            port + "']}]\n");
    const QString folder = QString::fromStdString(folder_.path().string());
    // The hash is made here, so that the test shows how.
    QProcess hash;
    hash.start("python3", {"-c", "import crypt; print(crypt.crypt('narthex', crypt.mksalt(crypt."
                                 "METHOD_BLOWFISH, rounds=16)))"});
    QVERIFY(hash.waitForFinished(10000));
    write("web.yml", "basic_auth_users: {grafana: '" +
                         QString::fromUtf8(hash.readAllStandardOutput()).trimmed() + "'}\n");
    QVERIFY(server_.start(test::ownProgram("narthexctl"),
                          {"serve", "--config.file=" + folder + "/prometheus.yml",
                           "--storage.tsdb.path=" + folder + "/data",
                           "--web.config.file=" + folder + "/web.yml",
                           "--web.listen-address=127.0.0.1:" + port}));
    const Recorded up{"", "POST", "/api/v1/query", "query=ALERTS and on() up == 1", ""};
    QVERIFY2(
        QTest::qWaitFor([&] { return ask(up, "narthex").body.find("Always") != std::string::npos; },
                        30000),
        qPrintable(server_.output()));
}

net::HttpResponse TestClients::ask(const Recorded& recorded, const std::string& password)
{
    const qint64 now = QDateTime::currentSecsSinceEpoch();
    const auto filled = [now](const char* text) {
        return QString(text)
            .replace("%start", QString::number(now - 3600))
            .replace("%end", QString::number(now))
            .toStdString();
    };
    net::HttpClientConfig config;
    config.basicAuth = net::BasicAuth{.username = "grafana", .password = base::Secret(password)};
    net::HttpRequest request{.method = recorded.method,
                             .url = "http://127.0.0.1:" + std::to_string(port_) +
                                    filled(recorded.path),
                             .headers = {{"Accept-Encoding", "gzip"}},
                             .body = filled(recorded.form)};
    if (!request.body.empty()) {
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    }
    const auto answer = tests::ask(client_, std::move(request), config);
    return answer.ok() ? *answer : net::HttpResponse{};
}

void TestClients::grafana_data()
{
    QTest::addColumn<int>("index");
    for (std::size_t i = 0; i < std::size(kRecorded); ++i) {
        QTest::newRow(kRecorded[i].name) << static_cast<int>(i);
    }
}

void TestClients::grafana()
{
    QFETCH(int, index);
    const Recorded& recorded = kRecorded[index];
    const net::HttpResponse response = ask(recorded, "narthex");
    QVERIFY2(response.status == 200, response.body.c_str());
    QVERIFY2(response.body.find(recorded.part) != std::string::npos, response.body.c_str());
    QVERIFY(response.header("Content-Type").starts_with("application/json"));
}

void TestClients::aWrongPasswordIsRefused() { QCOMPARE(ask(kRecorded[0], "wrong").status, 401); }

void TestClients::pythonPushes()
{
    const QString library = NARTHEX_PEERS_DIR "/usr/lib/python3/dist-packages";
    if (!QFileInfo::exists(library + "/prometheus_client")) {
        QSKIP("python3-prometheus-client is not there: packaging/test unpacks it");
    }
    const int port = test::freePort();
    const QString folder = QString::fromStdString(folder_.path().string());
    QVERIFY(base::writeFileAtomically(folder_.path() / "push.py", kPush).ok());
    QVERIFY(base::writeFileAtomically(folder_.path() / "empty.yml", "").ok());
    Program server;
    QVERIFY(server.start(test::ownProgram("narthexctl"),
                         {"serve", "--config.file=" + folder + "/empty.yml",
                          "--storage.tsdb.path=" + folder + "/pushed",
                          "--web.listen-address=127.0.0.1:" + QString::number(port)}));
    test::Requests requests(port);
    QVERIFY2(requests.waitReady(), qPrintable(server.output()));
    QProcess python;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("PYTHONPATH", library);
    python.setProcessEnvironment(environment);
    python.setProcessChannelMode(QProcess::MergedChannels);
    python.start("python3", {folder + "/push.py", "127.0.0.1:" + QString::number(port)});
    QVERIFY(python.waitForFinished(30000));
    QVERIFY2(python.exitCode() == 0, python.readAll().constData());
    const QByteArray page = requests.get("/push/metrics").body;
    for (const char* line :
         {"job_last_success_unixtime{instance=\"\",job=\"batch\"} 42\n",
          "job_last_success_unixtime{empty=\"\",instance=\"\",job=\"batch\",path=\"/var/tmp\"} "
          "42\n",
          "job_rows_total{instance=\"\",job=\"batch\",table=\"a\\\"b\\\\c\"} 3\n",
          "job_seconds_bucket{instance=\"\",job=\"batch\",le=\"5\"} 1\n",
          "job_size_sum{instance=\"\",job=\"batch\"} 7\n",
          "job_more{instance=\"\",job=\"batch\"} 1\n"}) {
        QVERIFY2(page.contains(line), page.constData());
    }
    QVERIFY(!page.contains("job=\"gone\""));
}

QTEST_GUILESS_MAIN(TestClients)
#include "tst_clients.moc"
