// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/streaming_server.h"
#include "support/watch_run.h"

#include <QtTest>

#include <atomic>

using namespace narthex;
using namespace narthex::tests;

namespace {

/// Answers blocking queries as Consul does: at once when its index is newer, else when something
/// changes, or with the same index when the test says that the time is over.
class Consul
{
public:
    Consul()
        : server_([this](const StreamingServer::Request& request, StreamingServer::Answer& answer) {
              serve(request, answer);
          })
    {}
    ~Consul()
    {
        stopping_ = true;
        server_.stop();
    }
    [[nodiscard]] std::string address() const
    {
        return "127.0.0.1:" + std::to_string(server_.port());
    }
    void set(const std::string& path, const std::string& body)
    {
        const absl::MutexLock lock(&mutex_);
        answers_[path] = {body, ++index_, 200};
    }
    void fail(const std::string& path, int status)
    {
        const absl::MutexLock lock(&mutex_);
        answers_[path] = {"", ++index_, status};
    }
    /// Open questions are answered with what they know.
    void timeOver() { ++rounds_; }
    [[nodiscard]] std::vector<StreamingServer::Request> asked(const std::string& path) const
    {
        const absl::MutexLock lock(&mutex_);
        std::vector<StreamingServer::Request> result;
        for (const auto& request : requests_) {
            if (request.path == path) {
                result.push_back(request);
            }
        }
        return result;
    }

private:
    struct Stored
    {
        std::string body;
        std::uint64_t index = 0;
        int status = 404;
    };

    void serve(const StreamingServer::Request& request, StreamingServer::Answer& answer)
    {
        const int round = rounds_;
        std::uint64_t known = 0;
        if (const auto index = request.query.find("index"); index != request.query.end()) {
            known = std::stoull(index->second);
        }
        {
            const absl::MutexLock lock(&mutex_);
            requests_.push_back(request);
        }
        while (!stopping_ && !answer.isGone()) {
            Stored stored;
            {
                const absl::MutexLock lock(&mutex_);
                stored = answers_[request.path];
            }
            if (stored.index > known || rounds_ != round || stored.index == 0) {
                answer.whole(stored.status, stored.body,
                             "X-Consul-Index: " + std::to_string(stored.index) + "\r\n");
                return;
            }
            usleep(1000);
        }
    }

    mutable absl::Mutex mutex_;
    std::map<std::string, Stored> answers_ ABSL_GUARDED_BY(mutex_);
    std::vector<StreamingServer::Request> requests_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t index_ ABSL_GUARDED_BY(mutex_) = 10;
    std::atomic<int> rounds_ = 0;
    std::atomic<bool> stopping_ = false;
    StreamingServer server_;
};

constexpr const char* kCatalog = "/v1/catalog/services";
constexpr const char* kA = "/v1/health/service/a";

std::string node(const std::string& address, const std::string& checks = "[]")
{
    return "{\"Node\":{\"Node\":\"n1\",\"Address\":\"10.0.0.1\",\"Meta\":{\"rack-id\":\"r1\"},"
           "\"TaggedAddresses\":{\"lan\":\"10.0.0.1\",\"wan\":\"1.2.3.4\"}},\"Service\":{\"ID\":"
           "\"a-1\",\"Address\":\"" +
           address +
           "\",\"Port\":8080,\"Tags\":[\"x\",\"y\"],\"Meta\":{\"ver\":\"2\"},\"Namespace\":"
           "\"ns1\",\"Partition\":\"p1\"},\"Checks\":" +
           checks + "}";
}

std::string self() { return "{\"Config\":{\"Datacenter\":\"dc9\"}}"; }

} // namespace

class TestConsulDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        consul_ = std::make_unique<Consul>();
        world_ = std::make_unique<DiscoveryWorld>();
        consul_->set("/v1/agent/self", self());
    }
    void judgesConfigs_data();
    void judgesConfigs();
    void labelsServicesOfTheCatalog();
    void asksWithAllItsParameters();
    void namedServicesNeedNoCatalog();
    void namedServicesWithTagsNeedIt();
    void sendsNothingForTheSameIndex();
    void followsChanges();
    void emptiesServicesThatAreGone();
    void sendsAnEmptyGroupForAnEmptyCatalog();
    void tellsTheWorstHealth_data();
    void tellsTheWorstHealth();
    void keepsTargetsOnFailures();
    void beginsAnewWhenTheIndexGoesBack();
    void stopsWhileQuestionsAreOpen();
    void stopsWhileTheServerIsDown();

private:
    std::unique_ptr<WatchRun> run(const std::string& yaml = "")
    {
        return std::make_unique<WatchRun>(*world_, "consul",
                                          "server: '" + consul_->address() +
                                              "'\nrefresh_interval: 1ms\n" + yaml);
    }
    std::unique_ptr<Consul> consul_;
    std::unique_ptr<DiscoveryWorld> world_;
};

void TestConsulDiscovery::judgesConfigs_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* yaml, const char* message) {
        QTest::newRow(name) << yaml << message;
    };
    row("empty", "{}", "");
    row("no server", "server: ' '", "consul SD configuration requires a server address");
    row("two logins", "{username: a, basic_auth: {username: b}}",
        "at most one of consul SD configuration username and password and basic auth can be "
        "configured");
    row("token and bearer", "{token: a, authorization: {credentials: b}}",
        "at most one of consul SD token, authorization, or oauth2 can be configured");
    row("token and basic auth", "{token: a, basic_auth: {username: b}}", "");
}

void TestConsulDiscovery::judgesConfigs()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("consul", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestConsulDiscovery::labelsServicesOfTheCatalog()
{
    consul_->set(kCatalog, "{\"a\":[\"x\"],\"b c\":[]}");
    consul_->set(kA, "[" + node("10.1.1.1") + "," + node("") + "]");
    consul_->set("/v1/health/service/b c",
                 "[{\"Node\":{\"Node\":\"n\",\"Address\":\"fd00::1\"},\"Service\":{\"Port\":1}}]");
    const auto watch = run();
    QVERIFY(watch->untilEntries("a", 2));
    QVERIFY(watch->untilEntries("b c", 1));
    const std::map<std::string, std::string> expected = {
        {"__address__", "10.1.1.1:8080"},
        {"__meta_consul_address", "10.0.0.1"},
        {"__meta_consul_node", "n1"},
        {"__meta_consul_tags", ",x,y,"},
        {"__meta_consul_service", "a"},
        {"__meta_consul_health", "passing"},
        {"__meta_consul_service_address", "10.1.1.1"},
        {"__meta_consul_service_port", "8080"},
        {"__meta_consul_service_id", "a-1"},
        {"__meta_consul_dc", "dc9"},
        {"__meta_consul_namespace", "ns1"},
        {"__meta_consul_partition", "p1"},
        {"__meta_consul_metadata_rack_id", "r1"},
        {"__meta_consul_service_metadata_ver", "2"},
        {"__meta_consul_tagged_address_lan", "10.0.0.1"},
        {"__meta_consul_tagged_address_wan", "1.2.3.4"}};
    QCOMPARE(labelsOf(watch->group("a")), expected);
    QCOMPARE(labelsOf(watch->group("a"), 1)["__address__"], std::string("10.0.0.1:8080"));
    auto bare = labelsOf(watch->group("b c"));
    QCOMPARE(bare["__address__"], std::string("[fd00::1]:1"));
    QCOMPARE(bare["__meta_consul_tags"], std::string(",,"));
    QVERIFY(!bare.contains("__meta_consul_service_address"));
}

void TestConsulDiscovery::asksWithAllItsParameters()
{
    consul_->set("/pre" + std::string(kCatalog), "{\"a\":[\"x\",\"y\"],\"other\":[\"x\"]}");
    consul_->set("/pre" + std::string(kA), "[" + node("h") + "]");
    const auto watch = run("path_prefix: /pre\ntoken: secret\ndatacenter: d1\nnamespace: n\n"
                           "partition: p\ntags: [x, y]\nnode_meta: {k: v}\nfilter: F\n"
                           "health_filter: H\ntag_separator: ';'\nusername: u\npassword: w\n");
    QVERIFY(watch->untilEntries("a", 1));
    QCOMPARE(labelsOf(watch->group("a"))["__meta_consul_tags"], std::string(";x;y;"));
    QCOMPARE(labelsOf(watch->group("a"))["__meta_consul_dc"], std::string("d1"));
    QVERIFY(consul_->asked("/v1/agent/self").empty());
    const std::map<std::string, std::string> common = {{"dc", "d1"},         {"ns", "n"},
                                                       {"partition", "p"},   {"stale", ""},
                                                       {"wait", "120000ms"}, {"node-meta", "k:v"}};
    auto catalog = common;
    catalog["filter"] = "F";
    const auto first = consul_->asked("/pre" + std::string(kCatalog)).at(0);
    QCOMPARE(first.query, catalog);
    QCOMPARE(first.headers.at("x-consul-token"), std::string("secret"));
    QCOMPARE(first.headers.at("authorization"), std::string("Basic dTp3"));
    auto health = common;
    health["filter"] = "H";
    health["tag"] = "y"; // the last of two
    QCOMPARE(consul_->asked("/pre" + std::string(kA)).at(0).query, health);
    QVERIFY(consul_->asked("/pre/v1/health/service/other").empty());
}

void TestConsulDiscovery::namedServicesNeedNoCatalog()
{
    consul_->set(kA, "[" + node("h") + "]");
    const auto watch = run("services: [a]\n");
    QVERIFY(watch->untilEntries("a", 1));
    QVERIFY(consul_->asked(kCatalog).empty());
}

void TestConsulDiscovery::namedServicesWithTagsNeedIt()
{
    consul_->set(kCatalog, "{\"a\":[\"x\"],\"b\":[\"x\",\"y\"],\"c\":[\"x\",\"y\"]}");
    consul_->set("/v1/health/service/b", "[" + node("h") + "]");
    const auto watch = run("services: [a, b]\ntags: [x, y]\n");
    QVERIFY(watch->untilEntries("b", 1));
    QVERIFY(consul_->asked(kA).empty());
    QVERIFY(consul_->asked("/v1/health/service/c").empty());
}

void TestConsulDiscovery::sendsNothingForTheSameIndex()
{
    consul_->set(kA, "[" + node("h") + "]");
    const auto watch = run("services: [a]\n");
    QVERIFY(watch->untilEntries("a", 1));
    QTRY_COMPARE(consul_->asked(kA).size(), std::size_t{2});
    const auto first = consul_->asked(kA)[0].query;
    QVERIFY(!first.contains("index"));
    const std::string index = consul_->asked(kA)[1].query.at("index");
    consul_->timeOver();
    QTRY_COMPARE(consul_->asked(kA).size(), std::size_t{3});
    QCOMPARE(consul_->asked(kA)[2].query.at("index"), index);
    QCOMPARE(watch->sends(), std::size_t{1});
}

void TestConsulDiscovery::followsChanges()
{
    consul_->set(kA, "[" + node("h") + "]");
    const auto watch = run("services: [a]\n");
    QVERIFY(watch->untilEntries("a", 1));
    consul_->set(kA, "[" + node("h") + "," + node("g") + "]");
    QVERIFY(watch->untilEntries("a", 2));
    consul_->set(kA, "[]");
    QVERIFY(watch->untilEntries("a", 0));
}

void TestConsulDiscovery::emptiesServicesThatAreGone()
{
    consul_->set(kCatalog, "{\"a\":[],\"b\":[]}");
    consul_->set(kA, "[" + node("h") + "]");
    consul_->set("/v1/health/service/b", "[" + node("h") + "]");
    const auto watch = run();
    QVERIFY(watch->untilEntries("a", 1));
    QVERIFY(watch->untilEntries("b", 1));
    consul_->set(kCatalog, "{\"b\":[]}");
    QVERIFY(watch->untilEntries("a", 0));
    QVERIFY(!watch->state().contains(""));
    // What the health of a service says that is gone is not heard any more.
    consul_->set(kA, "[" + node("late") + "]");
    consul_->set("/v1/health/service/b", "[]");
    QVERIFY(watch->untilEntries("b", 0));
    QCOMPARE(watch->group("a").entries.size(), std::size_t{0});
    consul_->set(kCatalog, "{\"a\":[]}");
    QVERIFY(watch->untilEntries("a", 1));
}

void TestConsulDiscovery::sendsAnEmptyGroupForAnEmptyCatalog()
{
    consul_->set(kCatalog, "{}");
    const auto watch = run();
    QVERIFY(watch->untilEntries("", 0));
}

void TestConsulDiscovery::tellsTheWorstHealth_data()
{
    QTest::addColumn<QString>("checks");
    QTest::addColumn<QString>("health");
    const auto check = [](const char* status, const char* id = "c") {
        return QString("{\"CheckID\":\"%1\",\"Status\":\"%2\"}").arg(id, status);
    };
    QTest::newRow("none") << "[]"
                          << "passing";
    QTest::newRow("null") << "null"
                          << "passing";
    QTest::newRow("passing") << "[" + check("passing") + "]"
                             << "passing";
    QTest::newRow("warning") << "[" + check("warning") + "," + check("passing") + "]"
                             << "warning";
    QTest::newRow("critical") << "[" + check("warning") + "," + check("critical") + "]"
                              << "critical";
    QTest::newRow("maintenance of the node")
        << "[" + check("critical", "_node_maintenance") + "," + check("critical") + "]"
        << "maintenance";
    QTest::newRow("maintenance of the service")
        << "[" + check("critical", "_service_maintenance:a-1") + "]"
        << "maintenance";
}

void TestConsulDiscovery::tellsTheWorstHealth()
{
    QFETCH(QString, checks);
    QFETCH(QString, health);
    consul_->set(kA, "[" + node("h", checks.toStdString()) + "]");
    const auto watch = run("services: [a]\n");
    QVERIFY(watch->untilEntries("a", 1));
    QCOMPARE(QString::fromStdString(labelsOf(watch->group("a"))["__meta_consul_health"]), health);
}

void TestConsulDiscovery::keepsTargetsOnFailures()
{
    consul_->set(kA, "[" + node("h") + "]");
    consul_->set("/v1/health/service/b", "[" + node("h") + "]");
    const auto watch = run("services: [a, b]\n");
    QVERIFY(watch->untilEntries("a", 1));
    QVERIFY(watch->untilEntries("b", 1));
    consul_->fail(kA, 500);
    QTRY_COMPARE(world_->metrics.value("prometheus_sd_consul_rpc_failures_total"), 1.0);
    consul_->set("/v1/health/service/b", "no JSON");
    QTRY_COMPARE(world_->metrics.value("prometheus_sd_consul_rpc_failures_total"), 2.0);
    QCOMPARE(watch->group("a").entries.size(), std::size_t{1});
    QCOMPARE(watch->group("b").entries.size(), std::size_t{1});
    QTRY_COMPARE(watch->failing().size(), std::size_t{2});
    const std::string why = watch->failing().at(kA);
    QVERIFY2(why.find("500") != std::string::npos, why.c_str());
}

void TestConsulDiscovery::beginsAnewWhenTheIndexGoesBack()
{
    ScriptedServer server;
    const auto answer = [](const char* index) {
        return net::ServerResponse{.contentType = "application/json",
                                   .body = "[]",
                                   .headers = {{"X-Consul-Index", index}}};
    };
    server.sequence("GET /v1/health/service/a", {answer("50"), answer("7"), answer("8")});
    WatchRun watch(*world_, "consul",
                   "{services: [a], datacenter: d, refresh_interval: 1ms, server: '" +
                       server.address() + "'}");
    QTRY_VERIFY(server.count("GET /v1/health/service/a") >= 4);
    watch.end();
    const auto requests = server.requests();
    QVERIFY(!requests[0].parameter("index"));
    QCOMPARE(*requests[1].parameter("index"), std::string_view("50"));
    QVERIFY(!requests[2].parameter("index"));
    QCOMPARE(*requests[3].parameter("index"), std::string_view("8"));
}

void TestConsulDiscovery::stopsWhileQuestionsAreOpen()
{
    consul_->set(kCatalog, "{\"a\":[]}");
    consul_->set(kA, "[]");
    const auto watch = run();
    QVERIFY(watch->untilEntries("a", 0));
    QVERIFY(watch->end() < 2);
}

void TestConsulDiscovery::stopsWhileTheServerIsDown()
{
    WatchRun watch(*world_, "consul", "server: '127.0.0.1:1'");
    QTRY_COMPARE(world_->metrics.value("prometheus_sd_consul_rpc_failures_total"), 1.0);
    QVERIFY(watch.end() < 2);
}

QTEST_GUILESS_MAIN(TestConsulDiscovery)
#include "tst_consul_discovery.moc"
