// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The configuration file: errors with their texts and places, inheritance in the route tree, the
// walk through it, printing.
#include "fake_kind.h"

#include "core/alertmanager/config.h"
#include "core/base/status.h"

#include <QtTest>

using namespace narthex;

namespace {

constexpr const char kReceivers[] =
    "receivers:\n- name: a\n  fake_configs: [{password: mysecret}]\n"
    "- name: b\n- name: c\n";

absl::StatusOr<alertmanager::Config> parse(const std::string& text)
{
    return alertmanager::parseConfig("/etc/am.yml", text, {.kinds = tests::fakeKinds()});
}

QString errorOf(const std::string& text)
{
    const auto config = parse(text);
    return config.ok() ? QString("none")
                       : QString::fromStdString(std::string(base::messageOf(config.status())));
}

QString receiversOf(const alertmanager::Config& config, const model::Labels& labels)
{
    const alertmanager::RouteTree tree(config.route);
    std::vector<const alertmanager::RouteNode*> nodes;
    tree.match(labels, nodes);
    QStringList names;
    for (const auto* node : nodes) {
        names << QString::fromStdString(node->receiver);
    }
    return names.join(",");
}

} // namespace

class TestAmConfig : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void isRefusedWithItsTextAndPlace_data();
    void isRefusedWithItsTextAndPlace();
    void childrenInheritAndClearGrouping();
    void theWalkGoesOnOnlyWhenToldTo();
    void keysAreThoseOfAlertmanager();
    void warnsOfWhatIsOldOrDoesNotFit();
    void isPrintedWithoutSecretsAndLoadsAgain();
    void theReceiverHasItsNameAsLabel();
};

void TestAmConfig::isRefusedWithItsTextAndPlace_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("error");
    const auto row = [](const char* text, const char* error) {
        QTest::newRow(text) << QString(text) << QString(error);
    };
    row("", "no route provided in config");
    row("global: {}", "no routes provided");
    row("BAD", "yaml: unmarshal errors");
    row("route: {group_wait: 1s}", "root route must specify a default receiver");
    row("route: {receiver: a, matchers: ['x=y']}", "root route must not have any matchers");
    row("route: {receiver: a, match: {x: y}}", "root route must not have any matchers");
    row("route: {receiver: a, continue: true}", "cannot have continue in root route");
    row("route: {receiver: nobody}", "undefined receiver \"nobody\" used in route");
    row("route: {receiver: a, group_by: [a, a]}", "duplicated label \"a\" in group_by");
    row("route: {receiver: a, group_by: ['...', a]}",
        "cannot have wildcard group_by (`...`) and other labels at the same time");
    row("route: {receiver: a, group_by: ['']}", "invalid label name \"\" in group_by list");
    row("route: {receiver: a, group_interval: 0s}", "group_interval cannot be zero");
    row("route: {receiver: a, repeat_interval: 0s}", "repeat_interval cannot be zero");
    row("route: {receiver: a, mute_time_intervals: [x]}",
        "root route must not have any mute time intervals");
    row("route: {receiver: a, active_time_intervals: [x]}",
        "root route must not have any active time intervals");
    row("route: {receiver: a, routes: [{mute_time_intervals: [x]}]}",
        "undefined time interval \"x\" used in route");
    row("route: {receiver: a, labels: {'': x}}", "invalid label name \"\" in route labels");
    row("route: {receiver: a, routes: [{match_re: {x: }}]}", "invalid regexp value for \"x\"");
    row("route: {receiver: a, routes: [{match: {'x-y': z}}]}", "invalid label name \"x-y\"");
    row("route: {receiver: a, routes: [{matchers: ['x']}]}", "bad matcher format: x");
    row("route: {receiver: a, colour: red}", "field colour not found in type config.Route");
    row("route: {receiver: a}\nroute: {receiver: a}", "field route already set in type");
    row("route: {receiver: a}\ntime_intervals: [{name: x}, {name: x}]",
        "time interval \"x\" is not unique");
    row("route: {receiver: a}\nmute_time_intervals: [{name: x}, {name: x}]",
        "mute time interval \"x\" is not unique");
    row("route: {receiver: a}\ntime_intervals: [{}]", "missing name in time interval");
    row("route: {receiver: a}\ntemplates: ['x[']", "syntax error in pattern");
    row("route: {receiver: a}\ntracing: {client_type: x}", "tracing endpoint must be set");
    row("route: {receiver: a}\nevent_recorder: {outputs: [{type: pigeon}]}",
        "unknown event recorder output type \"pigeon\"");
    row("route: {receiver: a}\ninhibit_rules: [{source_match_re: {x: }}]",
        "invalid regexp value for \"x\"");
}

void TestAmConfig::isRefusedWithItsTextAndPlace()
{
    QFETCH(QString, text);
    QFETCH(QString, error);
    const bool whole = text.isEmpty() || text == "BAD";
    const QString message =
        errorOf(whole ? text.toStdString() : text.toStdString() + "\n" + kReceivers);
    QVERIFY2(message.contains(error), qPrintable(message));
    QVERIFY2(message.startsWith("/etc/am.yml:"), qPrintable(message));
    QVERIFY(errorOf("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]")
                .contains("notification config name \"a\" is not unique"));
    QVERIFY(errorOf("route: {receiver: a}\nreceivers: [{name: a}, {}]")
                .contains("missing name in receiver"));
    QVERIFY(errorOf("route: {receiver: a}\nreceivers: [{name: a, labels: {name: z}}]")
                .contains("receiver label \"name\" must match receiver name \"a\", got \"z\""));
    QVERIFY(errorOf("route: {receiver: a}\nreceivers: [{name: a, fake_configs: [null]}]")
                .contains("missing fake config"));
    QVERIFY(errorOf("route: {receiver: a}\nreceivers: [{name: a, fake_configs: [{box: ''}]}]")
                .contains("no box set"));
}

void TestAmConfig::childrenInheritAndClearGrouping()
{
    const auto config = parse("route:\n"
                              "  receiver: a\n  group_by: ['...']\n  group_wait: 0s\n"
                              "  labels: {team: x, site: s}\n"
                              "  routes:\n"
                              "  - {matchers: ['k=1'], group_by: [x], labels: {team: y}}\n"
                              "  - {matchers: ['k=2'], receiver: b, repeat_interval: 1d}\n"
                              "  - {matchers: ['k=3'], group_by: []}\n" +
                              std::string(kReceivers));
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const alertmanager::RouteTree tree(config->route);
    const auto& children = tree.root().children;
    const model::Labels labels{{"x", "1"}, {"y", "2"}};
    QCOMPARE(children[0]->groupLabels(labels), model::Labels({{"x", "1"}}));
    QCOMPARE(children[1]->groupLabels(labels), labels);
    QCOMPARE(children[2]->groupLabels(labels), model::Labels());
    QCOMPARE(children[0]->labels.at("team"), std::string("y"));
    QCOMPARE(children[0]->labels.at("site"), std::string("s"));
    QCOMPARE(children[1]->receiver, std::string("b"));
    QCOMPARE(children[1]->groupWait.ns, 0);
    QCOMPARE(children[1]->repeatInterval.ms(), 86'400'000);
    QCOMPARE(children[2]->groupInterval.ms(), 300'000);
}

void TestAmConfig::theWalkGoesOnOnlyWhenToldTo()
{
    const auto with = [](const char* continues) {
        return parse(std::string("route:\n  receiver: c\n  routes:\n"
                                 "  - {receiver: a, matchers: ['m1=1'], continue: ") +
                     continues +
                     ", routes: [{matchers: ['z=1']}, {matchers: ['z=2']}]}\n"
                     "  - {receiver: b, matchers: ['m2=1']}\n" +
                     kReceivers);
    };
    const model::Labels both{{"m1", "1"}, {"m2", "1"}};
    QCOMPARE(receiversOf(*with("true"), both), QString("a,b"));
    QCOMPARE(receiversOf(*with("false"), both), QString("a"));
    QCOMPARE(receiversOf(*with("true"), {{"m1", "1"}}), QString("a"));
    QCOMPARE(receiversOf(*with("true"), {}), QString("c"));
}

void TestAmConfig::keysAreThoseOfAlertmanager()
{
    const auto config = parse("route:\n  receiver: a\n  routes:\n"
                              "  - {matchers: ['{b=\"2\",a=~\"1\"}'], group_by: [alertname]}\n"
                              "  - {matchers: [a=~1, b=2]}\n" +
                              std::string(kReceivers));
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const alertmanager::RouteTree tree(config->route);
    const auto& child = *tree.root().children[0];
    QCOMPARE(child.key, std::string("{}/{a=~\"1\",b=\"2\"}"));
    QCOMPARE(child.groupKey(child.groupLabels({{"alertname", "DiskFull"}, {"x", "y"}})),
             std::string("{}/{a=~\"1\",b=\"2\"}:{alertname=\"DiskFull\"}"));
    QCOMPARE(tree.root().groupKey({}), std::string("{}:{}"));
    QCOMPARE(tree.root().groupKey({{"a", "1"}, {"b", "2"}}), std::string("{}:{a=\"1\", b=\"2\"}"));
    QCOMPARE(tree.root().children[1]->key, child.key);
    QVERIFY(tree.root().children[1]->id != child.id);
}

void TestAmConfig::warnsOfWhatIsOldOrDoesNotFit()
{
    const auto config = parse("route: {receiver: a, repeat_interval: 30d, routes: [{match: {x: y}, "
                              "repeat_interval: 1m, matchers: ['foo=\"a\\d\"']}]}\n"
                              "mute_time_intervals: [{name: x}]\ntracing: {endpoint: 'x:1'}\n" +
                              std::string(kReceivers));
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    QString all;
    for (const std::string& warning : config->warnings) {
        all += QString::fromStdString(warning) + "\n";
    }
    for (const char* part :
         {"match is deprecated", "mute_time_intervals is deprecated", "longer than notifications",
          "shorter than group_interval", "the section tracing has no effect", "old parser"}) {
        QVERIFY2(all.contains(part), qPrintable(QString(part) + " in " + all));
    }
}

void TestAmConfig::isPrintedWithoutSecretsAndLoadsAgain()
{
    const auto config = parse("route: {receiver: a, group_by: ['...'], routes: [{match_re: {x: "
                              "y}, matchers: ['z!=\"1\"'], active_time_intervals: [t]}]}\n"
                              "time_intervals: [{name: t, time_intervals: [{years: ['2024']}]}]\n"
                              "inhibit_rules: [{source_matchers: [a=b], target_match: {c: d}, "
                              "equal: [e]}]\n" +
                              std::string(kReceivers));
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const std::string hidden = config->toYaml();
    QVERIFY2(!QString::fromStdString(hidden).contains("mysecret"), hidden.c_str());
    QVERIFY(QString::fromStdString(hidden).contains("<secret>"));
    const std::string shown = config->toYaml(true);
    const auto again = parse(shown);
    QVERIFY2(again.ok(), (again.status().ToString() + "\n" + shown).c_str());
    QCOMPARE(QString::fromStdString(again->toYaml(true)), QString::fromStdString(shown));
}

void TestAmConfig::theReceiverHasItsNameAsLabel()
{
    const auto config = parse("route: {receiver: a}\n" + std::string(kReceivers));
    QCOMPARE(config->receivers.at(0).labels.at("name"), std::string("a"));
    QCOMPARE(config->receivers.at(0).integrations.at(0).name(), std::string("fake[0]"));
    QCOMPARE(config->receivers.at(1).integrations.size(), 0U);
}

QTEST_GUILESS_MAIN(TestAmConfig)
#include "tst_am_config.moc"
