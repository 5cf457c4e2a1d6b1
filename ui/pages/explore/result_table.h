// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The result as a table: a column per label, the last value, its unit.
// Owner: ExplorePage. Threads: GUI thread.
#pragma once

#include "ui/charts/series.h"

#include <QAbstractTableModel>

namespace narthex::ui::pages {

class ResultTableModel final : public QAbstractTableModel
{
    Q_OBJECT

public:
    using QAbstractTableModel::QAbstractTableModel;

    void setSeries(charts::SeriesList series);
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    charts::SeriesList series_;
    std::vector<std::string> labels_;
};

} // namespace narthex::ui::pages
