// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules.h"

#include <QtTest>

using namespace narthex;
using model::Labels;
using relabel::NameScheme;
using test::rulesOf;

class TestRelabel : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void rewritesLabels_data();
    void rewritesLabels();
    void refusesBadRules_data();
    void refusesBadRules();
    void traceTellsWhichRuleDropped();
};

void TestRelabel::rewritesLabels_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("expected");
    QTest::newRow("constant") << "- {target_label: x, replacement: y}"
                              << "{a=\"foo\", b=\"bar\", x=\"y\"}";
    QTest::newRow("groups")
        << "- {source_labels: [a], regex: 'f(.*)', target_label: x, replacement: '${1}_$1_'}"
        << "{a=\"foo\", b=\"bar\", x=\"oo_\"}";
    QTest::newRow("joined") << "- {source_labels: [a, b], target_label: x}"
                            << "{a=\"foo\", b=\"bar\", x=\"foo;bar\"}";
    QTest::newRow("no match changes nothing") << "- {source_labels: [a], regex: o, target_label: x}"
                                              << "{a=\"foo\", b=\"bar\"}";
    QTest::newRow("empty removes") << "- {source_labels: [a], target_label: b, replacement: ''}"
                                   << "{a=\"foo\"}";
    QTest::newRow("target from a group")
        << "- {source_labels: [b], regex: '(.*)', target_label: 'x_$1', replacement: v}"
        << "{a=\"foo\", b=\"bar\", x_bar=\"v\"}";
    QTest::newRow("keep") << "- {source_labels: [a], regex: fo+, action: KEEP}"
                          << "{a=\"foo\", b=\"bar\"}";
    QTest::newRow("keep drops") << "- {source_labels: [a], regex: x, action: keep}"
                                << "dropped";
    QTest::newRow("drop") << "- {source_labels: [a], regex: foo, action: drop}"
                          << "dropped";
    QTest::newRow("keepequal drops") << "- {source_labels: [a], target_label: b, action: keepequal}"
                                     << "dropped";
    QTest::newRow("dropequal of two missing")
        << "- {source_labels: [x], target_label: y, action: dropequal}"
        << "dropped";
    QTest::newRow("hashmod")
        << "- {source_labels: [c], target_label: d, modulus: 1000, action: hashmod}"
        << "{a=\"foo\", b=\"bar\", d=\"958\"}";
    QTest::newRow("labelmap") << "- {regex: '(a)', replacement: 'x_${1}', action: labelmap}"
                              << "{a=\"foo\", b=\"bar\", x_a=\"foo\"}";
    QTest::newRow("labeldrop") << "- {regex: a, action: labeldrop}"
                               << "{b=\"bar\"}";
    QTest::newRow("labelkeep") << "- {regex: a, action: labelkeep}"
                               << "{a=\"foo\"}";
    QTest::newRow("uppercase") << "- {source_labels: [a], target_label: a, action: uppercase}"
                               << "{a=\"FOO\", b=\"bar\"}";
    QTest::newRow("dollar dollar") << "- {source_labels: [a], target_label: x, replacement: '$$1'}"
                                   << "{a=\"foo\", b=\"bar\", x=\"$1\"}";
    QTest::newRow("group that never is")
        << "- {source_labels: [a], target_label: x, replacement: 'v$1x'}"
        << "{a=\"foo\", b=\"bar\", x=\"v\"}";
}

void TestRelabel::rewritesLabels()
{
    QFETCH(QString, yaml);
    const auto rules = rulesOf(yaml.toStdString(), NameScheme::Utf8);
    QVERIFY2(rules.ok(), std::string(base::messageOf(rules.status())).c_str());
    model::LabelsBuilder labels(Labels{{"a", "foo"}, {"b", "bar"}});
    const bool kept = relabel::apply(*rules, NameScheme::Utf8, labels);
    QTEST(QString::fromStdString(kept ? labels.build().toString() : "dropped"), "expected");
}

void TestRelabel::refusesBadRules_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("error");
    QTest::newRow("unknown action") << "- {action: Jump}"
                                    << "unknown relabel action \"Jump\"";
    QTest::newRow("null action") << "- {action: }"
                                 << "relabel action cannot be empty";
    QTest::newRow("no modulus") << "- {action: hashmod, target_label: a}"
                                << "requires non-zero modulus";
    QTest::newRow("no target")
        << "- {source_labels: [a]}"
        << "relabel configuration for replace action requires 'target_label' value";
    QTest::newRow("labeldrop with source")
        << "- {action: labeldrop, source_labels: [a]}"
        << "labeldrop action requires only 'regex', and no other fields";
    QTest::newRow("keepequal with regex")
        << "- {action: keepequal, source_labels: [a], target_label: b, regex: '(.*)'}"
        << "keepequal action requires only 'source_labels' and `target_label`, and no other fields";
    QTest::newRow("lowercase with replacement")
        << "- {action: lowercase, target_label: b, replacement: x}"
        << "'replacement' can not be set for lowercase action";
    QTest::newRow("bad expression") << "- {target_label: a, regex: '('}"
                                    << "error parsing regexp: ";
    QTest::newRow("unknown field")
        << "- {target_labels: a}"
        << "field target_labels not found in type relabel.Config; did you mean target_label?";
    QTest::newRow("null rule") << "- "
                               << "rules.yml:1:1: null rule";
}

void TestRelabel::refusesBadRules()
{
    QFETCH(QString, yaml);
    QFETCH(QString, error);
    const auto rules = rulesOf(yaml.toStdString(), NameScheme::Utf8);
    QVERIFY(!rules.ok());
    const std::string message(base::messageOf(rules.status()));
    QVERIFY2(message.find(error.toStdString()) != std::string::npos, message.c_str());
}

void TestRelabel::traceTellsWhichRuleDropped()
{
    const auto rules = rulesOf(
        "- {target_label: x, replacement: y}\n- {source_labels: [x], regex: y, action: drop}\n"
        "- {target_label: z, replacement: z}",
        NameScheme::Utf8);
    QVERIFY(rules.ok());
    const relabel::Trace trace = relabel::trace(*rules, NameScheme::Utf8, Labels{{"a", "1"}});
    QVERIFY(!trace.kept);
    QCOMPARE(trace.steps.size(), std::size_t{2});
    QVERIFY(trace.steps[1].dropped);
    QCOMPARE(trace.steps[1].input, std::string("y"));
    QCOMPARE(trace.steps[0].after.toString(), std::string("{a=\"1\", x=\"y\"}"));
}

QTEST_GUILESS_MAIN(TestRelabel)
#include "tst_relabel.moc"
