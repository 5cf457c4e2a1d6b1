// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The legend of a chart as a table with a filter. A click isolates a series, Ctrl+click toggles it,
// a double click shows all. Owner: the parent widget. Threads: GUI thread.
#pragma once

#include "ui/charts/legend_model.h"
#include "ui/kit/controls.h"

#include <QSortFilterProxyModel>

namespace narthex::ui::charts {

class LegendView final : public QWidget
{
    Q_OBJECT

public:
    LegendView(const theme::Theme& theme, const QString& name, QWidget* parent);

    void setSeries(const SeriesList& series, std::size_t total);
    void setCursor(std::optional<base::Timestamp> time, const QTimeZone& zone);
    [[nodiscard]] const std::set<std::string>& hidden() const { return hidden_; }
    [[nodiscard]] kit::TableView* table() const { return table_; }

Q_SIGNALS:
    void hiddenChanged();
    /// The series under the pointer; empty: none.
    void hovered(const std::string& key);

private:
    void setupTable(const theme::Theme& theme);
    void setupHead(const theme::Theme& theme);
    void onClicked(const QModelIndex& index);
    void updateTitle();
    [[nodiscard]] std::string keyAt(const QModelIndex& index) const;

    LegendModel* model_ = nullptr;
    QSortFilterProxyModel* proxy_ = nullptr;
    kit::TableView* table_ = nullptr;
    kit::Field* filter_ = nullptr;
    QLabel* count_ = nullptr;
    std::set<std::string> hidden_;
    std::set<std::string> keys_;
    std::size_t total_ = 0;
};

} // namespace narthex::ui::charts
