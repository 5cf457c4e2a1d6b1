// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/rules/rule_file.h"

#include <QtTest>

#include <algorithm>
#include <filesystem>

using namespace narthex;
using namespace narthex::base::literals;

namespace {

absl::StatusOr<rules::RuleFile> parse(const std::string& text)
{
    return rules::parseRuleFile("r.yml", text, {});
}

const std::string kFolder = NARTHEX_SHARED_DIR "/conformance/rules/";

} // namespace

class TestRuleFile : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsEveryField();
    void takesAnEmptyFile();
    void refusesMistakesWithTheirPlace_data();
    void refusesMistakesWithTheirPlace();
    void tellsAllFindingsTogether();
    void checksTemplatesOfAlerts_data();
    void checksTemplatesOfAlerts();
    void namesFollowTheScheme();
    void namesBothPlacesOfAConflict();
    void tellsBothFieldsThatARecordingRuleMayNotHave();
    void loadsUnknownFieldsWhenAsked();
    void warnsOfASecondDocument();
    void agreesWithTheConformanceFiles_data();
    void agreesWithTheConformanceFiles();
};

void TestRuleFile::readsEveryField()
{
    const auto file = parse("groups:\n"
                            "- name: g\n"
                            "  interval: 30s\n"
                            "  query_offset: 5s\n"
                            "  limit: 7\n"
                            "  labels: {team: a, tier: x}\n"
                            "  rules:\n"
                            "  - record: job:up:sum\n"
                            "    expr: sum by (job) (up)\n"
                            "    labels: {tier: y}\n"
                            "  - alert: Down\n"
                            "    expr: up == 0\n"
                            "    for: 5m\n"
                            "    keep_firing_for: 1m\n"
                            "    annotations: {summary: 'down {{ $labels.job }}'}\n"
                            "- name: second\n"
                            "  rules:\n"
                            "  - {record: five, expr: 5}\n");
    QVERIFY2(file.ok(), file.status().ToString().c_str());
    QCOMPARE(file->groups.size(), std::size_t{2});
    const rules::RuleGroup& group = file->groups.front();
    QVERIFY(group.interval == base::Duration(30_s));
    QVERIFY(group.queryOffset == base::Duration(5_s));
    QCOMPARE(group.limit, std::int64_t{7});
    const rules::Rule& record = group.rules.front();
    QVERIFY(record.kind == rules::RuleKind::Recording);
    QVERIFY(record.expression != nullptr);
    QCOMPARE(record.line, 8U);
    const std::map<std::string, std::string> expected{{"team", "a"}, {"tier", "y"}};
    QVERIFY(record.labels == expected);
    const rules::Rule& alert = group.rules.back();
    QVERIFY(alert.kind == rules::RuleKind::Alerting);
    QVERIFY(alert.holdFor == base::Duration(5_min));
    QVERIFY(alert.keepFiringFor == base::Duration(1_min));
    QCOMPARE(alert.annotations.size(), std::size_t{1});
    QVERIFY(!file->groups.back().interval.has_value());
    QCOMPARE(QString::fromStdString(file->groups.back().rules.front().expressionText),
             QString("5"));
}

void TestRuleFile::takesAnEmptyFile()
{
    for (const char* text : {"", "groups:\n", "groups: []\n", "# nothing\n"}) {
        const auto file = parse(text);
        QVERIFY2(file.ok(), file.status().ToString().c_str());
        QVERIFY(file->groups.empty());
    }
}

void TestRuleFile::refusesMistakesWithTheirPlace_data()
{
    QTest::addColumn<QByteArray>("rule");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* rule, const char* message) {
        QTest::newRow(name) << QByteArray(rule) << message;
    };
    row("expression", "{record: a, expr: 'sum('}",
        "r.yml:4:23: group \"g\", rule 1, \"a\": could not parse expression: 1:5: parse error");
    row("no expression", "{record: a}", "r.yml:4:5: group \"g\", rule 1, \"a\": field 'expr'");
    row("both kinds", "{record: a, alert: b, expr: up}", "only one of 'record' and 'alert'");
    row("no kind", "{expr: up}", "one of 'record' or 'alert' must be set");
    row("for in a recording rule", "{record: a, expr: up, for: 1m}", "invalid field 'for'");
    row("annotations in a recording rule", "{record: a, expr: up, annotations: {b: c}}",
        "invalid field 'annotations'");
    row("selector as name", "{record: 'a{b=\"c\"}', expr: up}", "braces present");
    row("reserved label", "{record: a, expr: up, labels: {__name__: b}}",
        "invalid label name: \"__name__\"");
    row("duration", "{alert: a, expr: up, for: 5 minutes}", "r.yml:4:");
    row("unknown field", "{record: a, expr: up, expression: down}",
        "field expression not found in type rulefmt.Rule");
    row("repeated field", "{record: a, record: b, expr: up}", "already set");
}

void TestRuleFile::refusesMistakesWithTheirPlace()
{
    QFETCH(QByteArray, rule);
    QFETCH(QString, message);
    const auto file = parse("groups:\n- name: g\n  rules:\n  - " + rule.toStdString() + "\n");
    QCOMPARE(file.status().code(), absl::StatusCode::kInvalidArgument);
    const QString told = QString::fromStdString(std::string(base::messageOf(file.status())));
    QVERIFY2(told.contains(message), qPrintable(told));
    QVERIFY(base::positionOf(file.status()).has_value());
}

void TestRuleFile::tellsAllFindingsTogether()
{
    const auto file = parse("groups:\n"
                            "- name: g\n"
                            "  rules:\n"
                            "  - {record: a, expr: 'sum('}\n"
                            "  - {record: b}\n"
                            "- name: g\n"
                            "- name: ''\n");
    const std::string told(base::messageOf(file.status()));
    for (const char* part : {"rule 1", "rule 2", "\"g\" is repeated", "must not be empty"}) {
        QVERIFY2(told.find(part) != std::string::npos, told.c_str());
    }
}

void TestRuleFile::checksTemplatesOfAlerts_data()
{
    QTest::addColumn<QByteArray>("fields");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* fields, const char* message) {
        QTest::newRow(name) << QByteArray(fields) << message;
    };
    row("unknown variable", "annotations: {a: '{{ $label.x }}'}",
        "r.yml:4:43: group \"g\", rule 1, \"A\": annotation \"a\": template: __alert_A:1:");
    row("variable is named", "annotations: {a: '{{ $label.x }}'}", "$label");
    row("empty condition", "labels: {l: '{{ if }}'}", "label \"l\": template: __alert_A:1:");
    row("missing key", "annotations: {a: '{{ $labels.nope }}'}", "");
    row("query", "annotations: {a: '{{ first (query \"absent_metric\") }}'}", "");
}

void TestRuleFile::checksTemplatesOfAlerts()
{
    QFETCH(QByteArray, fields);
    QFETCH(QString, message);
    const auto file = parse("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, " +
                            fields.toStdString() + "}\n");
    const QString told = QString::fromStdString(std::string(base::messageOf(file.status())));
    QCOMPARE(file.ok(), message.isEmpty());
    QVERIFY2(told.contains(message), qPrintable(told));
}

void TestRuleFile::namesFollowTheScheme()
{
    const std::string text = "groups:\n- name: g\n  rules:\n  - {record: my.metric, expr: up, "
                             "labels: {a.b: c}}\n";
    QVERIFY(parse(text).ok());
    const auto legacy =
        rules::parseRuleFile("r.yml", text, {.nameScheme = relabel::NameScheme::Legacy});
    const std::string told(base::messageOf(legacy.status()));
    QVERIFY2(told.find("invalid recording rule name: \"my.metric\"") != std::string::npos,
             told.c_str());
    QVERIFY2(told.find("invalid label name: \"a.b\"") != std::string::npos, told.c_str());
}

void TestRuleFile::namesBothPlacesOfAConflict()
{
    const auto file = parse("groups:\n- name: g\n  rules:\n  - record: a\n    alert: b\n"
                            "    expr: up\n");
    const std::string told(base::messageOf(file.status()));
    QVERIFY2(told.starts_with("r.yml:4:13: 5:12: group \"g\", rule 1, \"b\": only one"),
             told.c_str());
}

void TestRuleFile::tellsBothFieldsThatARecordingRuleMayNotHave()
{
    const auto file = parse("groups:\n- name: g\n  rules:\n  - {record: a, expr: up, for: 1m, "
                            "annotations: {b: c}}\n");
    const std::string told(base::messageOf(file.status()));
    QVERIFY2(told.find("'for'") != std::string::npos, told.c_str());
    QVERIFY2(told.find("'annotations'") != std::string::npos, told.c_str());
    QCOMPARE(std::count(told.begin(), told.end(), '\n'), 1);
}

void TestRuleFile::loadsUnknownFieldsWhenAsked()
{
    const std::string text = "foo: 1\ngroups:\n- name: g\n";
    const auto strict = parse(text);
    const std::string told(base::messageOf(strict.status()));
    QVERIFY2(told.starts_with("r.yml:1:") && told.find("field foo") != std::string::npos,
             told.c_str());
    const auto lax = rules::parseRuleFile("r.yml", text, {.ignoreUnknownFields = true});
    QVERIFY2(lax.ok(), lax.status().ToString().c_str());
    QCOMPARE(lax->groups.size(), std::size_t{1});
}

void TestRuleFile::warnsOfASecondDocument()
{
    const auto one = parse("---\n# rules\ngroups:\n- name: g\n");
    QVERIFY(one.ok() && one->warnings.empty());
    const auto two = parse("groups:\n- name: g\n---\ngroups:\n- name: h\n");
    QVERIFY2(two.ok(), two.status().ToString().c_str());
    QCOMPARE(two->groups.size(), std::size_t{1});
    QCOMPARE(two->warnings.size(), std::size_t{1});
}

void TestRuleFile::agreesWithTheConformanceFiles_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("message");
    QTest::newRow("sound") << "rules.yml"
                           << "";
    QTest::newRow("duplicates") << "rules_duplicates.yml"
                                << "";
    QTest::newRow("unknown fields") << "rules_extrafields.yml"
                                    << "not found in type";
    QTest::newRow("unknown variable") << "rules-bad.yml"
                                      << "undefined variable \"$label\"";
    for (const char* name : {"bad-rules-error.yml", "at-modifier.yml", "negative-offset.yml",
                             "prometheus-rules.lint.yml"}) {
        QTest::newRow(name) << name << "";
    }
    QTest::newRow("features") << "features.yml"
                              << "experimental";
    QTest::newRow("syntax") << "bad-rules-syntax.yml"
                            << "could not parse expression";
}

void TestRuleFile::agreesWithTheConformanceFiles()
{
    QFETCH(QString, name);
    QFETCH(QString, message);
    const std::string path = kFolder + name.toStdString();
    if (!std::filesystem::exists(path)) {
        QSKIP("the conformance files are not there");
    }
    const auto file = rules::loadRuleFile(path, {});
    QCOMPARE(file.ok(), message.isEmpty());
    const QString told = QString::fromStdString(std::string(base::messageOf(file.status())));
    QVERIFY2(told.contains(message), qPrintable(told));
}

QTEST_GUILESS_MAIN(TestRuleFile)
#include "tst_rule_file.moc"
