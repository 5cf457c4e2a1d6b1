// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/scrape/target.h"

#include <QtTest>

using namespace narthex;
using model::Labels;

namespace {

relabel::Rule constant(const std::string& label, const std::string& value)
{
    relabel::Rule rule{.targetLabel = label, .replacement = value};
    base::ignore(relabel::validate(rule, relabel::NameScheme::Utf8), "the rule is right");
    return rule;
}

absl::StatusOr<std::optional<scrape::Target>> make(const scrape::JobConfig& job,
                                                   const Labels& entry, const Labels& group = {})
{
    return scrape::makeTarget(job, scrape::discoveredLabels(job, entry, group));
}

} // namespace

class TestTarget : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void fillsInTheJobsDefaults();
    void theEntryWinsOverTheGroup();
    void refusesWhatCannotBeScraped_data();
    void refusesWhatCannotBeScraped();
    void parametersComeFromConfigAndLabels();
    void hiddenLabelsMakeOtherTargets();
    void offsetsAreStableAndSpread();
};

void TestTarget::fillsInTheJobsDefaults()
{
    const scrape::JobConfig job{.jobName = "node"};
    const Labels entry{{"__address__", "h:9100"}};
    const Labels discovered = scrape::discoveredLabels(job, entry, {});
    QCOMPARE(discovered.toString(),
             std::string("{__address__=\"h:9100\", "
                         "__always_scrape_classic_histograms__=\"false\", "
                         "__convert_classic_histograms_to_nhcb__=\"false\", "
                         "__metrics_path__=\"/metrics\", __scheme__=\"http\", "
                         "__scrape_interval__=\"1m\", __scrape_native_histograms__=\"false\", "
                         "__scrape_timeout__=\"10s\", job=\"node\"}"));
    const auto target = make(job, entry);
    QVERIFY(target.ok() && *target);
    QCOMPARE((*target)->labels.toString(), std::string("{instance=\"h:9100\", job=\"node\"}"));
    QCOMPARE((*target)->url, std::string("http://h:9100/metrics"));
    QCOMPARE((*make(job, Labels{{"__address__", "h"}}))->url, std::string("http://h/metrics"));
}

void TestTarget::theEntryWinsOverTheGroup()
{
    const scrape::JobConfig job{.jobName = "node"};
    const auto target =
        make(job, Labels{{"__address__", "h"}, {"env", "a"}}, Labels{{"env", "b"}, {"job", "x"}});
    QCOMPARE((*target)->labels.toString(), std::string("{env=\"a\", instance=\"h\", job=\"x\"}"));
    QCOMPARE((*target)->job, std::string("node"));
}

void TestTarget::refusesWhatCannotBeScraped_data()
{
    QTest::addColumn<QString>("label");
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("error");
    QTest::newRow("no address") << "__address__"
                                << ""
                                << "no address";
    QTest::newRow("a path in the address") << "__address__"
                                           << "h/x"
                                           << "\"h/x\" is not a valid hostname";
    QTest::newRow("interval no duration")
        << "__scrape_interval__"
        << "soon"
        << "error parsing scrape interval: not a valid duration string: \"soon\"";
    QTest::newRow("interval zero") << "__scrape_interval__"
                                   << "0s"
                                   << "scrape interval cannot be 0";
    QTest::newRow("timeout above interval")
        << "__scrape_interval__"
        << "1s"
        << "scrape timeout cannot be greater than scrape interval (\"10s\" > \"1s\")";
}

void TestTarget::refusesWhatCannotBeScraped()
{
    QFETCH(QString, label);
    QFETCH(QString, value);
    scrape::JobConfig job{.jobName = "j"};
    job.relabelRules = {constant(label.toStdString(), value.toStdString())};
    const auto target = make(job, Labels{{"__address__", "h:1"}});
    QVERIFY(!target.ok());
    QTEST(QString::fromStdString(std::string(base::messageOf(target.status()))), "error");
}

void TestTarget::parametersComeFromConfigAndLabels()
{
    scrape::JobConfig job{.jobName = "j", .params = {{"a", {"1", "2"}}}};
    job.relabelRules = {constant("__param_a", "9"), constant("__param_b", "x y")};
    QCOMPARE((*make(job, Labels{{"__address__", "h:1"}}))->url,
             std::string("http://h:1/metrics?a=9&a=2&b=x+y"));
}

void TestTarget::hiddenLabelsMakeOtherTargets()
{
    const scrape::JobConfig job{.jobName = "j"};
    const discovery::TargetGroup group{
        .source = "1",
        .entries = {Labels{{"__address__", "h:1"}}, Labels{{"__address__", "h:1"}},
                    Labels{{"__address__", "h:1"}, {"__tmp_z", "1"}}}};
    const scrape::TargetSet set = scrape::makeTargets(job, group);
    QCOMPARE(set.targets.size(), std::size_t{3});
    QCOMPARE(set.targets[0]->hash, set.targets[1]->hash);
    QVERIFY(set.targets[0]->hash != set.targets[2]->hash);
    QVERIFY(set.targets[0]->labels == set.targets[2]->labels);
}

void TestTarget::offsetsAreStableAndSpread()
{
    const scrape::JobConfig job{.jobName = "j", .interval = base::Duration::fromMs(10000)};
    std::set<std::int64_t> offsets;
    for (int i = 0; i < 50; ++i) {
        const auto target = make(job, Labels{{"__address__", "h" + std::to_string(i)}});
        const base::Timestamp now{1700000003000 + i * 137};
        const base::Duration wait = (*target)->untilNextScrape(now, 42);
        QVERIFY(wait.ns >= 0 && wait <= job.interval);
        const base::Timestamp first = now + wait;
        const base::Timestamp again =
            first + (*target)->untilNextScrape(first + base::Duration::fromMs(1), 42) +
            base::Duration::fromMs(1);
        QVERIFY(std::abs(again.ms - first.ms - 10000) <= 1);
        offsets.insert(first.ms % 10000 / 1000);
    }
    QVERIFY2(offsets.size() >= 8, "fifty targets fall into nearly every second of the interval");
}

QTEST_GUILESS_MAIN(TestTarget)
#include "tst_target.moc"
