// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The side pane of a target: last scrape with error and remedy, labels before and after relabeling.
// Owner: TargetsPage. Threads: GUI thread.
#pragma once

#include "ui/kit/blocks.h"
#include "ui/pages/page.h"

#include <QStackedWidget>
#include <QTabBar>

namespace narthex::ui::pages {

class TargetDetails final : public QWidget
{
    Q_OBJECT

public:
    TargetDetails(PageContext& context, QWidget* parent);

    void show(const client::TargetInfo& target);
    /// While a scrape that the user asked for runs.
    void setScraping(bool scraping);

Q_SIGNALS:
    void scrapeRequested();
    void closed();

private:
    void setupHead();
    void setupScrape();
    void setupLabels();
    void fillFacts(const client::TargetInfo& target);
    void copy(const QString& form);
    [[nodiscard]] QString selector() const;

    PageContext& context_;
    client::TargetInfo target_;
    kit::StateMark* mark_ = nullptr;
    QLabel* title_ = nullptr;
    QToolButton* scrape_ = nullptr;
    QPushButton* scrapeButton_ = nullptr;
    QTabBar* tabs_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QLabel* outcome_ = nullptr;
    QLabel* when_ = nullptr;
    QLabel* error_ = nullptr;
    QLabel* remedy_ = nullptr;
    QLabel* facts_ = nullptr;
    kit::ChipFlow* after_ = nullptr;
    kit::ChipFlow* before_ = nullptr;
};

} // namespace narthex::ui::pages
