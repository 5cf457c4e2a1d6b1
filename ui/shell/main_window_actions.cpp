// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The commands of MainWindow and the menus that show them.
#include "ui/shell/main_window.h"
#include "ui/shell/shortcut_sheet.h"
#include "ui/shell/time_bar.h"

#include <QDialog>
#include <QMenuBar>

namespace narthex::ui::shell {

void MainWindow::setupPageActions()
{
    int number = 1;
    for (const PageKind& kind : kinds_) {
        const QKeySequence keys(kind.foot ? QStringLiteral("Ctrl+,")
                                          : QStringLiteral("Ctrl+%1").arg(number++));
        actions_->add({QStringLiteral("go.") + kind.id, kind.title, kind.icon, {keys}, tr("Page")},
                      this, [this, id = kind.id] { openPage(id); });
    }
}

void MainWindow::setupActions()
{
    actions_->add({QStringLiteral("file.newExplore"),
                   tr("New Explore tab"),
                   QStringLiteral("plus"),
                   {QKeySequence(QStringLiteral("Ctrl+T"))},
                   tr("An empty query")},
                  this, [this] { documents_->open(QStringLiteral("explore"), {}, true); });
    actions_->add({QStringLiteral("file.closeTab"),
                   tr("Close tab"),
                   QStringLiteral("close"),
                   {QKeySequence(QStringLiteral("Ctrl+W"))},
                   {}},
                  this, [this] { documents_->closeCurrent(); });
    actions_->add({QStringLiteral("file.reopenTab"),
                   tr("Reopen closed tab"),
                   QStringLiteral("history"),
                   {QKeySequence(QStringLiteral("Ctrl+Shift+T"))},
                   {}},
                  this, [this] { documents_->reopenClosed(); });
    actions_->add({QStringLiteral("file.quit"),
                   tr("Quit"),
                   QStringLiteral("quit"),
                   {QKeySequence(QStringLiteral("Ctrl+Q"))},
                   {}},
                  this, [this] { close(); });
    actions_->add({QStringLiteral("go.nextTab"),
                   tr("Next tab"),
                   QStringLiteral("arrow-right"),
                   {QKeySequence(QStringLiteral("Ctrl+Tab"))},
                   {}},
                  this, [this] { documents_->step(1); });
    actions_->add({QStringLiteral("go.previousTab"),
                   tr("Previous tab"),
                   QStringLiteral("arrow-left"),
                   {QKeySequence(QStringLiteral("Ctrl+Shift+Tab"))},
                   {}},
                  this, [this] { documents_->step(-1); });
    actions_->add({QStringLiteral("go.back"),
                   tr("Range before"),
                   QStringLiteral("arrow-left"),
                   {QKeySequence(QStringLiteral("Alt+Left"))},
                   tr("Time range")},
                  this, [this] { range_.goBack(); });
    actions_->add({QStringLiteral("go.forward"),
                   tr("Range after"),
                   QStringLiteral("arrow-right"),
                   {QKeySequence(QStringLiteral("Alt+Right"))},
                   tr("Time range")},
                  this, [this] { range_.goForward(); });
    actions_->add(
        {QStringLiteral("go.palette"),
         tr("Command palette"),
         QStringLiteral("search"),
         {QKeySequence(QStringLiteral("Ctrl+K")), QKeySequence(QStringLiteral("Ctrl+Shift+P"))},
         {}},
        this, [this] { openPalette(); });
    actions_->add({QStringLiteral("query.refresh"),
                   tr("Refresh"),
                   QStringLiteral("refresh"),
                   {QKeySequence(QStringLiteral("F5"))},
                   {}},
                  this, [this] {
                      range_.refresh();
                      if (pages::Page* page = documents_->current()) {
                          page->refresh();
                      }
                  });
    actions_->add({QStringLiteral("query.stop"),
                   tr("Stop"),
                   QStringLiteral("stop"),
                   {QKeySequence(QStringLiteral("Shift+F5"))},
                   {}},
                  this, [this] {
                      if (pages::Page* page = documents_->current()) {
                          page->stop();
                      }
                  });
    actions_->add({QStringLiteral("query.range"),
                   tr("Time range"),
                   QStringLiteral("clock"),
                   {QKeySequence(QStringLiteral("Ctrl+L"))},
                   tr("Type a range")},
                  this, [this] { timeBar_->field()->setFocus(Qt::ShortcutFocusReason); });
    actions_->add({QStringLiteral("query.follow"),
                   tr("Follow the present"),
                   QStringLiteral("follow"),
                   {QKeySequence(QStringLiteral("Ctrl+Shift+L"))},
                   {}},
                  this, [this] { range_.setFollowing(!range_.following()); });
}

void MainWindow::setupViewActions()
{
    const auto setMode = [this](theme::Mode mode) {
        settings_.edit().theme = mode;
        settings_.touch();
    };
    actions_->add({QStringLiteral("view.light"),
                   tr("Light theme"),
                   QStringLiteral("sun"),
                   {},
                   tr("Appearance")},
                  this, [setMode] { setMode(theme::Mode::Light); });
    actions_->add({QStringLiteral("view.dark"),
                   tr("Dark theme"),
                   QStringLiteral("moon"),
                   {},
                   tr("Appearance")},
                  this, [setMode] { setMode(theme::Mode::Dark); });
    actions_->add({QStringLiteral("view.systemTheme"),
                   tr("Theme of the desktop"),
                   QStringLiteral("laptop"),
                   {},
                   tr("Appearance")},
                  this, [setMode] { setMode(theme::Mode::System); });
    actions_->add({QStringLiteral("view.filter"),
                   tr("Filter"),
                   QStringLiteral("filter"),
                   {QKeySequence(QStringLiteral("Ctrl+F"))},
                   tr("Filter of the page")},
                  this, [this] {
                      if (pages::Page* page = documents_->current()) {
                          page->focusFilter();
                      }
                  });
    actions_->add({QStringLiteral("view.fullScreen"),
                   tr("Full screen"),
                   QStringLiteral("window"),
                   {QKeySequence(QStringLiteral("F11"))},
                   {}},
                  this, [this] { setWindowState(windowState() ^ Qt::WindowFullScreen); });
    actions_->add({QStringLiteral("view.utc"),
                   tr("Switch between local time and UTC"),
                   QStringLiteral("globe"),
                   {},
                   {}},
                  this, [this] {
                      settings_.edit().utc = !settings_.values().utc;
                      settings_.touch();
                  });
    actions_->add({QStringLiteral("help.shortcuts"),
                   tr("Shortcuts"),
                   QStringLiteral("keyboard"),
                   {QKeySequence(QStringLiteral("F1")), QKeySequence(Qt::Key_Question)},
                   {}},
                  this, [this] { makeShortcutSheet(theme_, *actions_, this)->open(); });
}

void MainWindow::setupMenus()
{
    struct MenuPart
    {
        QString title;
        QString prefix;
    };
    const MenuPart parts[] = {{tr("&File"), QStringLiteral("action.file.")},
                              {tr("&View"), QStringLiteral("action.view.")},
                              {tr("&Go"), QStringLiteral("action.go.")},
                              {tr("&Query"), QStringLiteral("action.query.")},
                              {tr("&Help"), QStringLiteral("action.help.")}};
    for (const MenuPart& part : parts) {
        QMenu* menu = menus_->addMenu(part.title);
        for (QAction* action : actions_->all()) {
            if (action->objectName().startsWith(part.prefix)) {
                menu->addAction(action);
            }
        }
    }
}

} // namespace narthex::ui::shell
