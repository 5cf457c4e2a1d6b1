// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/main_window.h"

#include "ui/kit/controls.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/connection_button.h"
#include "ui/shell/page_kinds.h"
#include "ui/shell/status_parts.h"
#include "ui/shell/time_bar.h"

#include <QCloseEvent>
#include <QHBoxLayout>
#include <QMenuBar>
#include <QVBoxLayout>

namespace narthex::ui::shell {
namespace {

constexpr int kNarrowBelow = 1280;

} // namespace

MainWindow::MainWindow(client::MonitoringClient& client, theme::Theme& theme,
                       settings::Settings& settings, QWidget* parent)
    : QMainWindow(parent),
      theme_(theme),
      settings_(settings),
      backend_(client),
      status_(backend_),
      catalog_(backend_),
      context_{theme_,
               backend_,
               catalog_,
               status_,
               range_,
               settings_,
               [this](const QString& page, const QJsonObject& state) {
                   openPage(page, state, page == QLatin1String("explore"));
               }},
      kinds_(pageKinds())
{
    setObjectName(QStringLiteral("window"));
    setWindowTitle(tr("Narthex"));
    setMinimumSize(1024, 640);
    resize(1440, 900);
    theme_.setMode(settings_.values().theme);
    actions_ = new kit::ActionRegistry(theme_, this);
    setupTopBar();
    setupCentre();
    setupPageActions();
    setupActions();
    setupViewActions();
    setupMenus();
    setStatusBar(new StatusParts(context_, this));
    applySettings();
    if (const auto spec = range::parseRange(settings_.values().range, range_.to(), range_.zone())) {
        range_.setSpec(*spec);
    }
    range_.setRefreshInterval(base::Duration::fromMs(settings_.values().refreshSeconds * 1000));
    restoreDocuments();
    connect(&settings_, &settings::Settings::changed, this, &MainWindow::applySettings);
    connect(&status_, &backend::StatusWatch::updated, this, &MainWindow::updateBadges);
    if (!settings_.values().geometry.isEmpty()) {
        restoreGeometry(settings_.values().geometry); // pulls windows back onto a screen
    }
}

MainWindow::~MainWindow()
{
    // Pages hold requests and connections to the members above: they go first.
    delete takeCentralWidget();
}

void MainWindow::setupTopBar()
{
    auto* top = new QWidget(this);
    top->setObjectName(QStringLiteral("shell_chrome"));
    top->setAttribute(Qt::WA_StyledBackground);
    auto* column = new QVBoxLayout(top);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* menuRow = new QHBoxLayout;
    menuRow->setContentsMargins(4, 0, 8, 0);
    menus_ = new QMenuBar(top);
    menus_->setObjectName(QStringLiteral("menu"));
    menus_->setNativeMenuBar(false);
    menus_->setFixedHeight(24);
    menuRow->addWidget(menus_, 1);
    auto* search =
        kit::makeToolButton(theme_, QStringLiteral("menu.palette"), QStringLiteral("search"),
                            tr("Search or run a command (Ctrl+K)"), top, true);
    search->setText(tr("Search or run a command"));
    search->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    connect(search, &QToolButton::clicked, this, &MainWindow::openPalette);
    menuRow->addWidget(search);
    menuRow->addWidget(kit::makeKeyCap(theme_, QStringLiteral("Ctrl+K"), top));
    column->addLayout(menuRow);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(8, 0, 8, 0);
    row->addWidget(new ConnectionButton(context_, top));
    row->addStretch(1);
    timeBar_ = new TimeBar(theme_, range_, settings_, top);
    timeBar_->setFixedHeight(32);
    row->addWidget(timeBar_);
    row->addSpacing(0);
    column->addLayout(row);
    // The bar keeps its height on pages without time.
    row->addStrut(32);
    column->addWidget(kit::makeLine(Qt::Horizontal, top));
    setMenuWidget(top);
}

void MainWindow::setupCentre()
{
    auto* centre = new QWidget(this);
    auto* row = new QHBoxLayout(centre);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    rail_ = new NavRail(theme_, centre);
    int number = 1;
    for (const PageKind& kind : kinds_) {
        const QString shortcut =
            kind.foot ? QStringLiteral("Ctrl+,") : QStringLiteral("Ctrl+%1").arg(number++);
        rail_->addPage(kind.id, kind.title, kind.icon, shortcut, kind.foot);
    }
    documents_ = new DocumentArea(context_, kinds_, centre);
    row->addWidget(rail_);
    row->addWidget(documents_, 1);
    setCentralWidget(centre);
    connect(rail_, &NavRail::activated, this, [this](const QString& page) { openPage(page); });
    connect(documents_, &DocumentArea::currentChanged, this, &MainWindow::updateForPage);
    connect(documents_, &DocumentArea::edited, this, &MainWindow::remember);
}

void MainWindow::restoreDocuments()
{
    const QList<settings::DocumentState> saved = settings_.values().documents;
    const int current = settings_.values().currentDocument;
    for (const settings::DocumentState& document : saved) {
        documents_->open(document.page, document.state, true);
    }
    if (documents_->current() == nullptr) {
        documents_->open(kinds_.front().id, {}, false);
    }
    documents_->setCurrentIndex(std::max(0, current));
    restoring_ = false;
    updateForPage();
}

pages::Page* MainWindow::openPage(const QString& page, const QJsonObject& state, bool fresh)
{
    return documents_->open(page, state, fresh && !state.isEmpty());
}

void MainWindow::applySettings()
{
    theme_.setMode(settings_.values().theme);
    range_.setZone(settings_.values().utc ? QTimeZone::utc() : QTimeZone::systemTimeZone());
}

void MainWindow::remember()
{
    if (restoring_) {
        return;
    }
    settings::Values& values = settings_.edit();
    values.documents = documents_->saveState();
    values.currentDocument = documents_->currentIndex();
    values.geometry = saveGeometry();
    settings_.touch();
}

void MainWindow::updateForPage()
{
    const pages::Page* page = documents_->current();
    if (page == nullptr) {
        return;
    }
    rail_->setCurrent(page->pageId());
    timeBar_->setVisible(page->usesTime());
    setWindowTitle(tr("%1 – Narthex").arg(page->title()));
}

void MainWindow::updateBadges()
{
    const auto& status = status_.status();
    const bool known = status.has_value() && status_.error().ok();
    rail_->setBadge(QStringLiteral("targets"), theme::State::Critical,
                    known ? int(status->targetsDown) : 0);
}

void MainWindow::openPalette()
{
    if (palette_ == nullptr) {
        palette_ = new CommandPalette(context_, *actions_, this);
    }
    palette_->open();
}

void MainWindow::bringToFront()
{
    setWindowState(windowState() & ~Qt::WindowMinimized);
    show();
    raise();
    activateWindow();
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    remember();
    settings_.save();
    event->accept();
}

void MainWindow::resizeEvent(QResizeEvent* event)
{
    QMainWindow::resizeEvent(event);
    rail_->setNarrow(width() < kNarrowBelow);
    remember();
}

void MainWindow::moveEvent(QMoveEvent* event)
{
    QMainWindow::moveEvent(event);
    remember();
}

} // namespace narthex::ui::shell
