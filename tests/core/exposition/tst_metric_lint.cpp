// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/metric_lint.h"

#include <QtTest>

using namespace narthex;

/// The conventions of pages of metrics, rule by rule.
class TestMetricLint : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void findsWhatIsAgainstTheConventions_data();
    void findsWhatIsAgainstTheConventions();
    void findingsAreSorted();
    void countsSeries();
};

void TestMetricLint::findsWhatIsAgainstTheConventions_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QStringList>("texts");
    const auto row = [](const char* name, const char* type, const QStringList& texts,
                        const char* labels = "") {
        QTest::addRow("%s %s %s", name, type, labels) << name << type << labels << texts;
    };
    row("done_total", "counter", {});
    row("done", "counter", {"counter metrics should have \"_total\" suffix"});
    row("done_total", "gauge", {"non-counter metrics should not have \"_total\" suffix"});
    row("done_total", "untyped", {});
    row("wait_milliseconds", "gauge", {"use base unit \"seconds\" instead of \"milliseconds\""});
    row("age_days_max", "gauge", {"use base unit \"seconds\" instead of \"days\""});
    row("wait_seconds", "gauge", {});
    row("length_metres", "gauge", {});
    row("wait_ms", "gauge", {"metric names should not contain abbreviated units"});
    row("wait_MB_now", "gauge", {"metric names should not contain abbreviated units"});
    row("a:b", "gauge", {"metric names should not contain ':'"});
    row("queueLength", "gauge", {"metric names should be written in 'snake_case' not 'camelCase'"});
    row("queue", "gauge", {"label names should be written in 'snake_case' not 'camelCase'"},
        "{nodeName=\"a\"}");
    row("queue_gauge", "gauge", {"metric name should not include type 'gauge'"});
    row("queue_gauge", "untyped", {});
    row("queue", "gauge", {"non-histogram metrics should not have \"le\" label"}, "{le=\"1\"}");
    row("queue", "gauge", {"non-summary metrics should not have \"quantile\" label"},
        "{quantile=\"1\"}");
    row("queue_count", "gauge",
        {"non-histogram and non-summary metrics should not have \"_count\" suffix"});
    row("queue_bucket", "gauge", {"non-histogram metrics should not have \"_bucket\" suffix"});
}

void TestMetricLint::findsWhatIsAgainstTheConventions()
{
    QFETCH(QString, name);
    QFETCH(QString, type);
    QFETCH(QString, labels);
    QFETCH(QStringList, texts);
    const std::string page =
        QString("# HELP %1 x\n# TYPE %1 %2\n%1%3 1\n").arg(name, type, labels).toStdString();
    const auto families = exposition::parseTextFamilies(page);
    QVERIFY2(families.ok(), families.status().ToString().c_str());
    QStringList found;
    for (const exposition::MetricFinding& finding : exposition::lintFamilies(*families)) {
        QCOMPARE(QString::fromStdString(finding.metric), name);
        found << QString::fromStdString(finding.text);
    }
    QCOMPARE(found, texts);
}

void TestMetricLint::findingsAreSorted()
{
    exposition::MetricFamily later{.name = "b", .help = {}, .unit = {}, .metrics = {{}, {}}};
    const exposition::MetricFamily sooner{.name = "a", .help = {}, .unit = {}, .metrics = {}};
    const auto findings = exposition::lintFamilies({later, sooner});
    QCOMPARE(findings.size(), 3U);
    QCOMPARE(findings[0], (exposition::MetricFinding{"a", "no help text"}));
    QCOMPARE(findings[1], (exposition::MetricFinding{"b", "metric not unique"}));
    QCOMPARE(findings[2], (exposition::MetricFinding{"b", "no help text"}));
}

void TestMetricLint::countsSeries()
{
    const auto families = exposition::parseTextFamilies(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"
        "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n"
        "g{a=\"1\"} 1\ng{a=\"2\"} 1\ng{a=\"3\"} 1\n");
    QVERIFY(families.ok());
    QStringList sizes;
    for (const auto& family : exposition::cardinalities(*families)) {
        sizes << QString("%1 %2").arg(QString::fromStdString(family.metric)).arg(family.series);
    }
    QCOMPARE(sizes, (QStringList{"h 4", "g 3", "s 3"}));
}

QTEST_GUILESS_MAIN(TestMetricLint)
#include "tst_metric_lint.moc"
