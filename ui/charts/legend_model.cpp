// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/legend_model.h"

#include <algorithm>
#include <cmath>

namespace narthex::ui::charts {

LegendModel::LegendModel(QObject* parent) : QAbstractTableModel(parent) {}

void LegendModel::setSeries(const SeriesList& series)
{
    std::set<std::string> wanted;
    for (const SeriesPtr& one : series) {
        wanted.insert(one->key);
    }
    for (int row = rowCount() - 1; row >= 0; --row) {
        if (!wanted.contains(series_[std::size_t(row)]->key)) {
            beginRemoveRows({}, row, row);
            series_.erase(series_.begin() + row);
            endRemoveRows();
        }
    }
    std::set<std::string> present;
    for (const SeriesPtr& one : series_) {
        present.insert(one->key);
    }
    // What stays keeps its order; what is new goes behind.
    SeriesList added;
    std::map<std::string, SeriesPtr> fresh;
    for (const SeriesPtr& one : series) {
        if (present.contains(one->key)) {
            fresh.emplace(one->key, one);
        } else {
            added.push_back(one);
        }
    }
    for (SeriesPtr& one : series_) {
        one = fresh[one->key];
    }
    if (!series_.empty()) {
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
    }
    if (!added.empty()) {
        beginInsertRows({}, rowCount(), rowCount() + int(added.size()) - 1);
        series_.insert(series_.end(), added.begin(), added.end());
        endInsertRows();
    }
}

void LegendModel::setHidden(std::set<std::string> keys)
{
    hidden_ = std::move(keys);
    if (!series_.empty()) {
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1), {kit::DimRole});
    }
}

void LegendModel::setCursor(std::optional<base::Timestamp> time, const QString& header)
{
    cursor_ = time;
    cursorHeader_ = header;
    Q_EMIT headerDataChanged(Qt::Horizontal, AtCursor, AtCursor);
    if (!series_.empty()) {
        Q_EMIT dataChanged(index(0, AtCursor), index(rowCount() - 1, AtCursor),
                           {Qt::DisplayRole, kit::RawRole});
    }
}

int LegendModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(series_.size());
}

int LegendModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

std::optional<double> LegendModel::number(const ChartSeries& series, int column) const
{
    switch (column) {
    case AtCursor: {
        if (!cursor_) {
            return {};
        }
        const auto it =
            std::lower_bound(series.points.begin(), series.points.end(), *cursor_,
                             [](const promql::Point& p, base::Timestamp t) { return p.time < t; });
        if (it == series.points.end() || it->time != *cursor_) {
            return {};
        }
        return it->value;
    }
    case Last:
        return series.stats.last;
    case Min:
        return series.stats.min;
    case Mean:
        return series.stats.mean;
    case Max:
        return series.stats.max;
    default:
        return {};
    }
}

QVariant LegendModel::text(const ChartSeries& series, int column) const
{
    switch (column) {
    case Letter:
        return series.letter;
    case Name:
        return series.name;
    case UnitColumn:
        return format::scaleFor(series.unit, series.stats.max).symbol;
    default:
        break;
    }
    if (const auto value = number(series, column)) {
        // One prefix a row, that of its maximum, so that the columns compare.
        const format::Scale scale = format::scaleFor(series.unit, series.stats.max);
        if (!std::isfinite(*value)) {
            return format::showValue(*value, {}).number;
        }
        const double shown = *value / scale.factor;
        const double size = std::abs(series.stats.max / scale.factor);
        return format::fixedNumber(shown,
                                   size >= 1000 ? 0 : (size >= 10 ? 1 : (size >= 1 ? 2 : 4)));
    }
    return column >= AtCursor && column <= Max ? QVariant(QStringLiteral("–")) : QVariant();
}

QVariant LegendModel::raw(const ChartSeries& series, int column) const
{
    if (const auto value = number(series, column)) {
        return *value;
    }
    return column == Name ? QVariant(series.name) : QVariant();
}

QVariant LegendModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const ChartSeries& series = *series_[std::size_t(index.row())];
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return text(series, column);
    case Qt::ToolTipRole:
        return column == Name || column == Labels
                   ? QVariant(QString::fromStdString(series.labels.toString()))
                   : QVariant();
    case kit::KeyRole:
        return QByteArray::fromStdString(series.key).toHex();
    case kit::RawRole:
        return raw(series, column);
    case kit::SlotRole:
        return column == Sample ? QVariant(int(series.slot)) : QVariant();
    case kit::ChipsRole:
        return column == Labels ? QVariant::fromValue(series.chips) : QVariant();
    case kit::NumberRole:
        return column >= AtCursor && column <= Max;
    case kit::StrongRole:
        return column == AtCursor;
    case kit::ToneRole:
        return column == Letter || column == UnitColumn ? 2 : 1;
    case kit::DimRole:
        return hidden_.contains(series.key);
    default:
        return {};
    }
}

QVariant LegendModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return int((section >= AtCursor && section <= Max ? Qt::AlignRight : Qt::AlignLeft) |
                   Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case Name:
        return tr("Series");
    case Labels:
        return tr("Labels");
    case AtCursor:
        return cursor_ ? cursorHeader_ : tr("At cursor");
    case Last:
        return tr("Last");
    case Min:
        return tr("Min");
    case Mean:
        return tr("Mean");
    case Max:
        return tr("Max");
    case UnitColumn:
        return tr("Unit");
    default:
        return QString();
    }
}

} // namespace narthex::ui::charts
