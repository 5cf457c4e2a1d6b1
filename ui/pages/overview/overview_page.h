// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Overview: is anything wrong, is the collector well, how is this computer, what was I doing.
// Owner: the shell's document tabs. Threads: GUI thread.
#pragma once

#include "ui/charts/time_chart.h"
#include "ui/kit/blocks.h"
#include "ui/kit/table.h"
#include "ui/pages/overview/attention_model.h"
#include "ui/pages/overview/host_row.h"
#include "ui/pages/overview/tile.h"
#include "ui/pages/page.h"
#include "ui/theme/series_colours.h"

#include <QStackedWidget>

namespace narthex::ui::pages {

class OverviewPage final : public Page
{
    Q_OBJECT

public:
    OverviewPage(PageContext& context, QWidget* parent);

    [[nodiscard]] QString title() const override { return tr("Overview"); }
    void refresh() override;

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    void setupTiles();
    QWidget* makeAttention();
    QWidget* makeProcessors();
    QWidget* makeHost();
    QWidget* makeRecent();
    QWidget* makeStarters();
    QWidget* makeEngine();

    void updateTiles();
    void updateAttention();
    void updateEngine();
    void updateHostRemark(bool ok);
    void rebuildHost();
    void fillRecent();
    void fillStarters();
    void askProcessors();
    void openQuery(const QString& query);
    QPushButton* addQueryLine(QVBoxLayout& list, const QString& name, const QString& query);

    Tile* notUp_ = nullptr;
    Tile* up_ = nullptr;
    Tile* collector_ = nullptr;
    Tile* series_ = nullptr;
    kit::ProgressLine* progress_ = nullptr;
    kit::Strip* strip_ = nullptr;
    kit::Panel* attention_ = nullptr;
    QStackedWidget* attentionStack_ = nullptr;
    AttentionModel* attentionModel_ = nullptr;
    kit::TableView* attentionTable_ = nullptr;
    kit::EmptyState* calm_ = nullptr;
    kit::Panel* processors_ = nullptr;
    charts::TimeChart* processorChart_ = nullptr;
    kit::Panel* host_ = nullptr;
    QVBoxLayout* hostRows_ = nullptr;
    kit::StateMark* hostMark_ = nullptr;
    QLabel* hostAge_ = nullptr;
    QList<HostRow*> rows_;
    base::Timestamp hostFresh_;
    QVBoxLayout* recent_ = nullptr;
    QVBoxLayout* starters_ = nullptr;
    QLabel* facts_ = nullptr;
    theme::SeriesColours colours_;
    QThreadPool worker_;
    backend::Request processorRequest_;
    QTimer timer_;
};

} // namespace narthex::ui::pages
