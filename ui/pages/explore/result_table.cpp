// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/explore/result_table.h"

#include "ui/kit/table.h"

#include <set>

namespace narthex::ui::pages {
namespace {

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

} // namespace

void ResultTableModel::setSeries(charts::SeriesList series)
{
    std::set<std::string> names;
    for (const charts::SeriesPtr& one : series) {
        for (const model::LabelView label : one->labels) {
            names.emplace(label.name);
        }
    }
    std::vector<std::string> labels(names.begin(), names.end());
    const bool sameRows = labels == labels_ && series.size() == series_.size() &&
                          std::equal(series.begin(), series.end(), series_.begin(),
                                     [](const auto& a, const auto& b) { return a->key == b->key; });
    if (sameRows) {
        series_ = std::move(series);
        if (!series_.empty()) {
            Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
        }
        return;
    }
    beginResetModel();
    series_ = std::move(series);
    labels_ = std::move(labels);
    endResetModel();
}

int ResultTableModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(series_.size());
}

int ResultTableModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(labels_.size()) + 3;
}

QVariant ResultTableModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const charts::ChartSeries& series = *series_[std::size_t(index.row())];
    const auto label = std::size_t(index.column()) - 1;
    const bool isValue = index.column() == int(labels_.size()) + 1;
    const bool isUnit = index.column() == int(labels_.size()) + 2;
    const format::ShownValue value = format::showValue(series.stats.last, series.unit);
    switch (role) {
    case Qt::DisplayRole:
        if (index.column() == 0) {
            return series.letter;
        }
        return isValue ? value.number
                       : (isUnit ? value.symbol : text(series.labels.get(labels_[label])));
    case kit::RawRole:
        if (index.column() == 0) {
            return series.letter;
        }
        return isValue ? QVariant(series.stats.last)
                       : QVariant(isUnit ? value.symbol : text(series.labels.get(labels_[label])));
    case kit::KeyRole:
        return QByteArray::fromStdString(series.key).toHex();
    case kit::NumberRole:
    case kit::StrongRole:
        return isValue;
    case kit::ToneRole:
        return index.column() == 0 || isUnit ? 2 : 1;
    default:
        return {};
    }
}

QVariant ResultTableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) {
        return {};
    }
    const bool isValue = section == int(labels_.size()) + 1;
    if (role == Qt::TextAlignmentRole) {
        return int((isValue ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    if (section == 0) {
        return QString();
    }
    if (section <= int(labels_.size())) {
        return text(labels_[std::size_t(section) - 1]);
    }
    return isValue ? tr("Value") : tr("Unit");
}

} // namespace narthex::ui::pages
