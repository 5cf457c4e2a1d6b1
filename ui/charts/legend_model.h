// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The legend of a chart as a model: sample, name, labels, value at the cursor, last, min, mean,
// max, unit. Owner: LegendView. Threads: GUI thread.
#pragma once

#include "ui/charts/series.h"
#include "ui/kit/table.h"

#include <QAbstractTableModel>

#include <optional>
#include <set>

namespace narthex::ui::charts {

class LegendModel final : public QAbstractTableModel
{
    Q_OBJECT

public:
    enum Column : int
    {
        Letter,
        Sample,
        Name,
        Labels,
        AtCursor,
        Last,
        Min,
        Mean,
        Max,
        UnitColumn,
        ColumnCount
    };

    explicit LegendModel(QObject* parent);

    /// Changes by difference: series that stay keep their rows.
    void setSeries(const SeriesList& series);
    void setHidden(std::set<std::string> keys);
    /// `header` is the text of the cursor column.
    void setCursor(std::optional<base::Timestamp> time, const QString& header);
    [[nodiscard]] const SeriesPtr& seriesAt(int row) const { return series_[std::size_t(row)]; }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QVariant text(const ChartSeries& series, int column) const;
    [[nodiscard]] QVariant raw(const ChartSeries& series, int column) const;
    [[nodiscard]] std::optional<double> number(const ChartSeries& series, int column) const;

    SeriesList series_;
    std::set<std::string> hidden_;
    std::optional<base::Timestamp> cursor_;
    QString cursorHeader_;
};

} // namespace narthex::ui::charts
