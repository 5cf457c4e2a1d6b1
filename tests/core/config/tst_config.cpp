// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/config.h"

#include <QtTest>

#include <filesystem>

using namespace narthex;

class TestConfig : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void fillsInDefaultsAndInheritedValues();
    void refusesMistakesAndNamesTheirPlace_data();
    void refusesMistakesAndNamesTheirPlace();
    void warnsOfSectionsWithoutEffect();
    void expandsTheEnvironmentInExternalLabelsOnly();
    void resolvesPathsAgainstTheFile();
    void choosesFormatsOfPages();
    void readsTheStorageSection();
};

void TestConfig::fillsInDefaultsAndInheritedValues()
{
    const auto config = config::parse("/etc/p/prometheus.yml",
                                      "global:\n  scrape_interval: 5s\n  sample_limit: 100\n"
                                      "scrape_configs:\n- job_name: a\n  static_configs:\n"
                                      "  - targets: ['h:1', 'h:2']\n    labels: {env: prod}\n"
                                      "- job_name: b\n  scrape_interval: 1m\n  scheme: https\n");
    QVERIFY2(config.ok(), std::string(base::messageOf(config.status())).c_str());
    QCOMPARE(config->jobs.size(), std::size_t{2});
    const scrape::JobConfig& a = *config->jobs[0];
    QCOMPARE(a.interval.ms(), 5000);
    QVERIFY2(a.timeout.ms() == 5000, "the default timeout is never above the interval");
    QCOMPARE(a.sampleLimit, std::uint64_t{100});
    QCOMPARE(a.discovery.staticGroups[0].entries.size(), std::size_t{2});
    QCOMPARE(std::string(a.discovery.staticGroups[0].labels.get("env")), std::string("prod"));
    QCOMPARE(config->jobs[1]->timeout.ms(), 5000);
    QVERIFY(config::parse("x.yml", "").ok());
    QVERIFY(config::parse("x.yml", "global:\n").ok());
}

void TestConfig::refusesMistakesAndNamesTheirPlace_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("error");
    QTest::newRow("unknown key") << "global:\n  scrape_intervall: 5s\n"
                                 << "c.yml:2:3: field scrape_intervall not found in type "
                                    "global; did you mean scrape_interval?";
    QTest::newRow("unknown section") << "scrape_config: []\n"
                                     << "c.yml:1:1: field scrape_config not found in type "
                                        "config.Config; did you mean scrape_configs?";
    QTest::newRow("bad duration") << "global:\n  scrape_interval: 15\n"
                                  << "c.yml:2:20: not a valid duration string: \"15\"";
    QTest::newRow("chunk encoding in capitals")
        << "storage: {tsdb: {chunk_encoding: {floats: XOR2}}}\n"
        << "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be "
           "omitted entirely, got \"XOR2\"";
    QTest::newRow("negative retention size")
        << "storage: {tsdb: {retention: {size: -1GB}}}\n"
        << "'storage.tsdb.retention.size' must be greater than or equal to 0, got -1GB";
    QTest::newRow("retention of more than all")
        << "storage: {tsdb: {retention: {percentage: 101}}}\n"
        << "'storage.tsdb.retention.percentage' must be in the range [0, 100], got 101";
    QTest::newRow("share of stale series above one")
        << "storage: {tsdb: {stale_series_compaction_threshold: 2}}\n"
        << "must be in the range [0, 1], got 2";
    QTest::newRow("duplicate job")
        << "scrape_configs:\n- job_name: a\n- job_name: a\n"
        << "c.yml:3:3: found multiple scrape configs with job name \"a\"";
    QTest::newRow("no name") << "scrape_configs:\n- scheme: http\n"
                             << "c.yml:2:3: job_name is empty";
    QTest::newRow("timeout above interval")
        << "scrape_configs:\n- job_name: a\n  scrape_interval: 1s\n  scrape_timeout: 2s\n"
        << "scrape timeout greater than scrape interval for scrape config with job name \"a\"";
    QTest::newRow("url as target")
        << "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['http://h']\n"
        << "c.yml:4:15: \"http://h\" is not a valid hostname";
    QTest::newRow("null job") << "scrape_configs:\n-\n"
                              << "empty or null scrape config section";
    QTest::newRow("wrong type") << "scrape_configs:\n- job_name: a\n  honor_labels: maybe\n"
                                << "c.yml:3:17: cannot unmarshal !!str `maybe` into bool";
    QTest::newRow("two ways to authenticate")
        << "scrape_configs:\n- job_name: a\n  bearer_token: x\n  basic_auth: {username: u}\n"
        << "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
    QTest::newRow("syntax") << "global: [\n"
                            << "c.yml:2:1: yaml:";
    QTest::newRow("unknown protocol")
        << "scrape_configs:\n- job_name: a\n  scrape_protocols: [Telepathy]\n"
        << "unknown scrape protocol Telepathy, supported:";
    QTest::newRow("unknown escaping")
        << "global: {metric_name_escaping_scheme: magic}\n"
        << "unknown global name escaping method specified, must be one of 'allow-utf-8', "
           "'underscores', 'dots', or 'values', got \"magic\"";
    QTest::newRow("utf-8 names of a legacy job")
        << "scrape_configs:\n- job_name: a\n  metric_name_validation_scheme: legacy\n"
           "  metric_name_escaping_scheme: allow-utf-8\n"
        << "utf8 metric names requested but validation scheme is not set to UTF8";
}

void TestConfig::refusesMistakesAndNamesTheirPlace()
{
    QFETCH(QString, yaml);
    QFETCH(QString, error);
    const auto config = config::parse("c.yml", yaml.toStdString());
    QVERIFY(!config.ok());
    const std::string message(base::messageOf(config.status()));
    QVERIFY2(message.find(error.toStdString()) != std::string::npos, message.c_str());
    QVERIFY(message.starts_with("parsing YAML file c.yml: "));
    QVERIFY(base::positionOf(config.status())->line.has_value());
}

void TestConfig::warnsOfSectionsWithoutEffect()
{
    const auto config =
        config::parse("c.yml", "remote_write:\n- url: http://h/write\ntracing:\n  endpoint: h:1\n");
    QVERIFY(config.ok());
    QCOMPARE(config->warnings.size(), std::size_t{1});
    QCOMPARE(config->warnings[0], std::string("c.yml:4:3: the section tracing has no effect yet"));
}

void TestConfig::expandsTheEnvironmentInExternalLabelsOnly()
{
    qputenv("NARTHEX_TEST_REGION", "eu");
    const auto config = config::parse(
        "c.yml", "global:\n  external_labels: {a: '$NARTHEX_TEST_REGION-${NARTHEX_TEST_REGION}$$', "
                 "b: '${NARTHEX_TEST_UNSET}'}\n"
                 "scrape_configs:\n- job_name: '$NARTHEX_TEST_REGION'\n");
    QVERIFY(config.ok());
    QCOMPARE(config->global.externalLabels.at("a"), std::string("eu-eu$"));
    QCOMPARE(config->global.externalLabels.at("b"), std::string());
    QCOMPARE(config->jobs[0]->jobName, std::string("$NARTHEX_TEST_REGION"));
    QCOMPARE(config->externalLabelsText(), std::string("{a=\"eu-eu$\", b=\"\"}"));
    QCOMPARE(config->warnings.size(), std::size_t{1});
}

void TestConfig::resolvesPathsAgainstTheFile()
{
    const auto config = config::parse(
        "/etc/p/c.yml", "scrape_configs:\n- job_name: a\n  tls_config: {ca_file: ca.pem}\n"
                        "  authorization: {credentials_file: /abs/token}\n");
    QVERIFY(config.ok());
    QCOMPARE(config->jobs[0]->http.tls.caFile, std::string("/etc/p/ca.pem"));
    QCOMPARE(config->jobs[0]->http.authorization->credentialsFile, std::string("/abs/token"));
}

void TestConfig::choosesFormatsOfPages()
{
    const auto config = config::parse(
        "c.yml", "global:\n  scrape_protocols: [PrometheusText0.0.4]\n"
                 "  scrape_native_histograms: true\n  metric_name_escaping_scheme: dots\n"
                 "scrape_configs:\n- job_name: inherits\n"
                 "- job_name: own\n  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]\n"
                 "  scrape_native_histograms: false\n  always_scrape_classic_histograms: true\n"
                 "  metric_name_escaping_scheme: values\n"
                 "- job_name: legacy\n  metric_name_validation_scheme: legacy\n");
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const auto& inherits = *config->jobs[0];
    QCOMPARE(inherits.scrapeProtocols, std::vector<std::string>{"PrometheusText0.0.4"});
    QVERIFY(inherits.scrapeNativeHistograms && !inherits.alwaysScrapeClassicHistograms);
    QCOMPARE(inherits.escapingScheme, "dots");
    const auto& own = *config->jobs[1];
    QCOMPARE(own.scrapeProtocols,
             (std::vector<std::string>{"PrometheusProto", "OpenMetricsText1.0.0"}));
    QVERIFY(!own.scrapeNativeHistograms && own.alwaysScrapeClassicHistograms);
    QCOMPARE(own.escapingScheme, "values");
    QCOMPARE(config->jobs[2]->escapingScheme, "underscores");
    QVERIFY(config->warnings.empty());
}

void TestConfig::readsTheStorageSection()
{
    const auto parsed = [](const std::string& text) {
        const auto config = config::parse("c.yml", text);
        return config.ok() ? config->storage : config::StorageConfig{.staleSeriesThreshold = -1};
    };
    const config::StorageConfig nothing = parsed("storage:\n");
    QVERIFY(!nothing.retention && !nothing.maxExemplars && !nothing.useXor2);
    // Only what the section says counts: no time, so for ever.
    const config::StorageConfig size = parsed("storage: {tsdb: {retention: {size: 1GB}}}");
    QCOMPARE(size.retention->time.ms(), 0);
    QCOMPARE(size.retention->bytes, std::uint64_t{1} << 30U);
    QCOMPARE(parsed("storage: {exemplars: {}}").maxExemplars.value_or(7), std::uint32_t{0});
    const config::StorageConfig all =
        parsed("storage:\n  tsdb:\n    out_of_order_time_window: 30m\n"
               "    stale_series_compaction_threshold: 0.25\n    chunk_encoding: {floats: xor2}\n"
               "    retention: {time: 30d, percentage: 80}\n  exemplars: {max_exemplars: 5}\n");
    QCOMPARE(all.outOfOrderWindow.ms(), 30 * 60'000);
    QCOMPARE(all.staleSeriesThreshold, 0.25);
    QVERIFY(all.useXor2.value_or(false));
    QCOMPARE(all.retention->time.ms(), 30LL * 24 * 3'600'000);
    QCOMPARE(all.retention->percent, 80.0);
    QCOMPARE(all.maxExemplars.value_or(0), std::uint32_t{5});
}

QTEST_GUILESS_MAIN(TestConfig)
#include "tst_config.moc"
