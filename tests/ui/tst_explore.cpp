// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Explore by keyboard: type, complete, run, see the error where it is.
#include "window_fixture.h"

#include "ui/charts/time_chart.h"
#include "ui/editors/code_view.h"
#include "ui/editors/completion.h"
#include "ui/editors/completion_popup.h"
#include "ui/kit/blocks.h"

#include <QJsonArray>
#include <QTableView>
#include <QTest>

using namespace narthex;
using namespace narthex::ui;

class TestExplore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup() { fixture_.reset(); }
    void ranksCompletions();
    void runsAQueryByKeyboard();
    void showsTheErrorAtItsPlace();
    void keepsTheOldCurvesWhenTheServerFails();
    void completesWithTab();
    void enterInsertsOnlyAfterMovingIn();
    void offersLabelsOfTheMetric();
    void historyComesBack();
    void tellsWhenNotAllSeriesAreDrawn();
    void remembersItsQueries();
    void tableShowsTheSameSeries();

private:
    editors::CodeView* edit() { return fixture_->find<editors::CodeView>("explore.query.0.edit"); }
    charts::TimeChart* chart() { return fixture_->find<charts::TimeChart>("explore.chart"); }
    editors::CompletionPopup* popup()
    {
        return fixture_->window().findChild<editors::CompletionPopup*>();
    }
    bool popupOpen() { return popup() != nullptr && popup()->isVisible(); }
    void type(const char* text)
    {
        edit()->setFocus();
        QTest::keyClicks(edit(), QLatin1String(text));
    }
    void run() { QTest::keyClick(edit(), Qt::Key_Return, Qt::ControlModifier); }

    std::unique_ptr<test::WindowFixture> fixture_;
};

void TestExplore::init()
{
    fixture_ = std::make_unique<test::WindowFixture>();
    fixture_->window().openPage(QStringLiteral("explore"));
    QTRY_VERIFY(edit() != nullptr);
}

void TestExplore::ranksCompletions()
{
    QList<editors::CompletionItem> items;
    for (const char* name : {"node_receive", "receive", "received", "xreceive"}) {
        items << editors::CompletionItem{
            QLatin1String(name), {}, promql::CompletionKind::MetricName, {}, {}, {}};
    }
    QStringList order;
    for (const editors::CompletionItem& item :
         editors::rankCompletions(items, QStringLiteral("receive"), 10)) {
        order << item.text;
    }
    QCOMPARE(order, QStringList({"receive", "received", "node_receive", "xreceive"}));
    QVERIFY(editors::rankCompletions(items, QStringLiteral("zzz"), 10).isEmpty());
}

void TestExplore::runsAQueryByKeyboard()
{
    type("node_load1");
    run();
    QTRY_COMPARE(chart()->seriesCount(), 6);
    QTRY_VERIFY(chart()->pointCount() > 100);
    QTRY_VERIFY(!fixture_->window().currentPage()->busy());
    QVERIFY(fixture_->window().currentPage()->generation() > 0);
    QCOMPARE(fixture_->window().currentPage()->errorCode(), QString());
    QCOMPARE(fixture_->settings().values().queryHistory.first(), QStringLiteral("node_load1"));
}

void TestExplore::showsTheErrorAtItsPlace()
{
    type("sum(rat(node_load1[5m]))");
    run();
    auto* strip = fixture_->find<kit::Strip>("explore.query.0.error");
    QTRY_VERIFY(strip->isVisible());
    QTRY_COMPARE(fixture_->window().currentPage()->errorCode(), QStringLiteral("INVALID_ARGUMENT"));
    // The squiggle stands under "rat" alone.
    const auto marked = [this](long at) {
        return edit()->SendScintilla(QsciScintillaBase::SCI_INDICATORVALUEAT, 8UL, at) != 0;
    };
    QVERIFY(marked(4));
    QVERIFY(marked(6));
    QVERIFY(!marked(3));
    QVERIFY(!marked(7));
    // It goes as soon as the text changes.
    type(" ");
    QVERIFY(!marked(4));
}

void TestExplore::keepsTheOldCurvesWhenTheServerFails()
{
    type("node_load1");
    run();
    QTRY_COMPARE(chart()->seriesCount(), 6);
    fixture_->client().setFailure(base::unavailable("connection refused"));
    run();
    auto* strip = fixture_->find<kit::Strip>("explore.query.0.error");
    QTRY_VERIFY(strip->isVisible());
    QCOMPARE(chart()->seriesCount(), 6);
    fixture_->client().setFailure(absl::OkStatus());
    QTest::mouseClick(strip->findChild<QPushButton*>(QStringLiteral("explore.error.retry")),
                      Qt::LeftButton);
    QTRY_VERIFY(!strip->isVisible());
}

void TestExplore::completesWithTab()
{
    // The catalog must have its names before it can offer them.
    type("node_network_rec");
    QTRY_VERIFY(popupOpen());
    const QString first = popup()->current()->text;
    QVERIFY(first.startsWith(QStringLiteral("node_network_rec")));
    QTest::keyClick(edit(), Qt::Key_Tab);
    QCOMPARE(edit()->text(), first);
    QVERIFY(!popupOpen());
}

void TestExplore::enterInsertsOnlyAfterMovingIn()
{
    type("node_mem");
    QTRY_VERIFY(popupOpen());
    QTest::keyClick(edit(), Qt::Key_Escape);
    QVERIFY(!popupOpen());
    QCOMPARE(edit()->text(), QStringLiteral("node_mem"));
    QTest::keyClick(edit(), Qt::Key_Space, Qt::ControlModifier);
    QTRY_VERIFY(popupOpen());
    QTest::keyClick(edit(), Qt::Key_Return);
    QVERIFY(!popupOpen());
    QVERIFY(edit()->text().startsWith(QStringLiteral("node_mem")));
    QCOMPARE(edit()->text().trimmed(), QStringLiteral("node_mem"));
    edit()->undo();
    QTest::keyClick(edit(), Qt::Key_Space, Qt::ControlModifier);
    QTRY_VERIFY(popupOpen());
    QTest::keyClick(edit(), Qt::Key_Down);
    const QString second = popup()->current()->text;
    QTest::keyClick(edit(), Qt::Key_Return);
    QCOMPARE(edit()->text().trimmed(), second);
}

void TestExplore::offersLabelsOfTheMetric()
{
    type("up{");
    QTRY_VERIFY(popupOpen());
    QVERIFY(popup()->current() != nullptr);
    QCOMPARE(int(popup()->current()->kind), int(promql::CompletionKind::LabelName));
}

void TestExplore::historyComesBack()
{
    type("node_load1");
    run();
    QTRY_COMPARE(chart()->seriesCount(), 6);
    fixture_->window().actions().find(QStringLiteral("file.newExplore"))->trigger();
    QVERIFY(edit()->text().isEmpty());
    edit()->setFocus();
    QTest::keyClick(edit(), Qt::Key_Up, Qt::ControlModifier);
    QCOMPARE(edit()->text(), QStringLiteral("node_load1"));
    QTest::keyClick(edit(), Qt::Key_Down, Qt::ControlModifier);
    QVERIFY(edit()->text().isEmpty());
}

void TestExplore::tellsWhenNotAllSeriesAreDrawn()
{
    fixture_->window().openPage(
        QStringLiteral("explore"),
        {{QStringLiteral("queries"), QJsonArray{"many_series", "node_load1"}}});
    QTRY_COMPARE(chart()->seriesCount(), 1000);
    QTRY_VERIFY(fixture_->find<kit::Strip>("explore.notice")->isVisible());
    QVERIFY(
        fixture_->find<kit::Strip>("explore.notice")->title().contains(QStringLiteral("1,006")));
}

void TestExplore::remembersItsQueries()
{
    fixture_->window().openPage(QStringLiteral("explore"),
                                {{QStringLiteral("queries"), QJsonArray{"up", "node_load1"}}});
    const QJsonObject state = fixture_->window().currentPage()->saveState();
    fixture_->window().actions().find(QStringLiteral("file.closeTab"))->trigger();
    fixture_->window().actions().find(QStringLiteral("file.reopenTab"))->trigger();
    QCOMPARE(fixture_->window().currentPage()->saveState(), state);
    QVERIFY(fixture_->find<editors::CodeView>("explore.query.1.edit") != nullptr);
}

void TestExplore::tableShowsTheSameSeries()
{
    type("node_load1");
    run();
    QTRY_COMPARE(chart()->seriesCount(), 6);
    QTest::mouseClick(fixture_->find<QToolButton>("explore.views.table"), Qt::LeftButton);
    auto* table = fixture_->find<QTableView>("explore.table");
    QVERIFY(table->isVisible());
    QCOMPARE(table->model()->rowCount(), 6);
}

QTEST_MAIN(TestExplore)
#include "tst_explore.moc"
