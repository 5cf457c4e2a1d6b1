// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window as a whole: pages, both themes, accessibility, what is remembered, and requests that
// outlive nobody.
#include "window_fixture.h"

#include "ui/kit/controls.h"
#include "ui/kit/table.h"
#include "ui/pages/overview/tile.h"
#include "ui/shell/single_instance.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTabBar>
#include <QTest>

using namespace narthex;
using namespace narthex::ui;

class TestMainWindow : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void paintsBeforeTheEngineIsReady();
    void overviewShowsStatusAndThisComputer();
    void overviewLeavesOutWhatTheMachineLacks();
    void overviewTurnsUnknownWhenTheSourceFails();
    void sparklineOpensExplore();
    void targetsFilterByKeyboard();
    void targetsShowDetailsAndScrape();
    void targetsKeepTheirSelectionOverUpdates();
    void everyPageIsNamed_data() { pagesAndThemes(); }
    void everyPageIsNamed();
    void everyPageIsDrawn_data() { pagesAndThemes(); }
    void everyPageIsDrawn();
    void paletteFindsActionsAndMetrics();
    void rangeFieldAppliesWhatItUnderstands();
    void themeSwitchesAtRunTime();
    void restoresDocuments();
    void droppedRequestsAnswerNobody();
    void secondStartRaisesTheFirst();

private:
    static void pagesAndThemes()
    {
        QTest::addColumn<QString>("page");
        QTest::addColumn<bool>("dark");
        for (const char* page : {"overview", "explore", "targets", "settings"}) {
            QTest::addRow("%s light", page) << page << false;
            QTest::addRow("%s dark", page) << page << true;
        }
    }
};

void TestMainWindow::paintsBeforeTheEngineIsReady()
{
    QElapsedTimer timer;
    timer.start();
    test::WindowFixture fixture;
    client::ServerStatus status;
    status.state = client::EngineState::Replaying;
    status.replayProgress = 0.43;
    fixture.client().setStatus(status);
    const QImage image = fixture.window().grab().toImage();
    QVERIFY(!image.isNull());
    QVERIFY2(timer.elapsed() < 2000, "generous: the machine of a test may be slow");
    fixture.client().raise(client::Event::Status);
    auto* engine = fixture.find<QToolButton>("statusbar.engine");
    QTRY_VERIFY(engine->text().contains(QStringLiteral("43")));
}

void TestMainWindow::overviewShowsStatusAndThisComputer()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("overview"));
    auto* tile = fixture.find<pages::Tile>("overview.tiles.notUp");
    QTRY_COMPARE(tile->value(), QStringLiteral("3"));
    QTRY_VERIFY(fixture.find("overview.host.cpu") != nullptr);
    QVERIFY(fixture.find("overview.host.battery") != nullptr);
    auto* table = fixture.find<QTableView>("overview.attention.table");
    QTRY_COMPARE(table->model()->rowCount(), 2);
}

void TestMainWindow::overviewLeavesOutWhatTheMachineLacks()
{
    test::WindowFixture fixture;
    fixture.client().setWithBattery(false);
    fixture.window().openPage(QStringLiteral("overview"));
    fixture.client().raise(client::Event::Configuration);
    QTRY_VERIFY(fixture.find("overview.host.cpu") != nullptr);
    QTRY_VERIFY(fixture.find("overview.host.battery") == nullptr);
}

void TestMainWindow::overviewTurnsUnknownWhenTheSourceFails()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("overview"));
    auto* tile = fixture.find<pages::Tile>("overview.tiles.up");
    QTRY_COMPARE(tile->value(), QStringLiteral("13"));
    fixture.client().setFailure(base::unavailable("gone"));
    fixture.client().raise(client::Event::Status);
    QTRY_COMPARE(tile->value(), QStringLiteral("unknown"));
    QVERIFY(fixture.find("overview.error")->isVisible());
    fixture.client().setFailure(absl::OkStatus());
    fixture.client().raise(client::Event::Status);
    QTRY_COMPARE(tile->value(), QStringLiteral("13"));
    QVERIFY(!fixture.find("overview.error")->isVisible());
}

void TestMainWindow::sparklineOpensExplore()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("overview"));
    QTRY_VERIFY(fixture.find("overview.host.memory") != nullptr);
    QTest::mouseClick(fixture.find("overview.host.memory"), Qt::LeftButton);
    QCOMPARE(fixture.window().currentPage()->pageId(), QStringLiteral("explore"));
    QVERIFY(fixture.window().currentPage()->title().contains(QStringLiteral("node_memory")));
}

void TestMainWindow::targetsFilterByKeyboard()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("targets"));
    auto* table = fixture.find<QTableView>("targets.table");
    QTRY_COMPARE(table->model()->rowCount(), 16 + 6 + 1);
    fixture.window().actions().find(QStringLiteral("view.filter"))->trigger();
    auto* filter = fixture.find<kit::Field>("targets.filter");
    QTest::keyClicks(filter, QStringLiteral("job:api"));
    QCOMPARE(table->model()->rowCount(), 3 + 1);
    // A filter that is not valid leaves the last one in force.
    QTest::keyClicks(filter, QStringLiteral(" instance=~("));
    QVERIFY(!filter->error().isEmpty());
    QCOMPARE(table->model()->rowCount(), 3 + 1);
    filter->setText(QStringLiteral("nothing-like-this"));
    QTRY_VERIFY(fixture.find("targets.noMatch")->isVisible());
}

void TestMainWindow::targetsShowDetailsAndScrape()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("targets"));
    auto* table = fixture.find<QTableView>("targets.table");
    QTRY_VERIFY(table->model()->rowCount() > 10);
    table->setFocus();
    table->setCurrentIndex(table->model()->index(2, 0));
    auto* error = fixture.find<QLabel>("targets.detail.error");
    QTRY_VERIFY(error->isVisible());
    QVERIFY(error->text().contains(QStringLiteral("x509")));
    QTest::keyClick(table, Qt::Key_R);
    QTRY_COMPARE(fixture.client().scrapeCount(), 1);
    QTest::keyClick(table, Qt::Key_Escape);
    QVERIFY(!fixture.find("targets.detail")->isVisible());
}

void TestMainWindow::targetsKeepTheirSelectionOverUpdates()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("targets"));
    auto* table = fixture.find<QTableView>("targets.table");
    QTRY_VERIFY(table->model()->rowCount() > 10);
    table->setCurrentIndex(table->model()->index(8, 0));
    const QVariant key = table->currentIndex().data(kit::KeyRole);
    auto fewer = fixture.client().targetsNow();
    fewer.active.erase(fewer.active.begin());
    fixture.client().setTargets(fewer);
    const int before = table->model()->rowCount();
    fixture.client().raise(client::Event::Targets);
    QTRY_VERIFY(table->model()->rowCount() < before);
    QCOMPARE(table->selectionModel()->selectedRows().first().data(kit::KeyRole), key);
}

void TestMainWindow::everyPageIsNamed()
{
    QFETCH(QString, page);
    QFETCH(bool, dark);
    test::WindowFixture fixture(dark ? theme::Mode::Dark : theme::Mode::Light);
    fixture.window().openPage(
        page, page == QLatin1String("explore")
                  ? QJsonObject{{QStringLiteral("queries"), QJsonArray{"node_load1"}}}
                  : QJsonObject());
    QTRY_VERIFY(!fixture.window().currentPage()->busy());
    QStringList nameless;
    for (const QWidget* widget : fixture.window().findChildren<QWidget*>()) {
        if (!widget->isVisible() || widget->focusPolicy() == Qt::NoFocus ||
            widget->focusProxy() != nullptr ||
            widget->objectName().startsWith(QStringLiteral("qt_")) ||
            qobject_cast<const QScrollBar*>(widget) != nullptr) {
            continue;
        }
        const bool namedByBuddy = !widget->accessibleName().isEmpty();
        if (!namedByBuddy || widget->objectName().isEmpty()) {
            nameless << QStringLiteral("%1 “%2” “%3”")
                            .arg(QLatin1String(widget->metaObject()->className()),
                                 widget->objectName(), widget->accessibleName());
        }
    }
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(QLatin1Char('\n'))));
}

void TestMainWindow::everyPageIsDrawn()
{
    QFETCH(QString, page);
    QFETCH(bool, dark);
    test::WindowFixture fixture(dark ? theme::Mode::Dark : theme::Mode::Light);
    fixture.window().openPage(page);
    QTRY_VERIFY(!fixture.window().currentPage()->busy());
    const QImage image = fixture.window().grab().toImage();
    QSet<QRgb> colours;
    for (int y = 0; y < image.height(); y += 3) {
        for (int x = 0; x < image.width(); x += 3) {
            colours.insert(image.pixel(x, y));
        }
    }
    QVERIFY2(colours.size() > 30, qPrintable(QString::number(colours.size())));
    // The page's own ground is the theme's.
    const QColor corner = image.pixelColor(image.width() - 3, image.height() - 40);
    QCOMPARE(corner.lightness() < 128, dark);
}

void TestMainWindow::paletteFindsActionsAndMetrics()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("overview"));
    QTRY_VERIFY(fixture.find("overview.host.cpu") != nullptr); // the catalog is there
    fixture.window().actions().find(QStringLiteral("go.palette"))->trigger();
    auto* edit = fixture.find<QLineEdit>("palette.edit");
    auto* list = fixture.find<QAbstractItemView>("palette.list");
    QVERIFY(edit->isVisible());
    QTest::keyClicks(edit, QStringLiteral("targ"));
    QCOMPARE(list->currentIndex().data().toString(), QStringLiteral("Targets"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(fixture.window().currentPage()->pageId(), QStringLiteral("targets"));
    fixture.window().actions().find(QStringLiteral("go.palette"))->trigger();
    QTest::keyClicks(edit, QStringLiteral("@load1"));
    QCOMPARE(list->currentIndex().data().toString(), QStringLiteral("node_load1"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(fixture.window().currentPage()->title(), QStringLiteral("node_load1"));
}

void TestMainWindow::rangeFieldAppliesWhatItUnderstands()
{
    test::WindowFixture fixture;
    fixture.window().openPage(QStringLiteral("explore"));
    auto* field = fixture.find<kit::Field>("time.range");
    field->setFocus();
    field->selectAll();
    QTest::keyClicks(field, QStringLiteral("last 3 d"));
    QTest::keyClick(field, Qt::Key_Return);
    QCOMPARE(fixture.window().range().spec().length->ms(), std::int64_t(3 * 86'400'000));
    field->selectAll();
    QTest::keyClicks(field, QStringLiteral("last 3 q"));
    QVERIFY(!field->error().isEmpty());
    QTest::keyClick(field, Qt::Key_Return);
    QCOMPARE(fixture.window().range().spec().length->ms(), std::int64_t(3 * 86'400'000));
}

void TestMainWindow::themeSwitchesAtRunTime()
{
    test::WindowFixture fixture(theme::Mode::Light);
    const QColor light = fixture.window().palette().color(QPalette::Window);
    const QSignalSpy changed(&fixture.theme(), &theme::Theme::changed);
    fixture.window().actions().find(QStringLiteral("view.dark"))->trigger();
    QCOMPARE(changed.count(), 1);
    QVERIFY(QApplication::palette().color(QPalette::Window).lightness() < light.lightness());
}

void TestMainWindow::restoresDocuments()
{
    const QTemporaryDir directory;
    const QString file = directory.filePath(QStringLiteral("ui.ini"));
    test::FakeClient client;
    theme::Theme theme;
    {
        settings::Settings settings(file);
        shell::MainWindow window(client, theme, settings);
        window.openPage(QStringLiteral("explore"),
                        {{QStringLiteral("queries"), QJsonArray{"node_load5"}}});
        window.openPage(QStringLiteral("targets"));
        settings.edit().utc = true;
        settings.touch();
        window.close();
    }
    settings::Settings settings(file);
    QVERIFY(settings.values().utc);
    shell::MainWindow window(client, theme, settings);
    QCOMPARE(window.currentPage()->pageId(), QStringLiteral("targets"));
    QCOMPARE(window.findChild<QTabBar*>(QStringLiteral("documents"))->count(), 3);
    QCOMPARE(window.range().zone(), QTimeZone::utc());
}

void TestMainWindow::droppedRequestsAnswerNobody()
{
    test::FakeClient client;
    int answers = 0;
    {
        backend::Backend backend(client);
        backend::Request dropped = backend.status([&](const auto&) { answers += 100; });
        dropped.cancel();
        backend::Request replaced = backend.status([&](const auto&) { answers += 100; });
        replaced = backend.status([&](const auto&) { ++answers; });
        QVERIFY(replaced.active());
        QTRY_COMPARE(answers, 1);
        QVERIFY(!replaced.active());
        backend::Request late = backend.status([&](const auto&) { answers += 100; });
        late.cancel();
    }
    // Answers that come after the backend's death go nowhere.
    auto backend = std::make_unique<backend::Backend>(client);
    backend::Request orphan = backend->targets([&](const auto&) { answers += 100; });
    backend.reset();
    QVERIFY(!orphan.active());
    backend::Backend another(client);
    bool done = false;
    const backend::Request last = another.status([&](const auto&) { done = true; });
    QTRY_VERIFY(done);
    QCOMPARE(answers, 1);
}

void TestMainWindow::secondStartRaisesTheFirst()
{
    const QString name = QStringLiteral("/a/path/test-%1").arg(QCoreApplication::applicationPid());
    shell::SingleInstance first(name);
    QVERIFY(first.claim({}));
    QSignalSpy activated(&first, &shell::SingleInstance::activated);
    shell::SingleInstance second(name);
    QVERIFY(!second.claim({QStringLiteral("--open"), QStringLiteral("targets")}));
    QTRY_COMPARE(activated.count(), 1);
    QCOMPARE(activated.first().first().toStringList(), QStringList({"--open", "targets"}));
}

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
