// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every user of relabeling relies on, case by case: labels in, rules, labels out; and the
// rules that are refused. Cases of Prometheus' documentation and of its behaviour.
#include "rules.h"

#include "core/yaml/field_printer.h"

#include <QtTest>

using namespace narthex;
using model::Labels;
using relabel::NameScheme;
using test::rulesOf;

namespace {

/// `a=foo b=bar`, where `~` stands for a blank and `^` for a line feed.
Labels labelsOf(const QString& text)
{
    model::LabelsBuilder labels;
    for (const QString& part : text.split(' ', Qt::SkipEmptyParts)) {
        const auto equals = part.indexOf('=');
        QString value = part.mid(equals + 1);
        value.replace('~', ' ').replace('^', '\n');
        labels.set(part.left(equals).toStdString(), value.toStdString());
    }
    return labels.build();
}

void add(const char* name, const char* labels, const char* rules, const char* expected)
{
    QTest::newRow(name) << QString::fromUtf8(labels) << QString::fromUtf8(rules)
                        << QString::fromUtf8(expected);
}

} // namespace

class TestRelabelCases : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void rewrites_data();
    void rewrites();
    void refuses_data();
    void refuses();
    void acceptsTemplatesOfTargetsByScheme_data();
    void acceptsTemplatesOfTargetsByScheme();
    void printsWhatWasWritten();
    void traceNamesGroupsAndReason();
    void aBrokenOutAnchorStaysBroken();
};

void TestRelabelCases::rewrites_data()
{
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QString>("rules");
    QTest::addColumn<QString>("expected");
    add("group into text", "a=foo",
        "- {source_labels: [a], regex: f(.*), target_label: d, replacement: 'ch${1}-ch${1}'}",
        "a=foo d=choo-choo");
    add("two rules", "a=foo b=bar c=baz",
        "- {source_labels: [a, b], regex: f(.*);(.*)r, target_label: a, replacement: "
        "'b${1}${2}m'}\n"
        "- {source_labels: [c, a], regex: (b).*b(.*)ba(.*), target_label: d, replacement: "
        "$1$2$2$3}",
        "a=boobam b=bar c=baz d=boooom");
    add("drop is anchored", "a=foo", "- {source_labels: [a], regex: f|o, action: drop}", "a=foo");
    add("drop ends the chain", "a=foo",
        "- {source_labels: [a], regex: .*o.*, action: drop}\n- {target_label: z, replacement: z}",
        "dropped");
    add("no match", "a=boo", "- {source_labels: [a], regex: f, target_label: b, replacement: bar}",
        "a=boo");
    add("empty group removes", "a=foo f=baz",
        "- {source_labels: [a], regex: (f).*, target_label: $1, replacement: $2}", "a=foo");
    add("hashmod", "c=baz",
        "- {source_labels: [c], modulus: 1000, target_label: d, action: hashmod}", "c=baz d=976");
    add("hashmod over lines", "c=foo^bar",
        "- {source_labels: [c], modulus: 1000, target_label: d, action: hashmod}",
        "c=foo^bar d=734");
    add("labelmap", "a=foo b1=bar b2=baz",
        "- {regex: (b.*), replacement: 'bar_${1}', action: labelmap}",
        "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz");
    add("labelmap of meta labels", "a=foo __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc",
        "- {regex: __meta_(my.*), replacement: '${1}', action: labelmap}",
        "a=foo __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc my_bar=aaa my_baz=bbb");
    add("name from the value", "a=some-name-value",
        "- {source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: "
        "'${2}'}",
        "a=some-name-value name=value");
    add("replacement of no group", "a=some-name-value",
        "- {source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: "
        "'${3}'}",
        "a=some-name-value");
    add("target of no group", "a=some-name-value",
        "- {source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: "
        "'${1}'}",
        "a=some-name-value");
    add("tags", "t=path:/secret,job:some-job,label:foo=bar",
        "- {source_labels: [t], regex: '(?:.+,|^)path:(/[^,]+).*', target_label: "
        "__metrics_path__}\n"
        "- {source_labels: [t], regex: '(?:.+,|^)job:([^,]+).*', target_label: job}\n"
        "- {source_labels: [t], regex: '(?:.+,|^)label:([^=]+)=([^,]+).*', target_label: '${1}', "
        "replacement: '${2}'}",
        "t=path:/secret,job:some-job,label:foo=bar __metrics_path__=/secret job=some-job foo=bar");
    add("drop, set again, keep", "a=old",
        "- {regex: a, action: labeldrop}\n- {target_label: a, replacement: new}\n"
        "- {source_labels: [a], regex: new, action: keep}",
        "a=new");
    add("labelkeep", "a=foo b1=bar b2=baz", "- {regex: (b.*), action: labelkeep}", "b1=bar b2=baz");
    add("lowercase and uppercase", "foo=bAr123Foo",
        "- {source_labels: [foo], target_label: l, action: lowercase}\n"
        "- {source_labels: [foo], target_label: u, action: uppercase}",
        "foo=bAr123Foo l=bar123foo u=BAR123FOO");
    add("case of other scripts", "a=straße b=ΩД c=ﬃ d=Ꮿ e=𐐀",
        "- {source_labels: [a], target_label: a, action: uppercase}\n"
        "- {source_labels: [b], target_label: b, action: lowercase}\n"
        "- {source_labels: [c], target_label: c, action: uppercase}\n"
        "- {source_labels: [e], target_label: e, action: lowercase}",
        "a=STRAßE b=ωд c=ﬃ d=Ꮿ e=𐐨");
    add("dotted capital i", "a=İ", "- {source_labels: [a], target_label: a, action: lowercase}",
        "a=i");
    add("keepequal equal", "__tmp_port=1234 __port1=1234 __port2=5678",
        "- {source_labels: [__tmp_port], target_label: __port1, action: keepequal}",
        "__tmp_port=1234 __port1=1234 __port2=5678");
    add("keepequal different", "__tmp_port=1234 __port1=1234 __port2=5678",
        "- {source_labels: [__tmp_port], target_label: __port2, action: keepequal}", "dropped");
    add("dropequal equal", "__tmp_port=1234 __port1=1234",
        "- {source_labels: [__tmp_port], target_label: __port1, action: dropequal}", "dropped");
    add("dropequal different", "__tmp_port=1234 __port2=5678",
        "- {source_labels: [__tmp_port], target_label: __port2, action: dropequal}",
        "__tmp_port=1234 __port2=5678");
    add("dropequal of nothing", "a=1", "- {source_labels: [x], target_label: y, action: dropequal}",
        "dropped");
    add("keepequal of nothing", "a=1", "- {source_labels: [x], target_label: y, action: keepequal}",
        "a=1");
    add("over lines", "a=line1^line2",
        "- {source_labels: [a], regex: line1.*line2, target_label: b, replacement: 'match${1}'}",
        "a=line1^line2 b=match");
    add("named groups", "a=line1^line2",
        "- {source_labels: [a], regex: '(line1).*(?<second>line2)', target_label: label2_$1, "
        "replacement: val_$second}",
        "a=line1^line2 label2_line1=val_line2");
    add("longest name", "a=v x=old",
        "- {source_labels: [a], regex: (.*), target_label: x, replacement: $1x}", "a=v");
    add("braces end a name", "a=v",
        "- {source_labels: [a], regex: (.*), target_label: x, replacement: '${1}x'}", "a=v x=vx");
    add("two dollars", "a=v", "- {source_labels: [a], target_label: x, replacement: a$$b}",
        "a=v x=a$b");
    add("a dollar before something else", "a=v",
        "- {source_labels: [a], target_label: x, replacement: a$-b}", "a=v x=a$-b");
    add("open brace", "a=v", "- {source_labels: [a], target_label: x, replacement: 'a${b'}",
        "a=v x=a${b");
    add("constant", "a=v", "- {target_label: cluster, replacement: prod}", "a=v cluster=prod");
    add("constant nothing", "a=v cluster=prod", "- {target_label: cluster, replacement: ''}",
        "a=v");
    add("null expression without sources", "a=v",
        "- {regex: , target_label: abc, replacement: static}", "a=v abc=static");
    add("null expression with a source", "a=v",
        "- {source_labels: [a], regex: , target_label: abc, replacement: static}", "a=v");
    add("action in capitals", "a=foo", "- {source_labels: [a], regex: foo, action: KEEP}", "a=foo");
    add("port of an annotation", "addr=10.1.2.3:80 port=9102",
        "- {source_labels: [addr, port], regex: '(.+?)(\\:\\d+)?;(\\d+)', target_label: addr, "
        "replacement: $1:$3}",
        "addr=10.1.2.3:9102 port=9102");
    add("empty separator", "a=1 b=2", "- {source_labels: [a, b], separator: '', target_label: c}",
        "a=1 b=2 c=12");
    add("null separator", "a=1 b=2", "- {source_labels: [a, b], separator: , target_label: c}",
        "a=1 b=2 c=12");
}

void TestRelabelCases::rewrites()
{
    QFETCH(QString, labels);
    QFETCH(QString, rules);
    QFETCH(QString, expected);
    const auto decoded = rulesOf(rules.toStdString(), NameScheme::Utf8);
    QVERIFY2(decoded.ok(), std::string(base::messageOf(decoded.status())).c_str());
    model::LabelsBuilder builder(labelsOf(labels));
    const bool kept = relabel::apply(*decoded, NameScheme::Utf8, builder);
    const std::string wanted = expected == "dropped" ? "dropped" : labelsOf(expected).toString();
    QCOMPARE(QString::fromStdString(kept ? builder.build().toString() : "dropped"),
             QString::fromStdString(wanted));
    // The trace says the same.
    const relabel::Trace trace = relabel::trace(*decoded, NameScheme::Utf8, labelsOf(labels));
    QCOMPARE(trace.kept, kept);
    QVERIFY(!kept || trace.result == builder.build());
}

void TestRelabelCases::refuses_data()
{
    QTest::addColumn<QString>("rule");
    QTest::addColumn<bool>("legacy");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* name, const QString& rule, const QString& error,
                        bool legacy = false) { QTest::newRow(name) << rule << legacy << error; };
    row("unknown action", "{action: keepall}", "unknown relabel action \"keepall\"");
    row("hashmod without modulus", "{action: hashmod, target_label: a}",
        "relabel configuration for hashmod requires non-zero modulus");
    row("hashmod without target", "{action: hashmod, modulus: 8}",
        "relabel configuration for hashmod action requires 'target_label' value");
    row("dropequal with regex",
        "{action: dropequal, source_labels: [a], target_label: b, regex: "
        "(.*)}",
        "dropequal action requires only 'source_labels' and `target_label`, and no other fields");
    for (const char* const action : {"labelkeep", "labeldrop"}) {
        for (const char* const field : {"source_labels: [a]", "target_label: a", "modulus: 8",
                                        "separator: ','", "replacement: x"}) {
            row(qPrintable(QString("%1 with %2").arg(action, field)),
                QString("{regex: x, action: %1, %2}").arg(action, field),
                QString("%1 action requires only 'regex', and no other fields").arg(action));
        }
    }
    row("lowercase with replacement",
        "{action: lowercase, source_labels: [a], target_label: b, replacement: $2}",
        "'replacement' can not be set for lowercase action");
    row("template for lowercase, legacy",
        "{action: lowercase, source_labels: [a], target_label: '${3}'}",
        "\"${3}\" is invalid 'target_label' for lowercase action", true);
    row("digit first, legacy", "{source_labels: [a], target_label: '0${3}'}",
        "\"0${3}\" is invalid 'target_label' for replace action", true);
    row("labelmap replacement, legacy", "{action: labelmap, regex: x, replacement: 'my.${1}'}",
        "\"my.${1}\" is invalid 'replacement' for labelmap action", true);
    row("labelmap without replacement", "{action: labelmap, regex: x, replacement: ''}",
        "\"\" is invalid 'replacement' for labelmap action");
    row("bad expression", "{target_label: a, regex: '['}", "error parsing regexp");
}

void TestRelabelCases::refuses()
{
    QFETCH(QString, rule);
    QFETCH(bool, legacy);
    QFETCH(QString, error);
    const auto rules =
        rulesOf("- " + rule.toStdString(), legacy ? NameScheme::Legacy : NameScheme::Utf8);
    QVERIFY(!rules.ok());
    const auto message = QString::fromStdString(std::string(base::messageOf(rules.status())));
    QVERIFY2(message.contains(error), qPrintable(message));
    QVERIFY2(message.startsWith("rules.yml:1:"), qPrintable(message));
}

void TestRelabelCases::acceptsTemplatesOfTargetsByScheme_data()
{
    QTest::addColumn<QString>("target");
    QTest::addColumn<bool>("legacyToo");
    for (const char* const good :
         {"label", "label${1}", "${1}label", "${1}", "$1", "asd$2asd", "_${1}_", "foo${bar}foo"}) {
        QTest::newRow(good) << QString(good) << true;
    }
    for (const char* const bad :
         {"-label", "$", "${", "${}", "foo${", "-foo${1}bar-", "bar.foo${1}bar"}) {
        QTest::newRow(bad) << QString(bad) << false;
    }
}

void TestRelabelCases::acceptsTemplatesOfTargetsByScheme()
{
    QFETCH(QString, target);
    QFETCH(bool, legacyToo);
    const std::string rule = "- {source_labels: [a], target_label: '" + target.toStdString() + "'}";
    QVERIFY(rulesOf(rule, NameScheme::Utf8).ok());
    QCOMPARE(rulesOf(rule, NameScheme::Legacy).ok(), legacyToo);
}

void TestRelabelCases::printsWhatWasWritten()
{
    struct Rules
    {
        std::vector<relabel::Rule> rules;
        void describe(yaml::Fields& fields)
        {
            relabel::describeRules(fields, "rules", rules, NameScheme::Utf8, "null");
        }
    };
    const auto rules = rulesOf("- {source_labels: [a, b], separator: '', replacement: '', "
                               "target_label: x}\n- {regex: 1, action: labelmap}",
                               NameScheme::Utf8);
    QVERIFY(rules.ok());
    QCOMPARE(QString::fromStdString(yaml::printStruct(Rules{*rules})),
             QString("rules:\n  - source_labels: [a, b]\n    separator: \"\"\n    target_label: x\n"
                     "    replacement: \"\"\n    action: replace\n  - separator: ;\n"
                     "    regex: \"1\"\n    replacement: $1\n    action: labelmap\n"));
}

void TestRelabelCases::traceNamesGroupsAndReason()
{
    const auto rules = rulesOf("- {source_labels: [a], regex: '(?P<head>.)(.*)', target_label: h, "
                               "replacement: $head}\n"
                               "- {source_labels: [h, b], regex: x;y, action: keep}\n"
                               "- {target_label: never, replacement: seen}",
                               NameScheme::Utf8);
    QVERIFY(rules.ok());
    const relabel::Trace trace = relabel::trace(*rules, NameScheme::Utf8, labelsOf("a=foo b=bar"));
    QVERIFY(!trace.kept);
    QCOMPARE(trace.steps.size(), std::size_t{2});
    const auto& captures = trace.steps[0].captures;
    QCOMPARE(captures.size(), std::size_t{3});
    QCOMPARE(captures[1].first, std::string("head"));
    QCOMPARE(captures[1].second, std::string("f"));
    QCOMPARE(captures[2].first, std::string("2"));
    QCOMPARE(captures[2].second, std::string("oo"));
    QCOMPARE(trace.steps[1].reason, std::string("keep: h, b = \"f;bar\" does not match x;y"));
    QVERIFY(trace.steps[0].reason.empty());
    // What the target was when it was dropped.
    QCOMPARE(trace.result.toString(), std::string("{a=\"foo\", b=\"bar\", h=\"f\"}"));
}

// The expression is put between anchors as text, as upstream does it.
void TestRelabelCases::aBrokenOutAnchorStaysBroken()
{
    const auto rules =
        rulesOf("- {source_labels: [a], regex: 'x)|(?:y', action: drop}", NameScheme::Utf8);
    QVERIFY2(rules.ok(), std::string(base::messageOf(rules.status())).c_str());
    model::LabelsBuilder labels(labelsOf("a=xtra"));
    QVERIFY(!relabel::apply(*rules, NameScheme::Utf8, labels));
}

QTEST_GUILESS_MAIN(TestRelabelCases)
#include "tst_relabel_cases.moc"
