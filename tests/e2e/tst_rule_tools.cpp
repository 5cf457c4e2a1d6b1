// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `narthexctl check rules`, `test rules` and `import rules` as people call them: exit status, what
// is printed, the files that are written; and what promtool says of the same files.
#include "support/process.h"

#include <QRegularExpression>
#include <QTemporaryDir>
#include <QtTest>

namespace {

const QString kFolder = NARTHEX_SHARED_DIR "/conformance/rules/";

struct Output
{
    int exitCode = -1;
    QString text; // both streams
};

Output run(const QString& program, const QStringList& arguments, const QByteArray& input = {})
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    process.write(input);
    process.closeWriteChannel();
    process.waitForFinished(60'000);
    return {process.exitCode(), QString::fromUtf8(process.readAll())};
}

Output ctl(const QStringList& arguments, const QByteArray& input = {})
{
    return run(narthex::test::ownProgram("narthexctl"), arguments, input);
}

QByteArray content(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class TestRuleTools : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void checksRules_data();
    void checksRules();
    void checksRulesOfAConfiguration();
    void testsRules_data();
    void testsRules();
    void writesXml();
    void importsWithoutOverwriting();
    void promtoolAgreesWithWhatIsImported();
    void theManualTellsEveryOption_data();
    void theManualTellsEveryOption();

private:
    QString write(const QString& name, const QByteArray& text)
    {
        QFile file(folder_.filePath(name));
        if (file.open(QIODevice::WriteOnly)) {
            file.write(text);
        }
        return folder_.filePath(name);
    }
    QTemporaryDir folder_;
};

void TestRuleTools::checksRules_data()
{
    QTest::addColumn<QStringList>("arguments"); // the last one is the file; "-": on standard input
    QTest::addColumn<int>("exitCode");
    QTest::addColumn<QString>("told");
    const auto row = [](const QStringList& arguments, int exitCode, const QString& told) {
        QTest::addRow("%s", qPrintable(arguments.join(' '))) << arguments << exitCode << told;
    };
    row({"rules.yml"}, 0, "SUCCESS: 5 rules found");
    row({"rules-bad.yml"}, 1, "undefined variable \"$label\"");
    row({"bad-rules-syntax.yml"}, 1, "unexpected end of input");
    row({"bad-rules-error.yml"}, 0, "SUCCESS: 1 rules found");
    row({"rules_duplicates.yml"}, 0, "1 duplicate rule(s) found");
    row({"--lint-fatal", "rules_duplicates.yml"}, 3, "job:test:count_over_time1m");
    row({"prometheus-rules.lint.yml"}, 0, "severity: page");
    row({"--lint-fatal", "prometheus-rules.lint.yml"}, 3, "HighRequestLatency");
    row({"--lint-fatal", "-", "prometheus-rules.lint.yml"}, 3, "HighRequestLatency");
    row({"--lint-fatal", "--lint=none", "prometheus-rules.lint.yml"}, 0, "2 rules found");
    row({"--lint=nosuch", "rules.yml"}, 0, "unknown lint option");
    row({"rules_extrafields.yml"}, 1, "field ownership not found");
    row({"--ignore-unknown-fields", "rules_extrafields.yml"}, 0, "SUCCESS: 5 rules found");
    row({"features.yml"}, 1, "binop fill modifiers");
    const QString all = "--enable-feature=promql-experimental-functions,promql-duration-expr,"
                        "promql-extended-range-selectors,promql-binop-fill-modifiers";
    row({all, "features.yml"}, 0, "SUCCESS: 4 rules found");
    row({all, "--name-validation-scheme=legacy", "features.yml"}, 1, "invalid recording rule name");
}

void TestRuleTools::checksRules()
{
    QFETCH(QStringList, arguments);
    QFETCH(int, exitCode);
    QFETCH(QString, told);
    const QString file = kFolder + arguments.takeLast();
    if (!QFile::exists(file)) {
        QSKIP("the conformance files are not there");
    }
    const bool onInput = arguments.removeAll("-") > 0;
    const QStringList all = QStringList{"check", "rules"} + arguments;
    const Output output = onInput ? ctl(all, content(file)) : ctl(all + QStringList{file});
    QCOMPARE(output.exitCode, exitCode);
    QVERIFY2(output.text.contains(told), qPrintable(output.text));
}

void TestRuleTools::checksRulesOfAConfiguration()
{
    write("r.yml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n"
                   "  - {record: a, expr: down}\n");
    const QString config =
        write("c.yml", "rule_files: [r.yml]\nscrape_configs:\n"
                       "- {job_name: slow, scrape_interval: 10m, scrape_timeout: 10s}\n");
    QCOMPARE(ctl({"check", "config", config}).exitCode, 0);
    const Output fatal = ctl({"check", "config", "--lint-fatal", config});
    QCOMPARE(fatal.exitCode, 3);
    QVERIFY2(fatal.text.contains("1 duplicate rule(s)"), qPrintable(fatal.text));
    const Output interval =
        ctl({"check", "config", "--lint-fatal", "--lint=too-long-scrape-interval", config});
    QCOMPARE(interval.exitCode, 3);
    QVERIFY2(interval.text.contains("job: slow, interval: 10m"), qPrintable(interval.text));
    QCOMPARE(ctl({"check", "config", "--lint-fatal", "--lint=too-long-scrape-interval",
                  "--query.lookback-delta=11m", config})
                 .exitCode,
             0);
    write("r.yml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'up +'}\n");
    const Output bad = ctl({"check", "config", config});
    QCOMPARE(bad.exitCode, 1);
    QVERIFY2(bad.text.contains("r.yml:4:"), qPrintable(bad.text));
}

void TestRuleTools::testsRules_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exitCode");
    const auto row = [](const QStringList& arguments, int exitCode) {
        QTest::addRow("%s", qPrintable(arguments.join(' '))) << arguments << exitCode;
    };
    row({"unittest.yml"}, 0);
    row({"failing.yml"}, 1);
    row({"--run", "correct", "rules_run.yml"}, 0);
    row({"--run", "correct", "--run", "wrong", "rules_run.yml"}, 1);
    row({"--ignore-unknown-fields", "rules_run_extrafields.yml"}, 0);
    row({"rules_run_extrafields.yml"}, 1);
    row({"--diff", "--debug", "rules_run.yml"}, 1);
}

void TestRuleTools::testsRules()
{
    QFETCH(QStringList, arguments);
    QFETCH(int, exitCode);
    arguments.last().prepend(kFolder);
    if (!QFile::exists(arguments.last())) {
        QSKIP("the conformance files are not there");
    }
    const Output output = ctl(QStringList{"test", "rules"} + arguments);
    QVERIFY2(output.exitCode == exitCode, qPrintable(output.text));
    QVERIFY2(output.text.contains(exitCode == 0 ? "SUCCESS" : "FAILED"), qPrintable(output.text));
    if (arguments.contains("--debug")) {
        QVERIFY2(output.text.contains("DEBUG: correct test: 1 evaluations"),
                 qPrintable(output.text));
        QVERIFY2(output.text.contains("+ test 0\n"), qPrintable(output.text));
    }
}

void TestRuleTools::writesXml()
{
    const QString good = write("good.yml", "tests: [{}]\n");
    const QString bad = write("bad.yml", "tests: [\n");
    const QString xml = folder_.filePath("out.xml");
    QCOMPARE(ctl({"test", "rules", "--junit", xml, good, bad}).exitCode, 1);
    QCOMPARE(content(xml).count("<testsuite "), 2);
    QVERIFY(content(xml).contains("<failure"));
    QVERIFY(content(xml).contains("unnamed#0"));
}

void TestRuleTools::importsWithoutOverwriting()
{
    const QString old = write("old.rules", "ALERT A IF x > 1 FOR 5m\na = sum(x) by (b)\n");
    const Output shown = ctl({"import", "rules", "--diff", old});
    QCOMPARE(shown.exitCode, 0);
    QVERIFY2(shown.text.contains("sum by (b) (x)"), qPrintable(shown.text));
    QVERIFY(!QFile::exists(old + ".yml"));
    QCOMPARE(ctl({"import", "rules", old}).exitCode, 0);
    QCOMPARE(ctl({"check", "rules", old + ".yml"}).exitCode, 0);
    const Output again = ctl({"import", "rules", old});
    QCOMPARE(again.exitCode, 1);
    QVERIFY2(again.text.contains("is there already"), qPrintable(again.text));
    const QString lost = write("lost.rules", "a = sum(x) by (b) keep_common\nc = d\n");
    const Output partly = ctl({"import", "rules", lost});
    QCOMPARE(partly.exitCode, 1);
    QVERIFY2(partly.text.contains("lost.rules:1: \"a\": keep_common"), qPrintable(partly.text));
    QVERIFY(content(lost + ".yml").contains("record: c"));
}

void TestRuleTools::promtoolAgreesWithWhatIsImported()
{
    const QString promtool = narthex::test::peer("promtool");
    if (promtool.isEmpty()) {
        QSKIP("promtool is not there");
    }
    const QString old =
        write("peer.rules",
              "# why\nALERT A IF -x ^ 2 > count_scalar(up) FOR 5m LABELS {s='it\\'s'} "
              "ANNOTATIONS {d=\"{{ $value }}\\n\\u00e4\"}\na:b:c{l=\"v\"} = sum(x) by (b)\n");
    QCOMPARE(ctl({"import", "rules", old}).exitCode, 0);
    const Output checked = run(promtool, {"check", "rules", old + ".yml"});
    QVERIFY2(checked.exitCode == 0, qPrintable(checked.text));
    QVERIFY2(checked.text.contains("SUCCESS: 2 rules found"), qPrintable(checked.text));
}

void TestRuleTools::theManualTellsEveryOption_data()
{
    QTest::addColumn<QStringList>("command");
    QTest::addColumn<QString>("page");
    QTest::newRow("test rules") << QStringList{"test", "rules"} << "narthexctl-test.1";
    QTest::newRow("check rules") << QStringList{"check", "rules"} << "narthexctl-check.1";
    QTest::newRow("check config") << QStringList{"check", "config"} << "narthexctl-check.1";
    QTest::newRow("import rules") << QStringList{"import", "rules"} << "narthexctl-import.1";
}

void TestRuleTools::theManualTellsEveryOption()
{
    QFETCH(QStringList, command);
    QFETCH(QString, page);
    QString manual = QString::fromUtf8(content(NARTHEX_TEST_DATA "/../../packaging/man/" + page));
    manual.remove('\\');
    const QString help = ctl(command + QStringList{"--help"}).text;
    QVERIFY(!help.isEmpty());
    const QRegularExpression option("--[a-z]+(?:[.-][a-z]+)*");
    for (auto it = option.globalMatch(help); it.hasNext();) {
        const QString name = it.next().captured();
        QVERIFY2(name == "--help" || manual.contains(name), qPrintable(name));
    }
}

QTEST_GUILESS_MAIN(TestRuleTools)
#include "tst_rule_tools.moc"
