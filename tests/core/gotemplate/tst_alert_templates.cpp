// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Templates of rules: their variables and functions.
#include "core/base/status.h"
#include "core/gotemplate/alert_templates.h"
#include "core/gotemplate/humanize.h"

#include <QTest>

#include <cmath>
#include <limits>

namespace narthex::gotemplate {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

absl::StatusOr<std::vector<TemplateSample>> answer(std::string_view expression)
{
    if (expression == "absent") {
        return std::vector<TemplateSample>{};
    }
    if (expression == "bad") {
        return base::invalidArgument("parse error");
    }
    return std::vector<TemplateSample>{
        {.labels = {{"__name__", "m"}, {"host", "b"}, {"__value__", "x"}}, .value = 21.0},
        {.labels = {{"__name__", "m"}, {"host", "a"}}, .value = 11.0}};
}

absl::StatusOr<std::string> expanded(const std::string& text, double value)
{
    const auto parsed = AlertTemplate::parse("__alert_A", text);
    if (!parsed.ok()) {
        return parsed.status();
    }
    const model::Labels labels{{"__name__", "up"}, {"instance", "h:1"}};
    const model::Labels external{{"cluster", "c"}};
    const std::variant<double, std::shared_ptr<const model::FloatHistogram>> wrapped = value;
    const QueryFunction query = answer;
    return parsed->expand({.labels = labels,
                           .value = wrapped,
                           .externalLabels = external,
                           .externalUrl = "http://h:9090/prom",
                           .now = base::Timestamp{1500},
                           .query = query});
}

QString shown(const std::string& text, double value = 0.5)
{
    const auto result = expanded(text, value);
    return QString::fromStdString(
        result.ok() ? *result : "error: " + std::string(base::messageOf(result.status())));
}

} // namespace

class TestAlertTemplates : public QObject
{
    Q_OBJECT

private slots:
    void rulesSeeTheirData_data();
    void rulesSeeTheirData();
    void errorsEndTheExpansion_data();
    void errorsEndTheExpansion();
    void unknownVariablesAreFoundWhenParsing();
    void positionsAreThoseOfTheText();
    void numbersAreMadeReadable_data();
    void numbersAreMadeReadable();
    void addressesAreStripped_data();
    void addressesAreStripped();
    void histogramsPrintTheirText();
};

void TestAlertTemplates::rulesSeeTheirData_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<double>("value");
    QTest::addColumn<QString>("output");
    struct Row
    {
        const char* text;
        double value;
        const char* output;
    };
    const Row rows[] = {
        {"no action } here", 0, "no action } here"},
        {"{{ $value }}", 1'000'000, "1e+06"},
        {"{{ $value }}", 0.5, "0.5"},
        {"{{ .Value }}", 2, "2"},
        {"{{ humanize $value }}", 1'000'000, "1M"},
        {"{{ $value | humanizeDuration }}", 3661, "1h 1m 1s"},
        {"{{ printf \"%.2f\" $value }}", 1.005, "1.00"},
        {"{{ printf \"%d\" 1.5 }}", 0, "%!d(float64=1.5)"},
        {"{{ $labels.instance }} {{ .Labels.instance }}", 0, "h:1 h:1"},
        {"{{ $labels.nope }}|{{ $labels.__name__ }}", 0, "|up"},
        {"{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}", 0,
         "__name__=up;instance=h:1;"},
        {"{{ $labels }} {{ len $labels }}", 0, "map[__name__:up instance:h:1] 2"},
        {"{{ index $labels \"instance\" }}", 0, "h:1"},
        {"{{ $externalLabels.cluster }} {{ .ExternalLabels.cluster }}", 0, "c c"},
        {"{{ $externalURL }} {{ .ExternalURL }} {{ externalURL }} {{ pathPrefix }}", 0,
         "http://h:9090/prom http://h:9090/prom http://h:9090/prom /prom"},
        {"{{ now }}", 0, "1.5"},
        {"{{ with query \"m\" }}{{ . | first | value }}{{ end }}", 0, "21"},
        {"{{ range query \"m\" | sortByLabel \"host\" }}{{ .Labels.host }}{{ .Value }} {{ end }}",
         0, "a11 b21 "},
        {"{{ query \"m\" | first | label \"host\" }}{{ query \"m\" | first | strvalue }}", 0, "bx"},
        {"{{ range $i, $e := args \"a\" \"b\" }}{{ $i }}{{ $e }}{{ end }}", 0, "arg0aarg1b"},
        {"{{ (args 1).arg5 }}", 0, "<no value>"},
        {"{{ humanizePercentage 0.125 }} {{ humanizePercentage \"0.5\" }}", 0, "12.5% 50%"},
        {"{{ humanizeTimestamp 1435065584.128 }}", 0, "2015-06-23 13:19:44.128 +0000 UTC"},
        {"{{ 1435065584.128 | toTime }}", 0, "2015-06-23 13:19:44.128 +0000 UTC"},
        {"{{ (toTime 1435065584.128).Format \"15:04\" }}", 0, "13:19"},
        {"{{ toDuration 90 }} {{ (toDuration 90).Minutes }}", 0, "1m30s 1.5"},
        {"{{ humanizeDuration (toDuration 90) }}", 0, "1m 30s"},
        {"{{ parseDuration \"1h30m\" }} {{ parseDuration \"-2m\" }}", 0, "5400 -120"},
        {"{{ title \"aa bB CC\" }} {{ toUpper \"ab\" }} {{ toLower \"AB\" }}", 0, "Aa BB CC AB ab"},
        {"{{ match \"^a.*\" \"xab\" }} {{ match \"a.\" \"xab\" }}", 0, "false true"},
        {"{{ reReplaceAll \"(a+)(?P<n>b)\" \"${2}-$n-$1\" \"xaabaab\" }}", 0, "xb-b-aab-b-aa"},
        {"{{ reReplaceAll \"\" \"-\" \"abc\" }} {{ reReplaceAll \"x*\" \"-\" \"axb\" }}", 0,
         "-a-b-c- -a-b-"},
        {"{{ graphLink \"up == 0\" }} {{ tableLink \"a b\" }}", 0,
         "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a+b&g0.tab=1"},
        {"{{ urlQueryEscape \"a b/c\" }} {{ safeHtml \"<b>\" }}", 0, "a+b%2Fc <b>"},
    };
    for (const Row& row : rows) {
        QTest::addRow("%s of %g", row.text, row.value)
            << QString::fromUtf8(row.text) << row.value << QString::fromUtf8(row.output);
    }
}

void TestAlertTemplates::rulesSeeTheirData()
{
    QFETCH(QString, text);
    QFETCH(double, value);
    QFETCH(QString, output);
    QCOMPARE(shown(text.toStdString(), value), output);
}

void TestAlertTemplates::errorsEndTheExpansion_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("ending");
    QTest::newRow("first of nothing") << "{{ first (query \"absent\") }}"
                                      << "first() called on vector with no elements";
    QTest::newRow("query fails") << "{{ query \"bad\" }}"
                                 << "error calling query: parse error";
    QTest::newRow("bad expression") << "{{ match \"(\" \"x\" }}"
                                    << "error parsing regexp: missing ): (";
    QTest::newRow("no number") << "{{ humanize \"x\" }}"
                               << "parsing \"x\": invalid syntax";
    QTest::newRow("map is no number") << "{{ humanize $labels }}"
                                      << "can't convert map[string]string to float";
    QTest::newRow("time overflows")
        << "{{ humanizeTimestamp 1e10 }}"
        << "1e+10 cannot be represented as a nanoseconds timestamp since it overflows int64";
    QTest::newRow("too few arguments") << "{{ match \"x\" }}"
                                       << "wrong number of args: want 2 got 1";
    QTest::newRow("not a text") << "{{ toUpper 1 }}"
                                << "wrong type for value; expected string; got int";
    QTest::newRow("types") << "{{ lt 1 1.5 }}"
                           << "incompatible types for comparison";
}

void TestAlertTemplates::errorsEndTheExpansion()
{
    QFETCH(QString, text);
    QFETCH(QString, ending);
    const QString result = shown(text.toStdString());
    QVERIFY2(result.startsWith("error: template: __alert_A:1:") && result.endsWith(ending),
             qPrintable(result));
}

void TestAlertTemplates::unknownVariablesAreFoundWhenParsing()
{
    QCOMPARE(shown("{{ $label.x }}"),
             QString("error: template: __alert_A:1: undefined variable \"$label\""));
    QVERIFY(!AlertTemplate::parse("a", "{{ nosuch 1 }}").ok());
    QVERIFY(!AlertTemplate::parse("a", "{{ $value").ok());
    QVERIFY(!AlertTemplate::parse("a", "{{ if }}").ok());
    QVERIFY(AlertTemplate::parse("a", "{{ first (query \"absent_metric\") }}").ok());
    // Definitions see no variable of the text around them.
    QVERIFY(!AlertTemplate::parse("a", "{{ define \"x\" }}{{ $labels }}{{ end }}").ok());
}

void TestAlertTemplates::positionsAreThoseOfTheText()
{
    const auto parsed = AlertTemplate::parse("a", "{{ $nope }}");
    QCOMPARE(base::positionOf(parsed.status())->column.value_or(0), 4U);
}

void TestAlertTemplates::numbersAreMadeReadable_data()
{
    QTest::addColumn<QString>("function");
    QTest::addColumn<double>("value");
    QTest::addColumn<QString>("output");
    struct Row
    {
        const char* function;
        double value;
        const char* output;
    };
    const Row rows[] = {
        {"humanize", 0, "0"},
        {"humanize", 1234567, "1.235M"},
        {"humanize", .12, "120m"},
        {"humanize", 1, "1"},
        {"humanize", -1, "-1"},
        {"humanize", 1e30, "1e+06Y"},
        {"humanize", kInfinity, "+Inf"},
        {"humanize1024", 1048576, "1Mi"},
        {"humanize1024", 0.5, "0.5"},
        {"humanize1024", -2048, "-2ki"},
        {"humanizeDuration", 0, "0s"},
        {"humanizeDuration", 0.1, "100ms"},
        {"humanizeDuration", 60, "1m 0s"},
        {"humanizeDuration", 3600, "1h 0m 0s"},
        {"humanizeDuration", 86400, "1d 0h 0m 0s"},
        {"humanizeDuration", -183845, "-2d 3h 4m 5s"},
        {"humanizeDuration", 899.99, "14m 59s"},
        {"humanizeDuration", .0001, "100us"},
        {"humanizeDuration", 1234.4, "20m 34s"},
        {"humanizeDuration", 12.34567, "12.35s"},
        {"humanizeDuration", std::nan(""), "NaN"},
        {"humanizePercentage", 0.125, "12.5%"},
        {"humanizePercentage", 1234567, "1.235e+08%"},
        {"humanizeTimestamp", kInfinity, "+Inf"},
    };
    for (const Row& row : rows) {
        QTest::addRow("%s of %g", row.function, row.value)
            << QString(row.function) << row.value << QString(row.output);
    }
}

void TestAlertTemplates::numbersAreMadeReadable()
{
    QFETCH(QString, function);
    QFETCH(double, value);
    QFETCH(QString, output);
    QCOMPARE(shown("{{ " + function.toStdString() + " $value }}", value), output);
}

void TestAlertTemplates::addressesAreStripped_data()
{
    QTest::addColumn<QString>("address");
    QTest::addColumn<QString>("withoutPort");
    QTest::addColumn<QString>("withoutDomain");
    const char* const rows[][3] = {
        {"a.b.c:80", "a.b.c", "a:80"},
        {"[::1]:80", "::1", "[::1]:80"},
        {"1.2.3.4:80", "1.2.3.4", "1.2.3.4:80"},
        {"host", "host", "host"},
        {"a.b", "a.b", "a"},
        {"::1", "::1", "::1"},
        {"", "", ""},
    };
    for (const auto& [address, withoutPort, withoutDomain] : rows) {
        QTest::newRow(address) << QString(address) << QString(withoutPort)
                               << QString(withoutDomain);
    }
}

void TestAlertTemplates::addressesAreStripped()
{
    QFETCH(QString, address);
    QFETCH(QString, withoutPort);
    QFETCH(QString, withoutDomain);
    QCOMPARE(QString::fromStdString(stripPort(address.toStdString())), withoutPort);
    QCOMPARE(QString::fromStdString(stripDomain(address.toStdString())), withoutDomain);
}

void TestAlertTemplates::histogramsPrintTheirText()
{
    const auto parsed = AlertTemplate::parse("a", "{{ $value }}");
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 4;
    histogram->sum = 2.5;
    histogram->positiveSpans = {{0, 1}};
    histogram->positiveBuckets = {4};
    const model::Labels none;
    const std::variant<double, std::shared_ptr<const model::FloatHistogram>> value =
        std::shared_ptr<const model::FloatHistogram>(histogram);
    const QueryFunction query;
    const auto text = parsed->expand({.labels = none,
                                      .value = value,
                                      .externalLabels = none,
                                      .externalUrl = "",
                                      .now = {},
                                      .query = query});
    QCOMPARE(QString::fromStdString(text.value()), QString("{count:4, sum:2.5, (0.5,1]:4}"));
}

} // namespace narthex::gotemplate

QTEST_GUILESS_MAIN(narthex::gotemplate::TestAlertTemplates)
#include "tst_alert_templates.moc"
