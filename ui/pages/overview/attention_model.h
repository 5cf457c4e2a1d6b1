// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What needs attention: the problems that the engine reports, worst and newest first, each with
// what can be done. Owner: OverviewPage. Threads: GUI thread.
#pragma once

#include "core/client/monitoring_client.h"

#include <QAbstractTableModel>

namespace narthex::ui::pages {

/// What a user can do about a problem of this source.
QString remedyFor(const client::Problem& problem);

class AttentionModel final : public QAbstractTableModel
{
    Q_OBJECT

public:
    enum Column : int
    {
        State,
        Source,
        What,
        Since,
        ColumnCount
    };

    using QAbstractTableModel::QAbstractTableModel;
    /// Changes by difference, by problem id.
    void setProblems(std::vector<client::Problem> problems);
    /// The ages have grown.
    void tick();
    [[nodiscard]] const client::Problem& problem(int row) const
    {
        return problems_[std::size_t(row)];
    }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QVariant text(const client::Problem& problem, int column) const;

    std::vector<client::Problem> problems_;
};

} // namespace narthex::ui::pages
