// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Models change by difference: never a reset while the subject is the same.
#include "support/fake_data.h"
#include "ui/charts/legend_model.h"
#include "ui/kit/filter.h"
#include "ui/pages/overview/attention_model.h"
#include "ui/pages/targets/targets_model.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace narthex;
using namespace narthex::ui;

namespace {

constexpr base::Timestamp kNow{1772713800000};

std::shared_ptr<client::Targets> targets()
{
    return std::make_shared<client::Targets>(test::fakeTargets(kNow));
}

kit::Filter filter(const char* text) { return *kit::Filter::parse(QLatin1String(text)); }

QStringList instances(const pages::TargetsModel& model)
{
    QStringList list;
    for (int row = 0; row < model.rowCount(); ++row) {
        if (model.targetAt(row) != nullptr) {
            list << model.index(row, pages::TargetsModel::Instance).data().toString();
        }
    }
    return list;
}

} // namespace

class TestModels : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void targetsStandInGroupsWithTheirCause();
    void targetsUpdateWithoutReset();
    void targetsComeAndGo();
    void targetsAreFiltered_data();
    void targetsAreFiltered();
    void targetsSortByMovingRows();
    void groupsFold();
    void filterRefusesBrokenPatterns();
    void legendUpdatesWithoutReset();
    void problemsChangeByDifference();
};

void TestModels::targetsStandInGroupsWithTheirCause()
{
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setTargets(targets());
    QCOMPARE(model.counts().all, 16);
    QCOMPARE(model.counts().notUp, 3);
    QCOMPARE(model.counts().slow, 1);
    // The group that fails stands first, its shared cause below its head.
    QCOMPARE(model.index(0, 0).data().toString(), QStringLiteral("managed-kafka"));
    QCOMPARE(int(model.kindOf(1)), int(pages::TargetsModel::RowKind::Cause));
    QVERIFY(!model.index(1, 0).data(kit::RemarkRole).toString().isEmpty());
    QCOMPARE(instances(model).size(), 16);
}

void TestModels::targetsUpdateWithoutReset()
{
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setTargets(targets());
    const QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
    const QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
    const QSignalSpy removed(&model, &QAbstractItemModel::rowsRemoved);
    const QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
    auto newer = targets();
    newer->active[3].samplesAfterRelabeling = 7;
    model.setTargets(newer);
    QCOMPARE(resets.count(), 0);
    QCOMPARE(inserted.count(), 0);
    QCOMPARE(removed.count(), 0);
    QVERIFY(changed.count() <= 2);
}

void TestModels::targetsComeAndGo()
{
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setTargets(targets());
    const int before = model.rowCount();
    const QPersistentModelIndex kept = model.index(model.rowOf("node/db-1:9100"), 0);
    auto fewer = targets();
    fewer->active.erase(fewer->active.begin() + 4);
    model.setTargets(fewer);
    QCOMPARE(model.rowCount(), before - 1);
    QVERIFY(kept.isValid());
    QCOMPARE(model.targetAt(kept.row())->id, std::string("node/db-1:9100"));
    model.setTargets(targets());
    QCOMPARE(model.rowCount(), before);
    model.setTargets(std::make_shared<client::Targets>());
    QCOMPARE(model.rowCount(), 0);
}

void TestModels::targetsAreFiltered_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("count");
    QTest::newRow("state") << "state:down" << 3;
    QTest::newRow("job") << "job:node" << 6;
    QTest::newRow("exact label") << "instance=app-1:9100" << 1;
    QTest::newRow("pattern is anchored") << "instance=~app" << 0;
    QTest::newRow("pattern") << "instance=~app-.*" << 3;
    QTest::newRow("not") << "job!=node state:up" << 6;
    QTest::newRow("free word") << "replica" << 1;
    QTest::newRow("all terms must hold") << "job:node db" << 2;
    QTest::newRow("error class") << "error:TLS" << 3;
}

void TestModels::targetsAreFiltered()
{
    QFETCH(QString, text);
    QFETCH(int, count);
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setTargets(targets());
    model.setFilter(filter(qPrintable(text)));
    QCOMPARE(instances(model).size(), count);
    model.setFilter({});
    QCOMPARE(instances(model).size(), 16);
}

void TestModels::targetsSortByMovingRows()
{
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setGroupBy(pages::TargetsModel::GroupBy::Nothing);
    model.setTargets(targets());
    const QSignalSpy removed(&model, &QAbstractItemModel::rowsRemoved);
    model.sort(pages::TargetsModel::Duration, Qt::DescendingOrder);
    QCOMPARE(instances(model).first(), QStringLiteral("db-1:9187"));
    QCOMPARE(instances(model).last(), QStringLiteral("laptop"));
    QCOMPARE(removed.count(), 0);
}

void TestModels::groupsFold()
{
    pages::TargetsModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setTargets(targets());
    model.toggleGroup(0);
    QCOMPARE(instances(model).size(), 13);
    model.toggleGroup(0);
    QCOMPARE(instances(model).size(), 16);
}

void TestModels::filterRefusesBrokenPatterns()
{
    QString reason;
    QVERIFY(!kit::Filter::parse(QStringLiteral("a=~("), &reason).has_value());
    QVERIFY(!reason.isEmpty());
    QVERIFY(!kit::Filter::parse(QStringLiteral("state:")).has_value());
    QVERIFY(kit::Filter::parse(QStringLiteral("a=\"b c\" d")).has_value());
    QVERIFY(!kit::Filter::parse(QStringLiteral("a=")).has_value());
    QVERIFY(kit::Filter::parse(QStringLiteral("a=\"\"")).has_value());
}

void TestModels::legendUpdatesWithoutReset()
{
    charts::LegendModel model(nullptr);
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    const auto make = [](std::initializer_list<const char*> names) {
        charts::SeriesList list;
        for (const char* name : names) {
            auto series = std::make_shared<charts::ChartSeries>();
            series->key = series->name.toStdString() + name;
            series->letter = QStringLiteral("A");
            series->name = QLatin1String(name);
            series->points = {{{1000}, 2}};
            series->stats = {2, 2, 2, 2};
            list.push_back(series);
        }
        return list;
    };
    model.setSeries(make({"a", "b", "c"}));
    const QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
    const QPersistentModelIndex c = model.index(2, 0);
    model.setSeries(make({"d", "c", "a"}));
    QCOMPARE(resets.count(), 0);
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(c.row(), charts::LegendModel::Name).data().toString(),
             QStringLiteral("c"));
    model.setCursor(base::Timestamp{1000}, QStringLiteral("At 1"));
    QCOMPARE(model.index(0, charts::LegendModel::AtCursor).data(kit::RawRole).toDouble(), 2.0);
}

void TestModels::problemsChangeByDifference()
{
    pages::AttentionModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    const auto status = test::fakeStatus(kNow);
    model.setProblems(status.problems);
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.problem(0).source, std::string("targets"));
    const QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
    const QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
    model.setProblems(status.problems);
    QCOMPARE(inserted.count() + changed.count(), 0);
    auto more = status.problems;
    more.push_back({"storage", client::ProblemSeverity::Error, "storage", "disk full", {}, kNow});
    model.setProblems(more);
    QCOMPARE(inserted.count(), 1);
    QVERIFY(!pages::remedyFor(more.back()).isEmpty());
    model.setProblems({});
    QCOMPARE(model.rowCount(), 0);
}

QTEST_MAIN(TestModels)
#include "tst_models.moc"
