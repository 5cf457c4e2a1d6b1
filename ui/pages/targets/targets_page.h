// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Targets: what is scraped, what fails, why.
// Owner: the shell's document tabs. Threads: GUI thread.
#pragma once

#include "ui/kit/blocks.h"
#include "ui/kit/table.h"
#include "ui/pages/page.h"
#include "ui/pages/targets/target_details.h"
#include "ui/pages/targets/targets_model.h"

#include <QSplitter>
#include <QStackedWidget>

namespace narthex::ui::pages {

class TargetsPage final : public Page
{
    Q_OBJECT

public:
    TargetsPage(PageContext& context, QWidget* parent);

    [[nodiscard]] QString title() const override { return tr("Targets"); }
    [[nodiscard]] QJsonObject saveState() const override;
    /// {"show": "all" | "notUp" | "slow", "filter": "…", "group": "job"}
    void restoreState(const QJsonObject& state) override;
    void refresh() override;
    void focusFilter() override { filter_->setFocus(Qt::ShortcutFocusReason); }

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void setupTools();
    void setupTable();
    void setupFoot();
    void take(const absl::StatusOr<client::Targets>& targets);
    void updateCounts();
    void updateLayoutOfRows();
    void updateView();
    void showSelected();
    void closeDetails();
    void scrapeNow();
    void openCopyMenu(QWidget* button);

    kit::FilterBar* filter_ = nullptr;
    kit::SegmentedSwitch* show_ = nullptr;
    kit::Choice* group_ = nullptr;
    QLabel* age_ = nullptr;
    kit::ProgressLine* progress_ = nullptr;
    kit::Strip* strip_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QSplitter* split_ = nullptr;
    TargetsModel* model_ = nullptr;
    kit::TableView* table_ = nullptr;
    kit::EmptyState* empty_ = nullptr;
    kit::EmptyState* noMatch_ = nullptr;
    QLabel* foot_ = nullptr;
    TargetDetails* details_ = nullptr;
    std::string selected_;
    bool loaded_ = false;
    std::optional<base::Timestamp> freshAt_;
    backend::Request request_;
    backend::Request scrapeRequest_;
    QTimer poll_;
    QTimer tick_;
};

} // namespace narthex::ui::pages
