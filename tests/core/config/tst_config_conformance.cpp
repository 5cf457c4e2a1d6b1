// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The verdicts of the shared configuration files, read from the tables beside them. Skipped when
// they are not there.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/config.h"

#include <QtTest>

#include <filesystem>
#include <functional>

using namespace narthex;

namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/config";

/// One row of a table: file, verdict, and what the error must name (in backticks).
struct Verdict
{
    QString file;
    QString verdict;
    QStringList named;
};

QList<Verdict> verdicts()
{
    QList<Verdict> result;
    const auto text = base::readFile(kFolder / "README.md", 1 << 20);
    if (!text.ok()) {
        return result;
    }
    for (const QString& line : QString::fromStdString(*text).split('\n')) {
        const QStringList cells = line.split('|');
        if (cells.size() < 5 || !cells[1].trimmed().startsWith('`')) {
            continue;
        }
        Verdict verdict{.file = cells[1].trimmed().mid(1).chopped(1),
                        .verdict = cells[2].trimmed()};
        const QStringList parts = cells[4].split('`');
        for (int i = 1; i < parts.size(); i += 2) {
            verdict.named << parts[i];
        }
        result << verdict;
    }
    return result;
}

using Check = std::function<bool(const config::Config&)>;

const scrape::JobConfig& first(const config::Config& config) { return *config.jobs.at(0); }

bool hasProtocols(const config::Config& config, std::vector<std::string> protocols)
{
    return first(config).scrapeProtocols == protocols;
}

bool hasNames(const config::Config& config, const std::vector<std::string>& names)
{
    std::vector<std::string> own;
    for (const auto& job : config.jobs) {
        own.push_back(job->jobName);
    }
    return own == names;
}

bool hasSchemes(const config::Config& config, relabel::NameScheme validation,
                std::string_view escaping)
{
    return first(config).nameScheme == validation && first(config).escapingScheme == escaping;
}

/// What must hold in files that load.
const std::map<QString, Check>& values()
{
    using C = const config::Config&;
    static const std::map<QString, Check> kValues = {
        {"agent_mode.good.yml",
         [](C c) {
             return c.remoteWrite.size() == 1 && c.remoteWrite[0].url == "http://remote1/push";
         }},
        {"agent_mode.without_remote_writes.yml", [](C c) { return c.remoteWrite.empty(); }},
        {"global_convert_classic_hist_to_nhcb.good.yml",
         [](C c) { return first(c).convertClassicHistograms; }},
        {"global_disable_always_scrape_classic_hist.good.yml",
         [](C c) { return !first(c).alwaysScrapeClassicHistograms; }},
        {"global_disable_extra_scrape_metrics.good.yml",
         [](C c) { return !first(c).extraScrapeMetrics; }},
        {"global_enable_always_scrape_classic_hist.good.yml",
         [](C c) { return first(c).alwaysScrapeClassicHistograms; }},
        {"global_enable_extra_scrape_metrics.good.yml",
         [](C c) { return first(c).extraScrapeMetrics; }},
        {"global_enable_scrape_native_hist.good.yml",
         [](C c) {
             return first(c).scrapeNativeHistograms &&
                    hasProtocols(c, scrape::defaultProtocols(true));
         }},
        {"global_enable_scrape_native_hist_and_scrape_protocols.good.yml",
         [](C c) {
             return first(c).scrapeNativeHistograms && hasProtocols(c, {"PrometheusText0.0.4"});
         }},
        {"global_scrape_protocols_and_local_disable_scrape_native_hist.good.yml",
         [](C c) {
             return !first(c).scrapeNativeHistograms && hasProtocols(c, {"PrometheusText0.0.4"});
         }},
        {"local_convert_classic_hist_to_nhcb.good.yml",
         [](C c) { return first(c).convertClassicHistograms; }},
        {"local_disable_always_scrape_classic_hist.good.yml",
         [](C c) { return !first(c).alwaysScrapeClassicHistograms; }},
        {"local_disable_convert_classic_hist_to_nhcb.good.yml",
         [](C c) { return !first(c).convertClassicHistograms; }},
        {"local_disable_extra_scrape_metrics.good.yml",
         [](C c) { return !first(c).extraScrapeMetrics; }},
        {"local_disable_scrape_native_hist.good.yml",
         [](C c) {
             return !first(c).scrapeNativeHistograms &&
                    hasProtocols(c, scrape::defaultProtocols(false));
         }},
        {"local_enable_always_scrape_classic_hist.good.yml",
         [](C c) { return first(c).alwaysScrapeClassicHistograms; }},
        {"local_enable_extra_scrape_metrics.good.yml",
         [](C c) { return first(c).extraScrapeMetrics; }},
        {"local_enable_scrape_native_hist.good.yml",
         [](C c) {
             return first(c).scrapeNativeHistograms &&
                    hasProtocols(c, scrape::defaultProtocols(true));
         }},
        {"local_enable_scrape_native_hist_and_scrape_protocols.good.yml",
         [](C c) {
             return first(c).scrapeNativeHistograms && hasProtocols(c, {"PrometheusText0.0.4"});
         }},
        {"otlp_allow_keep_identifying_resource_attributes.good.yml",
         [](C c) { return c.otlp.keepIdentifyingResourceAttributes; }},
        {"otlp_allow_utf8.good.yml",
         [](C c) { return c.otlp.translationStrategy == "NoUTF8EscapingWithSuffixes"; }},
        {"otlp_convert_histograms_to_nhcb.good.yml",
         [](C c) { return c.otlp.convertHistogramsToNhcb; }},
        {"otlp_empty.yml", [](C c) { return c.otlp == remote::OtlpConfig{}; }},
        {"otlp_label_underscore_sanitization_defaults.good.yml",
         [](C c) {
             return c.otlp.labelNameUnderscoreSanitization &&
                    c.otlp.labelNamePreserveMultipleUnderscores;
         }},
        {"otlp_label_underscore_sanitization_disabled.good.yml",
         [](C c) {
             return !c.otlp.labelNameUnderscoreSanitization &&
                    !c.otlp.labelNamePreserveMultipleUnderscores;
         }},
        {"otlp_no_translation.good.yml",
         [](C c) { return c.otlp.translationStrategy == "NoTranslation"; }},
        {"otlp_promote_scope_metadata.good.yml", [](C c) { return c.otlp.promoteScopeMetadata; }},
        {"otlp_sanitize_default_resource_attributes.good.yml",
         [](C c) {
             return !c.otlp.promoteAllResourceAttributes &&
                    c.otlp.promoteResourceAttributes.empty() &&
                    c.otlp.ignoreResourceAttributes.empty();
         }},
        {"otlp_sanitize_promote_resource_attributes.good.yml",
         [](C c) {
             return c.otlp.promoteResourceAttributes ==
                    std::vector<std::string>{"k8s.cluster.name", "k8s.job.name",
                                             "k8s.namespace.name"};
         }},
        {"otlp_sanitize_resource_attributes_promote_all.good.yml",
         [](C c) {
             return c.otlp.promoteAllResourceAttributes && c.otlp.promoteResourceAttributes.empty();
         }},
        {"remote_write_retry_on_rate_limit.good.yml",
         [](C c) {
             return c.remoteWrite.at(0).queue.retryOnHttp429 &&
                    !c.remoteWrite.at(1).queue.retryOnHttp429;
         }},
        {"rules_abs_path.good.yml",
         [](C c) {
             return c.ruleFiles.back() == "/absolute/third.rules" &&
                    c.ruleFiles.front().starts_with(kFolder.string());
         }},
        {"scrape_config_default_validation_mode.yml",
         [](C c) { return hasSchemes(c, relabel::NameScheme::Utf8, "allow-utf-8"); }},
        {"scrape_config_disable_compression.good.yml",
         [](C c) { return !first(c).enableCompression; }},
        {"scrape_config_files.good.yml",
         [](C c) {
             return hasNames(c, {"prometheus"}) && first(c).interval.ms() == 60'000 &&
                    first(c).timeout.ms() == 10'000;
         }},
        {"scrape_config_files2.good.yml", [](C c) { return hasNames(c, {"alertmanager"}); }},
        {"scrape_config_files_combined.good.yml",
         [](C c) {
             return hasNames(c, {"node", "prometheus", "alertmanager"});
         }},
        {"scrape_config_files_glob.good.yml",
         [](C c) {
             bool resolved = false;
             for (const auto& job : c.jobs) {
                 resolved =
                     resolved || std::filesystem::path(job->http.tls.certFile).lexically_normal() ==
                                     (kFolder / "valid_cert_file").lexically_normal();
             }
             return hasNames(c, {"prometheus", "node"}) && resolved;
         }},
        {"scrape_config_files_only.good.yml", [](C c) { return hasNames(c, {"prometheus"}); }},
        {"scrape_config_global_validation_mode.yml",
         [](C c) { return hasSchemes(c, relabel::NameScheme::Legacy, "dots"); }},
        {"scrape_config_local_global_validation_mode.yml",
         [](C c) { return hasSchemes(c, relabel::NameScheme::Utf8, "dots"); }},
        {"scrape_config_local_infer_escaping.yml",
         [](C c) { return hasSchemes(c, relabel::NameScheme::Legacy, "underscores"); }},
        {"scrape_config_local_validation_mode.yml",
         [](C c) { return hasSchemes(c, relabel::NameScheme::Legacy, "values"); }},
        {"scrape_interval_larger.good.yml",
         [](C c) { return first(c).timeout.ms() == 5000 && first(c).interval.ms() == 5000; }},
        {"tsdb_chunk_encoding_floats_xor.good.yml",
         [](C c) { return c.storage.useXor2 == std::optional(false); }},
        {"tsdb_chunk_encoding_floats_xor2.good.yml",
         [](C c) { return c.storage.useXor2 == std::optional(true); }},
        {"tsdb_retention_percentage_float.good.yml",
         [](C c) { return c.storage.retention->percent == 0.5; }},
    };
    return kValues;
}

} // namespace

class TestConfigConformance : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void badFilesAreRefusedWithTheReason_data();
    void badFilesAreRefusedWithTheReason();
    void goodFilesLoadAndSurviveBeingPrinted_data();
    void goodFilesLoadAndSurviveBeingPrinted();
    void theBigOneHidesItsSecrets();
    void externalLabelsTakeTheEnvironment();
    void everyFileHasAVerdict();
};

void TestConfigConformance::init()
{
    if (!std::filesystem::exists(kFolder)) {
        QSKIP("the conformance files are not here");
    }
}

void TestConfigConformance::badFilesAreRefusedWithTheReason_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<QStringList>("named");
    for (const Verdict& verdict : verdicts()) {
        // One is no whole configuration: it is judged below.
        if (verdict.verdict.startsWith("bad") && verdict.file != "static_config.bad.yml") {
            QTest::newRow(qPrintable(verdict.file)) << verdict.file << verdict.named;
        }
    }
    if (QTest::currentTestFunction() != nullptr && verdicts().isEmpty()) {
        QTest::newRow("none") << QString() << QStringList();
    }
}

void TestConfigConformance::badFilesAreRefusedWithTheReason()
{
    QFETCH(QString, file);
    QFETCH(QStringList, named);
    const auto config = config::load(kFolder / file.toStdString());
    QVERIFY2(!config.ok(), "it loads");
    const auto message = QString::fromStdString(std::string(base::messageOf(config.status())));
    QVERIFY2(message.contains(file), qPrintable(message));
    for (const QString& part : named) {
        // The tables write the key where messages write what the user wrote.
        const QString text = part == "!!binary"    ? QString("base64")
                             : part == "\"\\xff\"" ? QString("is not a valid label")
                                                   : part;
        QVERIFY2(message.contains(text), qPrintable(text + " in: " + message));
    }
}

void TestConfigConformance::goodFilesLoadAndSurviveBeingPrinted_data()
{
    QTest::addColumn<QString>("file");
    for (const Verdict& verdict : verdicts()) {
        if (verdict.verdict.startsWith("good")) {
            QTest::newRow(qPrintable(verdict.file)) << verdict.file;
        }
    }
    if (verdicts().isEmpty()) {
        QTest::newRow("none") << QString();
    }
}

void TestConfigConformance::goodFilesLoadAndSurviveBeingPrinted()
{
    QFETCH(QString, file);
    const auto path = kFolder / file.toStdString();
    const auto config = config::load(path);
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    if (const auto check = values().find(file); check != values().end()) {
        QVERIFY2(check->second(*config), "a value differs from the table");
    }
    const std::string printed = config->toYaml();
    const auto again = config::parse(path, printed);
    QVERIFY2(again.ok(), (again.status().ToString() + "\n" + printed).c_str());
    // Dollars of label values that were not variables are printed as they are, as Prometheus does.
    if (file != "external_labels.good.yml") {
        QCOMPARE(QString::fromStdString(again->toYaml()), QString::fromStdString(printed));
    }
}

void TestConfigConformance::theBigOneHidesItsSecrets()
{
    const auto config = config::load(kFolder / "conf.good.yml");
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const auto printed = QString::fromStdString(config->toYaml());
    QVERIFY(!printed.contains("mysecret"));
    QCOMPARE(printed.count("<secret>"), 29);
}

void TestConfigConformance::externalLabelsTakeTheEnvironment()
{
    qunsetenv("TEST");
    const auto unset = config::load(kFolder / "external_labels.good.yml");
    QVERIFY(unset.ok());
    auto labels = unset->global.externalLabels;
    QCOMPARE(labels["bar"], std::string("foo"));
    QCOMPARE(labels["baz"], std::string("foobar"));
    QCOMPARE(labels["foo"], std::string());
    QCOMPARE(labels["qux"], std::string("foo${TEST}"));
    QCOMPARE(labels["xyz"], std::string("foo$bar"));
    QVERIFY(!unset->warnings.empty());
    qputenv("TEST", "TestValue");
    const auto set = config::load(kFolder / "external_labels.good.yml");
    qunsetenv("TEST");
    labels = set->global.externalLabels;
    QCOMPARE(labels["baz"], std::string("fooTestValuebar"));
    QCOMPARE(labels["foo"], std::string("TestValue"));
    QCOMPARE(labels["qux"], std::string("foo${TEST}"));
}

void TestConfigConformance::everyFileHasAVerdict()
{
    QStringList judged;
    for (const Verdict& verdict : verdicts()) {
        judged << verdict.file;
    }
    for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
        const auto name = QString::fromStdString(entry.path().filename().string());
        QVERIFY2(entry.is_directory() || name.endsWith(".md") || judged.contains(name),
                 qPrintable(name));
    }
}

QTEST_GUILESS_MAIN(TestConfigConformance)
#include "tst_config_conformance.moc"
