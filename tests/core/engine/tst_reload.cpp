// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reloads of the configuration: all or nothing, and nothing more than what changed.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/exposition/text_writer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::ScriptedServer;

namespace {

/// An engine over a folder with a configuration, and a target that answers.
class World
{
public:
    World()
    {
        target_.answerWith("GET /metrics", {.contentType = "text/plain",
                                            .body = "# TYPE a counter\n# HELP a Some.\na 1\n"});
        options.dataDirectory = folder.path() / "data";
        options.configFile = folder.path() / "prometheus.yml";
    }
    void start(const QString& config)
    {
        write("prometheus.yml", config);
        engine = std::make_unique<engine::Engine>(
            options, engine::Engine::Environment{
                         .loop = loop_, .pool = pool_, .timers = timers_, .log = log_});
        const absl::Status status = engine->start();
        QVERIFY2(status.ok(), status.ToString().c_str());
        QTRY_VERIFY_WITH_TIMEOUT(engine->ready(), 15000);
    }
    void write(const std::string& name, QString text) const
    {
        text.replace("TARGET", QString::fromStdString(target_.address()));
        QVERIFY(base::writeFileAtomically(folder.path() / name, text.toStdString()).ok());
    }
    [[nodiscard]] scrape::TargetStatus target(std::string_view job) const
    {
        for (const auto& each : engine->scraping().status().active) {
            if (each.target->job == job) {
                return each;
            }
        }
        return {};
    }
    bool scrapeOnce(std::string_view job) const
    {
        const std::size_t before = target(job).history.size();
        base::ignore(engine->scraping().scrapeNow(target(job).id, [] {}), "waited for");
        return QTest::qWaitFor([&] { return target(job).history.size() > before; }, 5000);
    }
    [[nodiscard]] QString problem() const
    {
        for (const engine::Problem& each : engine->status().problems) {
            if (each.source == "configuration") {
                return QString::fromStdString(each.message);
            }
        }
        return {};
    }

    base::TemporaryDirectory folder;
    engine::EngineOptions options;

private:
    ScriptedServer target_;
    base::LogSetup log_ = base::LogSetup::create("error").value();
    net::IoLoop loop_;
    base::WorkerPool pool_{2};
    base::SystemTimers timers_;

public:
    std::unique_ptr<engine::Engine> engine; // dies before what it runs on
};

QString job(const QString& name, const QString& more = {})
{
    return "- job_name: " + name + "\n  scrape_interval: 1h\n" + more +
           "  static_configs: [{targets: [TARGET]}]\n";
}

} // namespace

class TestReload : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aBrokenFileChangesNothing_data();
    void aBrokenFileChangesNothing();
    void onlyJobsThatChangedStartAnew();
    void reloadsByItselfWhenAFileChanges();
    void aPasswordFileMayComeBack();
    void discoveryThatFailsIsAProblem();
    void countsWhatItDoesByJobAndInterval();
    void saysWhatChanged();
};

void TestReload::aBrokenFileChangesNothing_data()
{
    QTest::addColumn<QString>("config");
    QTest::addColumn<QString>("message");
    QTest::newRow("syntax") << "scrape_configs: ["
                            << "prometheus.yml:";
    QTest::newRow("unknown key") << "scrape_configs:\n- {job_name: x, target: y}"
                                 << "field target not found";
    QTest::newRow("rule file") << "rule_files: [bad.rules]\n"
                               << "bad.rules";
    QTest::newRow("certificate") << "scrape_configs:\n" +
                                        job("x", "  tls_config: {ca_file: nowhere.pem}\n")
                                 << "scrape config \"x\": unable to read CA cert";
    QTest::newRow("extra file") << "scrape_config_files: [extra.yml]\n"
                                << "extra.yml:1:1: field jobs not found";
}

void TestReload::aBrokenFileChangesNothing()
{
    QFETCH(QString, config);
    QFETCH(QString, message);
    World world;
    world.write("bad.rules", "groups: [{name: g, rules: [{record: 'x', expr: 'sum('}]}]\n");
    world.write("extra.yml", "jobs: []\n");
    world.start("scrape_configs:\n" + job("a"));
    QVERIFY(world.scrapeOnce("a"));
    const auto before = world.target("a");
    const std::string printed = world.engine->configuration()->toYaml();
    world.write("prometheus.yml", config);
    const absl::Status status = world.engine->reload();
    QVERIFY(!status.ok());
    const auto text = QString::fromStdString(std::string(base::messageOf(status)));
    QVERIFY2(text.contains(message), qPrintable(text));
    QVERIFY(!world.engine->lastReloadSucceeded());
    QVERIFY2(world.problem().contains(message), qPrintable(world.problem()));
    QCOMPARE(world.target("a").history.size(), before.history.size());
    QVERIFY(world.target("a").lastScrape == before.lastScrape);
    QCOMPARE(world.engine->configuration()->toYaml(), printed);
}

void TestReload::onlyJobsThatChangedStartAnew()
{
    World world;
    world.start("scrape_configs:\n" + job("a") + job("b"));
    QVERIFY(world.scrapeOnce("a") && world.scrapeOnce("b"));
    world.write("prometheus.yml",
                "scrape_configs:\n" + job("a") + job("b", "  honor_labels: true\n") + job("c"));
    QVERIFY(world.engine->reload().ok());
    QCOMPARE(world.target("a").history.size(), std::size_t{1});
    QCOMPARE(world.target("b").history.size(), std::size_t{0});
    QCOMPARE(world.target("c").history.size(), std::size_t{0});
    QVERIFY(world.scrapeOnce("c"));
}

void TestReload::reloadsByItselfWhenAFileChanges()
{
    World world;
    world.options.autoReload = 50_ms;
    world.write("extra.yml", "scrape_configs:\n" + job("x"));
    world.start("scrape_config_files: [extra.yml]\nscrape_configs:\n" + job("a"));
    QVERIFY(world.target("x").target != nullptr);
    world.write("prometheus.yml", "broken: [");
    QTRY_VERIFY_WITH_TIMEOUT(!world.problem().isEmpty(), 5000);
    QVERIFY(world.target("a").target != nullptr);
    world.write("prometheus.yml", "scrape_config_files: [extra.yml]\nscrape_configs:\n" + job("b"));
    QTRY_VERIFY_WITH_TIMEOUT(world.target("b").target != nullptr, 5000);
    QTRY_VERIFY_WITH_TIMEOUT(world.problem().isEmpty(), 5000);
    world.write("extra.yml", "scrape_configs:\n" + job("y"));
    QTRY_VERIFY_WITH_TIMEOUT(world.target("y").target != nullptr, 5000);
}

void TestReload::aPasswordFileMayComeBack()
{
    World world;
    world.write("password", "one\n");
    world.start("scrape_configs:\n" +
                job("a", "  basic_auth: {username: u, password_file: password}\n"));
    QVERIFY(world.scrapeOnce("a"));
    QCOMPARE(int(world.target("a").health), int(scrape::Health::Up));
    std::filesystem::remove(world.folder.path() / "password");
    QVERIFY(world.scrapeOnce("a"));
    QCOMPARE(int(world.target("a").health), int(scrape::Health::Down));
    QVERIFY2(world.target("a").lastError.find("unable to read basic auth password") !=
                 std::string::npos,
             world.target("a").lastError.c_str());
    QVERIFY(world.engine->lastReloadSucceeded());
    world.write("password", "two\n");
    QVERIFY(world.scrapeOnce("a"));
    QCOMPARE(int(world.target("a").health), int(scrape::Health::Up));
}

void TestReload::discoveryThatFailsIsAProblem()
{
    ScriptedServer server;
    const net::ServerResponse good{.contentType = "application/json",
                                   .body = "[{\"targets\":[\"127.0.0.1:1\"]}]"};
    server.sequence("GET /sd", {good, {.status = 503}, good});
    World world;
    world.options.discoveryReloadInterval = 50_ms;
    world.start(QString("scrape_configs:\n- job_name: web\n  scrape_interval: 1h\n"
                        "  http_sd_configs: [{url: '%1/sd', refresh_interval: 500ms}]\n")
                    .arg(QString::fromStdString(server.url())));
    const auto problem = [&world] {
        for (const engine::Problem& each : world.engine->status().problems) {
            if (each.source == "discovery") {
                return QString::fromStdString(each.message);
            }
        }
        return QString();
    };
    QTRY_VERIFY_WITH_TIMEOUT(world.target("web").target != nullptr, 5000);
    QTRY_VERIFY_WITH_TIMEOUT(problem().contains("http of web: server returned HTTP status 503"),
                             5000);
    QVERIFY(world.target("web").target != nullptr);
    QTRY_VERIFY_WITH_TIMEOUT(problem().isEmpty(), 5000);
}

void TestReload::countsWhatItDoesByJobAndInterval()
{
    World world;
    world.start("scrape_configs:\n- {job_name: a, scrape_interval: 50ms, scrape_timeout: 50ms, "
                "extra_scrape_metrics: true, static_configs: [{targets: ['TARGET']}]}\n"
                "- {job_name: b, scrape_interval: 1h, static_configs: [{targets: ['TARGET']}]}\n");
    const auto metrics = [&] {
        std::string text;
        exposition::TextWriter out(text);
        world.engine->scraping().writeMetrics(out);
        return QString::fromStdString(text);
    };
    QTRY_VERIFY(metrics().contains(
        "prometheus_target_interval_length_histogram_seconds_count{interval=\"50ms\"}"));
    QTRY_VERIFY(
        metrics().contains("prometheus_target_metadata_cache_entries{scrape_job=\"a\"} 1\n"));
    QVERIFY(metrics().contains("prometheus_target_metadata_cache_bytes{scrape_job=\"a\"} 13\n"));
    QVERIFY(
        metrics().contains("prometheus_target_scrape_pool_symboltable_items{scrape_job=\"b\"}"));
    QVERIFY(
        metrics().contains("prometheus_target_sync_length_histogram_seconds_count{scrape_job="));
    QVERIFY(metrics().contains("prometheus_target_scrape_duration_seconds_count "));
    QVERIFY(!metrics().contains("reload_length_seconds"));
    world.write("prometheus.yml", "scrape_configs:\n- {job_name: a, scrape_interval: 60ms, "
                                  "scrape_timeout: 50ms, static_configs: [{targets: ['TARGET']}]}");
    QVERIFY(world.engine->reload().ok());
    QVERIFY(
        metrics().contains("prometheus_target_reload_length_seconds_count{interval=\"60ms\"} 1"));
    QVERIFY(!metrics().contains("scrape_job=\"b\""));
}

void TestReload::saysWhatChanged()
{
    const auto config = [](const std::string& text) {
        return config::parse("/x/prometheus.yml", text).value();
    };
    const auto before = config("scrape_configs: [{job_name: a}, {job_name: b}]");
    const auto after = config("global: {scrape_interval: 5s}\n"
                              "scrape_configs: [{job_name: b, scheme: https}, {job_name: c}]\n"
                              "storage: {tsdb: {out_of_order_time_window: 1h}}");
    QCOMPARE(
        (config::describeChanges(before, after)),
        (std::vector<std::string>{"global changed", "storage changed", "scrape job \"b\" changed",
                                  "scrape job \"c\" added", "scrape job \"a\" removed"}));
    QVERIFY(config::describeChanges(after, after).empty());
}

QTEST_GUILESS_MAIN(TestReload)
#include "tst_reload.moc"
