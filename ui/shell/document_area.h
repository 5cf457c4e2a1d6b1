// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pages as tabbed documents.
// Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/pages/page.h"

#include <QStackedWidget>
#include <QTabBar>

#include <functional>
#include <vector>

namespace narthex::ui::shell {

/// How to make a page; the list of these is the list of what the program has.
struct PageKind
{
    QString id;
    QString title;
    QString icon;
    /// Several at once.
    bool multiple = false;
    /// At the foot of the rail.
    bool foot = false;
    std::function<pages::Page*(pages::PageContext&, QWidget* parent)> make;
};

/// Tabs of 32 px with the connection's colour on top.
class DocumentTabBar final : public QTabBar
{
    Q_OBJECT

public:
    DocumentTabBar(const theme::Theme& theme, QWidget* parent);
    QSize tabSizeHint(int index) const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
};

class DocumentArea final : public QWidget
{
    Q_OBJECT

public:
    DocumentArea(pages::PageContext& context, const std::vector<PageKind>& kinds, QWidget* parent);

    /// Shows the page of this kind; makes it when there is none, or always a new one for `fresh`.
    pages::Page* open(const QString& kind, const QJsonObject& state, bool fresh);
    void closeCurrent();
    void reopenClosed();
    void step(int direction);
    [[nodiscard]] pages::Page* current() const;
    [[nodiscard]] QList<settings::DocumentState> saveState() const;
    [[nodiscard]] int currentIndex() const { return tabs_->currentIndex(); }
    void setCurrentIndex(int index) { tabs_->setCurrentIndex(index); }

Q_SIGNALS:
    void currentChanged();
    /// Worth remembering.
    void edited();

private:
    void setupTabs();
    void closeAt(int index);
    void updateTab(const pages::Page* page);
    [[nodiscard]] const PageKind* kind(const QString& id) const;
    [[nodiscard]] pages::Page* pageAt(int index) const;

    pages::PageContext& context_;
    const std::vector<PageKind>& kinds_;
    DocumentTabBar* tabs_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QList<settings::DocumentState> closed_;
};

} // namespace narthex::ui::shell
