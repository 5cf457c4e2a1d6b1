// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Explore: ask, see, narrow down. Query rows, a chart with its legend, the same as a table,
// statistics of the queries. Owner: the shell's document tabs; several at once. Threads: GUI
// thread; series are prepared on a worker.
#pragma once

#include "ui/charts/legend_view.h"
#include "ui/charts/time_chart.h"
#include "ui/kit/blocks.h"
#include "ui/kit/table.h"
#include "ui/pages/explore/query_row.h"
#include "ui/pages/explore/result_table.h"
#include "ui/pages/page.h"
#include "ui/theme/series_colours.h"

#include <QComboBox>
#include <QSplitter>
#include <QStackedWidget>
#include <QStandardItemModel>

namespace narthex::ui::pages {

class ExplorePage final : public Page
{
    Q_OBJECT

public:
    ExplorePage(PageContext& context, QWidget* parent);

    [[nodiscard]] QString title() const override;
    [[nodiscard]] bool usesTime() const override { return true; }
    [[nodiscard]] QJsonObject saveState() const override;
    /// {"queries": [..], "mode": "line", "view": "chart"}; runs when there is a query.
    void restoreState(const QJsonObject& state) override;
    void refresh() override { runAll(); }
    void stop() override;

    void runAll();

protected:
    void showEvent(QShowEvent* event) override;

private:
    void setupRows();
    void setupTools();
    void setupViews();
    void setupChartView();
    void setupTableView();
    void setupStatsView();
    void setupEmpty();
    void connectRange();

    QueryRow* addRow(const QString& query);
    void removeRow(QueryRow* row);
    void renumber();
    void runRow(QueryRow& row, bool tailOnly);
    void takeAnswer(QueryRow* row, QueryRow::Answer question,
                    const absl::StatusOr<client::QueryResult>& result, bool tail);
    /// Gives the answers of all shown rows to the worker, then to chart, legend and tables.
    void prepare();
    void takePrepared(charts::PreparedSeries prepared);
    void updateBusy();
    void updateEmpty();
    void fillStarters();
    void fillStats();
    /// One or two axes; returns how many different units there are.
    std::size_t updateChartUnits(const charts::SeriesList& series);
    [[nodiscard]] base::Duration step() const;
    [[nodiscard]] bool hasQueries() const;
    void onZoomed(base::Timestamp from, base::Timestamp to);
    void onZoomReset();

    QVBoxLayout* rowsLayout_ = nullptr;
    QList<QueryRow*> rows_;
    QComboBox* mode_ = nullptr;
    QComboBox* step_ = nullptr;
    kit::SegmentedSwitch* views_ = nullptr;
    kit::ProgressLine* progress_ = nullptr;
    kit::Strip* notice_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QWidget* tools_ = nullptr;
    QSplitter* chartSplit_ = nullptr;
    charts::TimeChart* chart_ = nullptr;
    charts::LegendView* legend_ = nullptr;
    kit::TableView* table_ = nullptr;
    ResultTableModel* tableModel_ = nullptr;
    kit::TableView* stats_ = nullptr;
    QStandardItemModel* statsModel_ = nullptr;
    kit::EmptyState* empty_ = nullptr;
    QWidget* starters_ = nullptr;

    theme::SeriesColours colours_;
    charts::SeriesList series_;
    QThreadPool worker_;
    /// Rises with each preparation; older results are dropped.
    int preparation_ = 0;
    /// The range before the first zoom, to come back to.
    std::optional<range::RangeSpec> beforeZoom_;
    bool zooming_ = false;
};

} // namespace narthex::ui::pages
