// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/model/sample.h"
#include "core/rules/testing/test_runner.h"
#include "core/rules/testing/test_writer.h"

#include <QXmlStreamReader>
#include <QtTest>

#include <filesystem>
#include <fstream>

using namespace narthex;
using namespace narthex::base::literals;
using rules::testing::TestFileReport;
using rules::testing::TestOptions;

namespace {

const std::string kFolder = NARTHEX_SHARED_DIR "/conformance/rules/";

QString text(const std::string& value) { return QString::fromStdString(value); }

const std::string kRules = "groups:\n"
                           "- name: a\n"
                           "  interval: 5m\n"
                           "  rules:\n"
                           "  - {record: x, expr: y + 1}\n"
                           "  - {alert: Down, expr: 'up == 0', for: 2m, labels: {severity: page},\n"
                           "     annotations: {summary: '{{ $labels.job }} in {{ "
                           "$externalLabels.zone }}'}}\n"
                           "- name: b\n"
                           "  rules:\n"
                           "  - {record: y, expr: sum(up)}\n";

} // namespace

class TestRuleTesting : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void agreesWithTheConformanceFiles_data();
    void agreesWithTheConformanceFiles();
    void switchesOfTheEngineDecide();
    void checksAlertsAtTheStepBefore();
    void groupsRunInTheOrderThatIsAsked_data();
    void groupsRunInTheOrderThatIsAsked();
    void nanEqualsNan();
    void refusesFilesWithMistakes_data();
    void refusesFilesWithMistakes();
    void warnsOfPatternsThatMatchNothing();
    void reportsAsXml();
    void marksDifferences();
    void dumpsTheStore();
    void writesATestThatPasses();
    void writesNoTestForNothing();

private:
    TestFileReport run(const std::string& test, const TestOptions& options = {})
    {
        std::ofstream(folder_.filePath("rules.yml").toStdString()) << kRules;
        const std::string path = folder_.filePath("test.yml").toStdString();
        std::ofstream(path) << test;
        return rules::testing::TestRunner(options, pool_, clock_).run(path);
    }
    static QString reportOf(const TestFileReport& report)
    {
        return text(rules::testing::reportText(report, {}));
    }

    QTemporaryDir folder_;
    base::WorkerPool pool_{2};
    base::SystemClock clock_;
};

void TestRuleTesting::agreesWithTheConformanceFiles_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<QStringList>("filters");
    QTest::addColumn<bool>("ignoreUnknown");
    QTest::addColumn<bool>("passes");
    QTest::addColumn<QStringList>("told");
    const auto row = [](const char* file, bool passes, const QStringList& told = {},
                        const QStringList& filters = {}, bool ignore = false) {
        QTest::addRow("%s %s%s", file, qPrintable(filters.join(' ')), ignore ? " ignore" : "")
            << file << filters << ignore << passes << told;
    };
    row("unittest.yml", true);
    row("long-period.yml", true);
    row("no-test-group-interval.yml", true);
    row("start-time-test.yml", true);
    row("bad-input-series.yml", false, {"unexpected", "up{job"});
    row("bad-promql.yml", false, {"many-to-many", "join_1 + on(a) join_2", "time: 0s"});
    row("bad-rules-syntax-test.yml", false, {"bad-rules-syntax.yml:7:", "unexpected end of input"});
    row("bad-rules-error-test.yml", false,
        {"many-to-many", "group: bad-example, rule: joined, time: 0s"});
    row("failing.yml", false,
        {"Failing test:", "Failing alert test:", "expr: \"test\", time: 0s", "test 1", "test 0",
         "alertname: Test", "alertname: InstanceDown, time: 5m", "alertname: AlwaysFiring"});
    row("at-modifier-test.yml", true);
    row("negative-offset-test.yml", true);
    row("rules_run.yml", false, {"wrong test:"});
    row("rules_run.yml", true, {}, {"correct"});
    row("rules_run.yml", false, {}, {"wrong"});
    row("rules_run.yml", false, {}, {"correct", "wrong"});
    row("rules_run_extrafields.yml", true, {}, {}, true);
    row("rules_run_extrafields.yml", false,
        {"rules_extrafields.yml:7:", "field namespace not found", "field ownership not found"});
    row("rules_run_fuzzy.yml", true, {}, {"correct"});
    row("rules_run_fuzzy.yml", false, {}, {"wrong"});
    row("rules_run_fuzzy.yml", false);
    row("rules_run_no_fuzzy.yml", false, {"2.9999999999999996", "3.0000000000000004"});
}

void TestRuleTesting::agreesWithTheConformanceFiles()
{
    QFETCH(QString, file);
    QFETCH(QStringList, filters);
    QFETCH(bool, ignoreUnknown);
    QFETCH(bool, passes);
    QFETCH(QStringList, told);
    const std::string path = kFolder + file.toStdString();
    if (!std::filesystem::exists(path)) {
        QSKIP("the conformance files are not there");
    }
    TestOptions options{.run = {}, .ignoreUnknownFields = ignoreUnknown};
    for (const QString& filter : filters) {
        options.run.push_back(filter.toStdString());
    }
    const TestFileReport report = rules::testing::TestRunner(options, pool_, clock_).run(path);
    QVERIFY2(report.failed() != passes, qPrintable(reportOf(report)));
    for (const QString& part : told) {
        QVERIFY2(reportOf(report).contains(part), qPrintable(part + " in\n" + reportOf(report)));
    }
}

void TestRuleTesting::switchesOfTheEngineDecide()
{
    if (!std::filesystem::exists(kFolder + "at-modifier-test.yml")) {
        QSKIP("the conformance files are not there");
    }
    TestOptions options;
    options.atModifier = false;
    options.negativeOffset = false;
    const rules::testing::TestRunner runner(options, pool_, clock_);
    const TestFileReport at = runner.run(kFolder + "at-modifier-test.yml");
    QVERIFY2(reportOf(at).contains("@ modifier is disabled"), qPrintable(reportOf(at)));
    QVERIFY(runner.run(kFolder + "negative-offset-test.yml").failed());
}

void TestRuleTesting::checksAlertsAtTheStepBefore()
{
    const auto test = [](const std::string& at, const std::string& expected) {
        return "rule_files: [rules.yml]\n"
               "tests:\n"
               "- input_series: [{series: 'up{job=\"j\"}', values: '0x5'}]\n"
               "  external_labels: {zone: z}\n"
               "  alert_rule_test:\n"
               "  - {eval_time: " +
               at + ", alertname: Down, exp_alerts: [" + expected + "]}\n";
    };
    const std::string firing =
        "{exp_labels: {job: j, severity: page}, exp_annotations: {summary: j in z}}";
    const auto passes = [&](const std::string& at, const std::string& expected) {
        const TestFileReport report = run(test(at, expected));
        return report.failed() ? reportOf(report) : QString();
    };
    QCOMPARE(passes("119s", ""), QString()); // compared at 1m: pending does not count
    QCOMPARE(passes("2m", firing), QString());
    QCOMPARE(passes("179s", firing), QString());
    QVERIFY(!passes("1m", firing).isEmpty()); // an expected alert that is only pending
    QVERIFY(passes("2m", "{exp_labels: {job: j, severity: page}}").contains("summary"));
    QVERIFY(!passes("2m", "").isEmpty());
}

void TestRuleTesting::groupsRunInTheOrderThatIsAsked_data()
{
    QTest::addColumn<QByteArray>("order");
    QTest::addColumn<int>("value"); // of x at 1m: the sum of this step, or of the last one
    QTest::newRow("as they stand") << QByteArray("") << 11;
    QTest::newRow("the other way") << QByteArray("group_eval_order: [b, a]\n") << 21;
}

void TestRuleTesting::groupsRunInTheOrderThatIsAsked()
{
    QFETCH(QByteArray, order);
    QFETCH(int, value);
    const TestFileReport report =
        run(order.toStdString() +
            "rule_files: [rules.yml]\n"
            "tests:\n"
            "- input_series: [{series: up, values: '10 20'}]\n"
            "  promql_expr_test:\n"
            "  - {expr: x, eval_time: 1m, exp_samples: [{labels: x, value: " +
            std::to_string(value) + "}]}\n");
    QVERIFY2(!report.failed(), qPrintable(reportOf(report)));
}

void TestRuleTesting::nanEqualsNan()
{
    const TestFileReport report = run("tests:\n"
                                      "- promql_expr_test:\n"
                                      "  - {expr: vector(0) / 0, exp_samples: [{value: .nan}]}\n"
                                      "  - {expr: '5', exp_samples: [{value: 5}]}\n");
    QVERIFY2(!report.failed(), qPrintable(reportOf(report)));
}

void TestRuleTesting::refusesFilesWithMistakes_data()
{
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* file, const char* message) {
        QTest::newRow(name) << QByteArray(file) << message;
    };
    row("unknown field", "testing: []\n", "test.yml:1:");
    row("repeated group", "group_eval_order: [a, a]\n", "group name repeated");
    row("alert without name",
        "tests:\n- name: t\n  alert_rule_test:\n  - {eval_time: 4m, exp_alerts: []}\n",
        "alertname at eval_time 4m of test group \"t\"");
    row("labels", "tests:\n- promql_expr_test:\n  - {expr: up, exp_samples: [{labels: 'a b'}]}\n",
        "labels \"a b\"");
    row("histogram",
        "tests:\n- promql_expr_test:\n  - {expr: up, exp_samples: [{histogram: '1 2'}]}\n",
        "exactly one histogram");
    row("start", "tests:\n- start_timestamp: yesterday\n", "start_timestamp: ");
    row("series given twice",
        "tests:\n- input_series: [{series: a, values: 1}, {series: a, values: 2}]\n"
        "  promql_expr_test: [{expr: a, exp_samples: [{labels: a, value: 1}]}]\n",
        "given twice");
    row("range vector", "tests:\n- promql_expr_test: [{expr: 'up[5m]'}]\n", "not a vector");
    row("filter", "tests:\n- {}\n", "");
}

void TestRuleTesting::refusesFilesWithMistakes()
{
    QFETCH(QByteArray, file);
    QFETCH(QString, message);
    TestOptions options;
    if (message.isEmpty()) {
        options.run = {"("};
        message = "--run:";
    }
    const TestFileReport report = run(file.toStdString(), options);
    QVERIFY(report.failed());
    QVERIFY2(reportOf(report).contains(message), qPrintable(reportOf(report)));
}

void TestRuleTesting::warnsOfPatternsThatMatchNothing()
{
    const TestFileReport report = run("rule_files: ['none*.yml']\ntests: [{}]\n");
    QVERIFY(!report.failed());
    QVERIFY(reportOf(report).contains("no file match pattern none*.yml"));
    QCOMPARE(report.cases.front().evaluations, std::size_t{1}); // once without checks
}

void TestRuleTesting::reportsAsXml()
{
    const TestFileReport good = run("tests: [{name: 'a<b'}]\n");
    const TestFileReport bad = run("tests: [");
    const TestFileReport failing =
        run("tests:\n- promql_expr_test: [{expr: '1 > 2', exp_samples: []}, {expr: vector(1)}]\n"
            "- {name: skipped}\n");
    const std::vector<TestFileReport> all{good, bad, failing};
    const QString xml = text(rules::testing::junitXml(all));
    QXmlStreamReader reader(xml);
    int suites = 0;
    int cases = 0;
    int failures = 0;
    while (!reader.atEnd()) {
        reader.readNext();
        if (reader.isStartElement()) {
            suites += reader.name() == QString("testsuite") ? 1 : 0;
            cases += reader.name() == QString("testcase") ? 1 : 0;
            failures += reader.name() == QString("failure") ? 1 : 0;
        }
    }
    QVERIFY2(!reader.hasError(), qPrintable(xml));
    QCOMPARE(suites, 3);
    QCOMPARE(cases, 4);
    QCOMPARE(failures, 3); // the file, a scalar comparison that does not parse, a sample too many
    QVERIFY(xml.contains("name=\"a&lt;b\""));
    QVERIFY(xml.contains("unnamed#0"));
}

void TestRuleTesting::marksDifferences()
{
    const TestFileReport report = run(
        "tests:\n- input_series: [{series: 'm{a=\"1\"}', values: 1}, {series: 'm{a=\"2\"}', "
        "values: 2}]\n"
        "  promql_expr_test:\n"
        "  - expr: m\n"
        "    exp_samples: [{labels: 'm{a=\"1\"}', value: 1}, {labels: 'm{a=\"2\"}', value: 3}]\n");
    const QString plain = text(rules::testing::reportText(report, {.difference = true}));
    QVERIFY2(plain.contains("          m{a=\"1\"} 1\n") && plain.contains("+ m{a=\"2\"} 2\n") &&
                 plain.contains("- m{a=\"2\"} 3\n"),
             qPrintable(plain));
    const QString coloured =
        text(rules::testing::reportText(report, {.difference = true, .colours = true}));
    QVERIFY(coloured.contains("\x1b[31m- m") && coloured.contains("\x1b[32m+ m"));
}

void TestRuleTesting::dumpsTheStore()
{
    TestOptions options;
    options.dump = true;
    const TestFileReport report = run("tests:\n- input_series: [{series: m, values: '1 stale'}]\n"
                                      "  promql_expr_test: [{expr: m, eval_time: 1m}]\n",
                                      options);
    QVERIFY2(!report.failed(), qPrintable(reportOf(report)));
    QVERIFY((report.cases.front().dump == std::vector<std::string>{"m 1@0s stale@1m"}));
}

void TestRuleTesting::writesATestThatPasses()
{
    storage::MemoryStore store;
    const base::Timestamp start{1'700'000'000'000};
    for (int i = 0; i <= 10; ++i) {
        const base::Timestamp time = start + base::Duration(1_min) * i;
        store.add({{"__name__", "up"}, {"job", "it's"}}, time, i < 5 ? 1 : 0);
        store.add({{"__name__", "up"}, {"job", "b"}}, time, 1);
        store.add({{"__name__", "x"}}, time, 99); // a rule's own
    }
    store.add({{"__name__", "up"}, {"job", "gone"}}, start, 1);
    store.add({{"__name__", "up"}, {"job", "gone"}}, start + 1_min, model::staleMarker());
    const auto file = rules::parseRuleFile("rules.yml", kRules, {});
    QVERIFY(file.ok());
    std::vector<rules::Rule> rules;
    for (const rules::RuleGroup& group : file->groups) {
        rules.insert(rules.begin(), group.rules.begin(), group.rules.end());
    }
    const auto written = rules::testing::writeTest(
        rules,
        {.from = start,
         .to = start + 10_min,
         .name = "recorded",
         .ruleFile = "rules.yml",
         .surroundings = {.externalLabels = {{"zone", "z"}}, .externalUrl = ""}},
        store, pool_, clock_, {});
    QVERIFY2(written.ok(), written.status().ToString().c_str());
    QVERIFY2(text(*written).contains("values: '1x4 0x5'"), written->c_str());
    QVERIFY2(text(*written).contains("values: '1 stale'"), written->c_str());
    QVERIFY2(text(*written).contains("        summary: 'it''s in z'\n"), written->c_str());
    const TestFileReport report = run("group_eval_order: [b, a]\n" + *written);
    QVERIFY2(!report.failed(), qPrintable(reportOf(report) + text(*written)));
    // The expectation is real: another input fails.
    std::string other = *written;
    other.replace(other.find("1x4 0x5"), 7, "1x9 1x0");
    QVERIFY(run("group_eval_order: [b, a]\n" + other).failed());
}

void TestRuleTesting::writesNoTestForNothing()
{
    const storage::MemoryStore store;
    QVERIFY(!rules::testing::writeTest({}, {.name = "", .ruleFile = ""}, store, pool_, clock_, {})
                 .ok());
}

QTEST_GUILESS_MAIN(TestRuleTesting)
#include "tst_rule_testing.moc"
