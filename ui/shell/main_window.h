// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The main window. Paints before the engine is ready; pages are made when they are first shown.
//
//   theme::Theme theme;  theme.install(application);
//   settings::Settings settings;
//   shell::MainWindow window(client, theme, settings);
//   window.show();
//
// Owner: app. `client`, `theme` and `settings` outlive the window; the window applies the theme and
// time zone of the settings. Threads: GUI thread.
#pragma once

#include "ui/kit/actions.h"
#include "ui/pages/page.h"
#include "ui/shell/document_area.h"
#include "ui/shell/nav_rail.h"

#include <QMainWindow>

namespace narthex::ui::shell {

class CommandPalette;
class StatusParts;
class TimeBar;

class MainWindow final : public QMainWindow
{
    Q_OBJECT

public:
    MainWindow(client::MonitoringClient& client, theme::Theme& theme, settings::Settings& settings,
               QWidget* parent = nullptr);
    ~MainWindow() override;

    /// Shows a page by id: "overview", "explore", "targets", "settings". A `fresh` one even when
    /// one is open.
    pages::Page* openPage(const QString& page, const QJsonObject& state = {}, bool fresh = false);
    [[nodiscard]] pages::Page* currentPage() const { return documents_->current(); }
    [[nodiscard]] const kit::ActionRegistry& actions() const { return *actions_; }
    [[nodiscard]] range::RangeController& range() { return range_; }
    /// Raised, unminimised, active: for a second start of the program.
    void bringToFront();

protected:
    void closeEvent(QCloseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void moveEvent(QMoveEvent* event) override;

private:
    void setupActions();
    void setupPageActions();
    void setupViewActions();
    void setupMenus();
    void setupTopBar();
    void setupCentre();
    void restoreDocuments();
    void applySettings();
    void remember();
    void updateForPage();
    void updateBadges();
    void openPalette();

    theme::Theme& theme_;
    settings::Settings& settings_;
    backend::Backend backend_;
    backend::StatusWatch status_;
    backend::MetricCatalog catalog_;
    range::RangeController range_;
    pages::PageContext context_;
    std::vector<PageKind> kinds_;
    kit::ActionRegistry* actions_ = nullptr;
    NavRail* rail_ = nullptr;
    DocumentArea* documents_ = nullptr;
    QMenuBar* menus_ = nullptr;
    TimeBar* timeBar_ = nullptr;
    CommandPalette* palette_ = nullptr;
    bool restoring_ = true;
};

} // namespace narthex::ui::shell
