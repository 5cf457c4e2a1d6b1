// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/service/service.h"
#include "core/base/file.h"
#include "core/client/embedded/embedded_client.h"
#include "support/process.h"
#include "ui/settings/settings.h"
#include "ui/shell/main_window.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using test::Program;

/// The real window over the real engine: this machine's metrics, and a real node_exporter, as a
/// person sees them.
class TestLiveWindow : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void thisComputerIsGraphedLive();
    void aRealExporterIsGraphedAndItsDeathIsShown();
    void aBadConfigurationIsShownAndTheWindowWorks();

private:
    struct Desk;
};

/// Engine, client and window over one folder.
struct TestLiveWindow::Desk
{
    explicit Desk(const std::string& config = {})
    {
        app::ServiceOptions options{.requireListener = false};
        options.engine.dataDirectory = folder.path() / "data";
        options.engine.requireConfig = false;
        options.engine.collectHost = true;
        options.engine.hostInterval = 500_ms;
        if (!config.empty()) {
            options.engine.configFile = folder.path() / "prometheus.yml";
            base::ignore(base::writeFileAtomically(options.engine.configFile, config),
                         "a missing file fails the test");
        }
        service = std::make_unique<app::Service>(std::move(options), log);
        client = std::make_unique<client::EmbeddedClient>(service->engine());
        settings = std::make_unique<ui::settings::Settings>(
            QString::fromStdString((folder.path() / "ui.ini").string()));
        window = std::make_unique<ui::shell::MainWindow>(*client, theme, *settings);
        window->resize(1440, 900);
        window->show();
        started = service->start().ok();
    }

    /// Types a query into Explore and runs it as a user does.
    ui::pages::Page* ask(const QString& query)
    {
        ui::pages::Page* page = window->openPage(QStringLiteral("explore"), {}, true);
        auto* edit = page->findChild<QWidget*>(QStringLiteral("explore.query.0.edit"));
        if (edit == nullptr) {
            return nullptr;
        }
        edit->setFocus();
        QTest::keyClicks(edit, query);
        QTest::keyClick(edit, Qt::Key_Escape);
        QTest::keyClick(edit, Qt::Key_Return, Qt::ControlModifier);
        return page;
    }

    static int points(const ui::pages::Page* page)
    {
        const auto* chart = page->findChild<QWidget*>(QStringLiteral("explore.chart"));
        return chart == nullptr ? -1 : chart->property("pointCount").toInt();
    }

    base::TemporaryDirectory folder;
    base::LogSetup log = base::LogSetup::create("error").value();
    ui::theme::Theme theme;
    std::unique_ptr<app::Service> service;
    std::unique_ptr<client::EmbeddedClient> client;
    std::unique_ptr<ui::settings::Settings> settings;
    std::unique_ptr<ui::shell::MainWindow> window;
    bool started = false;
};

void TestLiveWindow::thisComputerIsGraphedLive()
{
    Desk desk;
    QVERIFY(desk.started);
    const ui::pages::Page* overview = desk.window->openPage(QStringLiteral("overview"));
    const auto* chart = overview->findChild<QWidget*>(QStringLiteral("overview.chart"));
    QVERIFY(chart != nullptr);
    QTRY_VERIFY_WITH_TIMEOUT(chart->property("pointCount").toInt() > 0, 10000);
    ui::pages::Page* page = desk.ask(QStringLiteral("node_load1"));
    QVERIFY(page != nullptr);
    // A range of an hour has a coarse step: its first point may be one step away.
    QTRY_VERIFY_WITH_TIMEOUT(Desk::points(page) >= 1, 30000);
}

void TestLiveWindow::aRealExporterIsGraphedAndItsDeathIsShown()
{
    const QString path = test::peer("prometheus-node-exporter");
    if (path.isEmpty()) {
        QSKIP("node_exporter was not downloaded (packaging/test does it)");
    }
    const int port = test::freePort();
    Program exporter;
    QVERIFY(exporter.start(path, {"--web.listen-address=127.0.0.1:" + QString::number(port)}));
    Desk desk("global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: exporter\n  "
              "static_configs:\n  - targets: ['127.0.0.1:" +
              std::to_string(port) + "']\n");
    QVERIFY(desk.started);
    QTRY_COMPARE_WITH_TIMEOUT(int(desk.service->engine().status().targets.up), 2, 15000);
    ui::pages::Page* page =
        desk.ask(QStringLiteral("node_memory_MemAvailable_bytes{job=\"exporter\"}"));
    QVERIFY(page != nullptr);
    // A range of an hour has a coarse step: its first point may be one step away.
    QTRY_VERIFY_WITH_TIMEOUT(Desk::points(page) >= 1, 30000);
    exporter.kill();
    QTRY_COMPARE_WITH_TIMEOUT(int(desk.service->engine().status().targets.down), 1, 15000);
    // A scrape in flight is cut off, the next one is refused.
    const auto lastError = [&desk] {
        const auto targets = desk.service->engine().scraping().status().active;
        const auto down = std::find_if(targets.begin(), targets.end(), [](const auto& t) {
            return t.health == scrape::Health::Down;
        });
        return down == targets.end() ? std::string() : down->lastError;
    };
    QTRY_VERIFY2_WITH_TIMEOUT(lastError().find("connection refused") != std::string::npos,
                              lastError().c_str(), 15000);
}

void TestLiveWindow::aBadConfigurationIsShownAndTheWindowWorks()
{
    Desk desk("scrape_configs:\n- job_nam: x\n");
    QVERIFY(desk.started);
    const auto problems = desk.service->engine().status().problems;
    const auto found = std::find_if(problems.begin(), problems.end(),
                                    [](const auto& p) { return p.source == "configuration"; });
    QVERIFY(found != problems.end());
    QVERIFY2(found->message.find("prometheus.yml:2:3: field job_nam not found") !=
                 std::string::npos,
             found->message.c_str());
    QTRY_COMPARE_WITH_TIMEOUT(int(desk.service->engine().status().targets.up), 1, 10000);
}

QTEST_MAIN(TestLiveWindow)
#include "tst_live_window.moc"
