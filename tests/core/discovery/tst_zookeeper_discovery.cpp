// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/zookeeper_tree.h"
#include "support/relay.h"
#include "support/watch_run.h"
#include "support/zookeeper_server.h"

#include <QTcpSocket>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;
using namespace narthex::base::literals;

namespace {

std::string member(const std::string& host)
{
    return "{\"serviceEndpoint\":{\"host\":\"" + host +
           "\",\"port\":8080},\"additionalEndpoints\":{\"http-admin\":{\"host\":\"adm\",\"port\":"
           "81}},\"status\":\"ALIVE\",\"shard\":7}";
}

constexpr std::string_view kFailures = "prometheus_treecache_zookeeper_failures_total";

/// Trees with a short time between resyncs, on a thread of their own.
class TreesRun
{
public:
    TreesRun(DiscoveryWorld& world, const std::string& server, const std::string& path)
        : session_({server}, 2_s),
          trees_(
              world.environment(), session_, {path},
              [this](const std::string& node, const std::optional<std::string>& data) {
                  const absl::MutexLock lock(&mutex_);
                  if (data) {
                      nodes_[node] = *data;
                  } else {
                      nodes_.erase(node);
                  }
                  ++told_;
              },
              [] {}, 200_ms),
          thread_([this](const std::stop_token& stop) { trees_.run(stop); })
    {}
    std::map<std::string, std::string> nodes() const
    {
        const absl::MutexLock lock(&mutex_);
        return nodes_;
    }
    int told() const
    {
        const absl::MutexLock lock(&mutex_);
        return told_;
    }

private:
    mutable absl::Mutex mutex_;
    std::map<std::string, std::string> nodes_ ABSL_GUARDED_BY(mutex_);
    int told_ ABSL_GUARDED_BY(mutex_) = 0;
    discovery::ZooKeeperSession session_;
    discovery::ZooKeeperTrees trees_;
    std::jthread thread_;
};

} // namespace

class TestZooKeeperDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void judgesConfigs_data();
    void judgesConfigs();
    void labelsMembersOfServersets();
    void labelsMembersOfNerve();
    void refusesWhatIsNoMember_data();
    void refusesWhatIsNoMember();
    void followsDataAndTree();
    void followsSeveralPaths();
    void waitsForAMissingRoot();
    void keepsTargetsWhileTheServerIsAway();
    void readsAllAnewWhenTheSessionExpired();
    void stopsWhenNoServerAnswers();

private:
    std::unique_ptr<WatchRun> run(const std::string& mechanism, const std::string& path)
    {
        return std::make_unique<WatchRun>(*world_, mechanism,
                                          "{servers: ['" + server_->address() + "'], paths: ['" +
                                              path + "']}");
    }
    std::unique_ptr<ZooKeeperServer> server_;
    std::unique_ptr<ZooKeeperWriter> writer_;
    std::unique_ptr<DiscoveryWorld> world_;
};

#define NEEDS_SERVER()                                                                             \
    do {                                                                                           \
        if (!server_) {                                                                            \
            QSKIP("ZooKeeper is not among the peers (packaging/test gets it)");                    \
        }                                                                                          \
    } while (false)

void TestZooKeeperDiscovery::initTestCase()
{
    if (ZooKeeperServer::java().isEmpty()) {
        return; // the tests that need it say so
    }
    server_ = std::make_unique<ZooKeeperServer>();
    QVERIFY2(server_->start(), qPrintable(server_->output()));
    writer_ = std::make_unique<ZooKeeperWriter>(server_->address());
}

void TestZooKeeperDiscovery::init() { world_ = std::make_unique<DiscoveryWorld>(); }

void TestZooKeeperDiscovery::judgesConfigs_data()
{
    QTest::addColumn<QString>("mechanism");
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    for (const char* mechanism : {"serverset", "nerve"}) {
        const auto row = [&](const char* name, const char* yaml, const QString& message) {
            QTest::addRow("%s %s", mechanism, name)
                << mechanism << yaml << (message.isEmpty() ? message : mechanism + message);
        };
        row("fine", "{servers: [a], paths: [/x, /y]}", "");
        row("no servers", "paths: [/x]", " SD config must contain at least one Zookeeper server");
        row("no paths", "servers: [a]", " SD config must contain at least one path");
        row("relative", "{servers: [a], paths: [x]}", " SD config paths must begin with '/': x");
    }
}

void TestZooKeeperDiscovery::judgesConfigs()
{
    QFETCH(QString, mechanism);
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error = QString::fromStdString(
        DiscoveryWorld::readError(mechanism.toStdString(), yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestZooKeeperDiscovery::labelsMembersOfServersets()
{
    NEEDS_SERVER();
    writer_->create("/set");
    writer_->create("/set/member_1", member("h1"));
    const auto watch = run("serverset", "/set");
    QVERIFY(watch->untilEntries("/set/member_1", 1));
    QVERIFY(watch->group("/set").entries.empty());
    const std::map<std::string, std::string> expected = {
        {"__address__", "h1:8080"},
        {"__meta_serverset_path", "/set/member_1"},
        {"__meta_serverset_endpoint_host", "h1"},
        {"__meta_serverset_endpoint_port", "8080"},
        {"__meta_serverset_endpoint_host_http_admin", "adm"},
        {"__meta_serverset_endpoint_port_http_admin", "81"},
        {"__meta_serverset_status", "ALIVE"},
        {"__meta_serverset_shard", "7"}};
    QCOMPARE(labelsOf(watch->group("/set/member_1")), expected);
}

void TestZooKeeperDiscovery::labelsMembersOfNerve()
{
    NEEDS_SERVER();
    writer_->create("/nerve");
    writer_->create("/nerve/a", "{\"host\":\"fd00::1\",\"port\":9,\"name\":\"n1\"}");
    const auto watch = run("nerve", "/nerve");
    QVERIFY(watch->untilEntries("/nerve/a", 1));
    const std::map<std::string, std::string> expected = {{"__address__", "[fd00::1]:9"},
                                                         {"__meta_nerve_path", "/nerve/a"},
                                                         {"__meta_nerve_endpoint_host", "fd00::1"},
                                                         {"__meta_nerve_endpoint_port", "9"},
                                                         {"__meta_nerve_endpoint_name", "n1"}};
    QCOMPARE(labelsOf(watch->group("/nerve/a")), expected);
}

void TestZooKeeperDiscovery::refusesWhatIsNoMember_data()
{
    QTest::addColumn<QString>("data");
    QTest::newRow("broken") << "{";
    QTest::newRow("list") << "[]";
    QTest::newRow("text as port") << "{\"serviceEndpoint\":{\"host\":\"h\",\"port\":\"80\"}}";
    QTest::newRow("number as host") << "{\"serviceEndpoint\":{\"host\":1,\"port\":80}}";
    QTest::newRow("number as status") << "{\"status\":5}";
    QTest::newRow("list of endpoints") << "{\"additionalEndpoints\":[1]}";
    QTest::newRow("bad endpoint") << "{\"additionalEndpoints\":{\"a\":5}}";
}

void TestZooKeeperDiscovery::refusesWhatIsNoMember()
{
    NEEDS_SERVER();
    QFETCH(QString, data);
    static int number = 0;
    const std::string root = "/bad" + std::to_string(++number);
    writer_->create(root);
    writer_->create(root + "/m", member("h1"));
    const auto watch = run("serverset", root);
    QVERIFY(watch->untilEntries(root + "/m", 1));
    writer_->set(root + "/m", data.toStdString());
    QVERIFY(watch->untilEntries(root + "/m", 0));
    writer_->set(root + "/m", member("h2"));
    QVERIFY(watch->untilEntries(root + "/m", 1));
}

void TestZooKeeperDiscovery::followsDataAndTree()
{
    NEEDS_SERVER();
    writer_->create("/tree", member("root"));
    const auto watch = run("serverset", "/tree");
    QVERIFY(watch->untilEntries("/tree", 1));
    writer_->create("/tree/a", member("a"));
    QVERIFY(watch->untilEntries("/tree/a", 1));
    writer_->create("/tree/a/deep", member("d"));
    QVERIFY(watch->untilEntries("/tree/a/deep", 1));
    writer_->set("/tree/a/deep", member("d2"));
    QVERIFY(watch->until([](const WatchRun::State& state) {
        const auto& group = state.at("/tree/a/deep");
        return !group.entries.empty() && labelsOf(group)["__address__"] == "d2:8080";
    }));
    writer_->remove("/tree/a/deep");
    QVERIFY(watch->untilEntries("/tree/a/deep", 0));
    writer_->create("/tree/a/deep", member("d3")); // the same name again
    QVERIFY(watch->untilEntries("/tree/a/deep", 1));
    for (int i = 0; i < 3; ++i) { // faster than it can follow
        writer_->remove("/tree/a/deep");
        writer_->create("/tree/a/deep", member("e" + std::to_string(i)));
    }
    QVERIFY(watch->until([](const WatchRun::State& state) {
        const auto& group = state.at("/tree/a/deep");
        return !group.entries.empty() && labelsOf(group)["__address__"] == "e2:8080";
    }));
    writer_->remove("/tree/a/deep");
    writer_->remove("/tree/a");
    QVERIFY(watch->untilEntries("/tree/a", 0));
    QVERIFY(watch->untilEntries("/tree/a/deep", 0));
    QCOMPARE(watch->group("/tree").entries.size(), std::size_t{1});
    QCOMPARE(world_->metrics.value(kFailures), 0.0);
}

void TestZooKeeperDiscovery::followsSeveralPaths()
{
    NEEDS_SERVER();
    writer_->create("/one");
    writer_->create("/onemore", member("m"));
    writer_->create("/two", member("two"));
    WatchRun watch(*world_, "serverset",
                   "{servers: ['" + server_->address() + "'], paths: [/one, /two]}");
    QVERIFY(watch.untilEntries("/two", 1));
    writer_->create("/one/x", member("x"));
    QVERIFY(watch.untilEntries("/one/x", 1));
    QVERIFY(!watch.state().contains("/onemore"));
}

void TestZooKeeperDiscovery::waitsForAMissingRoot()
{
    NEEDS_SERVER();
    TreesRun run(*world_, server_->address(), "/late");
    QTRY_VERIFY(world_->metrics.value(kFailures) >= 2);
    writer_->create("/late", "x");
    QTRY_COMPARE(run.nodes().size(), std::size_t{1});
    // Gone again: the last state stands, for that is a failure.
    const double failures = world_->metrics.value(kFailures);
    writer_->remove("/late");
    QTRY_VERIFY(world_->metrics.value(kFailures) > failures);
    QCOMPARE(run.nodes().size(), std::size_t{1});
    writer_->create("/late", "y");
    QTRY_COMPARE(run.nodes()["/late"], std::string("y"));
}

void TestZooKeeperDiscovery::keepsTargetsWhileTheServerIsAway()
{
    NEEDS_SERVER();
    writer_->create("/away", "r");
    writer_->create("/away/a", "1");
    TreesRun run(*world_, server_->address(), "/away");
    QTRY_COMPARE(run.nodes().size(), std::size_t{2});
    server_->stop();
    QTest::qWait(300);
    QCOMPARE(run.nodes().size(), std::size_t{2});
    QVERIFY(server_->start());
    writer_->set("/away/a", "2");
    QTRY_COMPARE_WITH_TIMEOUT(run.nodes()["/away/a"], std::string("2"), 20000);
}

void TestZooKeeperDiscovery::readsAllAnewWhenTheSessionExpired()
{
    NEEDS_SERVER();
    writer_->create("/exp", "r");
    writer_->create("/exp/gone", "1");
    writer_->create("/exp/same", "2");
    Relay relay(server_->port());
    TreesRun run(*world_, relay.address(), "/exp");
    QTRY_COMPARE(run.nodes().size(), std::size_t{3});
    const int told = run.told();
    relay.setOpen(false);
    QTest::qWait(3500); // the server gives the session 2 s
    writer_->remove("/exp/gone");
    writer_->set("/exp/same", "3");
    QCOMPARE(run.told(), told);
    QCOMPARE(world_->metrics.value(kFailures), 0.0);
    relay.setOpen(true);
    QTRY_COMPARE_WITH_TIMEOUT(run.nodes().size(), std::size_t{2}, 20000);
    QTRY_COMPARE(run.nodes()["/exp/same"], std::string("3"));
    QCOMPARE(run.told(), told + 2); // differences only
    QVERIFY(world_->metrics.value(kFailures) >= 1);
    writer_->create("/exp/new", "4"); // and it is followed again
    QTRY_COMPARE(run.nodes()["/exp/new"], std::string("4"));
}

void TestZooKeeperDiscovery::stopsWhenNoServerAnswers()
{
    WatchRun watch(*world_, "nerve", "{servers: ['127.0.0.1:1'], paths: [/x]}");
    QTRY_VERIFY_WITH_TIMEOUT(world_->metrics.value(kFailures) >= 1, 15000);
    QVERIFY(watch.end() < 5);
}

QTEST_GUILESS_MAIN(TestZooKeeperDiscovery)
#include "tst_zookeeper_discovery.moc"
