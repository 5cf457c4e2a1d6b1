// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cells of TargetsModel; how rows come and go is in targets_rows.cpp.
#include "ui/pages/targets/targets_model.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"
#include "ui/kit/table.h"
#include "ui/pages/targets/target_errors.h"

#include <algorithm>

namespace narthex::ui::pages {
namespace {

constexpr int kLaneCells = 80;

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

/// At most two further labels, to tell instances apart.
QString instanceRemark(const client::TargetInfo& target)
{
    QStringList values;
    for (const model::LabelView label : target.labels) {
        const bool known =
            label.name == "instance" || label.name == "job" || label.name.starts_with("__");
        if (!known && values.size() < 2) {
            values << text(label.value);
        }
    }
    return values.join(QStringLiteral(", "));
}

theme::State outcomeState(const client::ScrapeOutcome& outcome, base::Duration timeout)
{
    switch (outcome.health) {
    case client::Health::Up:
        return timeout.ns > 0 && outcome.duration.ns > timeout.ns * 4 / 5 ? theme::State::Warning
                                                                          : theme::State::Ok;
    case client::Health::Down:
        return theme::State::Critical;
    case client::Health::Unknown:
        return theme::State::Unknown;
    }
    return theme::State::Unknown;
}

/// The worst state of each part of the history, spread over the lane.
kit::LaneData laneOf(const client::TargetInfo& target)
{
    kit::LaneData lane;
    const std::size_t count = target.history.size();
    const std::size_t cells = std::min<std::size_t>(kLaneCells, count);
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const std::size_t begin = cell * count / cells;
        const std::size_t end = std::max(begin + 1, (cell + 1) * count / cells);
        theme::State worst = theme::State::Unknown;
        for (std::size_t i = begin; i < end; ++i) {
            const theme::State state = outcomeState(target.history[i], target.timeout);
            const bool worse =
                state == theme::State::Critical ||
                (state == theme::State::Warning && worst != theme::State::Critical) ||
                worst == theme::State::Unknown;
            worst = worse ? state : worst;
        }
        lane.cells << worst;
    }
    return lane;
}

} // namespace

TargetState stateOf(const client::TargetInfo& target)
{
    switch (target.health) {
    case client::Health::Up:
        return target.timeout.ns > 0 && target.lastDuration.ns > target.timeout.ns * 4 / 5
                   ? TargetState::Slow
                   : TargetState::Up;
    case client::Health::Down:
        return TargetState::Down;
    case client::Health::Unknown:
        return TargetState::Unknown;
    }
    return TargetState::Unknown;
}

theme::State themeStateOf(TargetState state)
{
    switch (state) {
    case TargetState::Up:
        return theme::State::Ok;
    case TargetState::Slow:
        return theme::State::Warning;
    case TargetState::Down:
        return theme::State::Critical;
    case TargetState::Unknown:
        return theme::State::Unknown;
    }
    return theme::State::Unknown;
}

int TargetsModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(rows_.size());
}

int TargetsModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

const client::TargetInfo* TargetsModel::targetAt(int row) const
{
    if (row < 0 || row >= rowCount() || kindOf(row) != RowKind::Target) {
        return nullptr;
    }
    return &targets_->active[rows_[std::size_t(row)].target];
}

const client::TargetInfo* TargetsModel::targetById(const std::string& id) const
{
    for (const client::TargetInfo& target : targets_->active) {
        if (target.id == id) {
            return &target;
        }
    }
    return nullptr;
}

int TargetsModel::rowOf(const std::string& key) const
{
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        if (rows_[row].key == key) {
            return int(row);
        }
    }
    return -1;
}

QVariant TargetsModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const Row& row = rows_[std::size_t(index.row())];
    if (role == RowKindRole) {
        return int(row.kind);
    }
    if (role == kit::KeyRole) {
        return QString::fromStdString(row.key);
    }
    if (role == kit::DimRole) {
        return stale_;
    }
    if (row.kind == RowKind::Target) {
        return targetData(targets_->active[row.target], index.column(), role);
    }
    switch (role) {
    case Qt::DisplayRole:
        return index.column() == 0 ? QVariant(row.text) : QVariant();
    case kit::RemarkRole:
        return row.remark;
    case HeadStateRole:
        return int(row.state);
    case FoldedRole:
        return row.folded;
    case kit::GroupRole:
        return row.kind == RowKind::Group;
    default:
        return {};
    }
}

QVariant TargetsModel::targetText(const client::TargetInfo& target, int column) const
{
    const bool down = target.health != client::Health::Up;
    const QString none = QStringLiteral("–");
    switch (column) {
    case State: {
        const QString words[] = {tr("up"), tr("slow"), tr("down"), tr("unknown")};
        return words[std::size_t(stateOf(target))];
    }
    case Instance: {
        const std::string_view instance = target.labels.get("instance");
        return instance.empty() ? QString::fromStdString(target.url) : text(instance);
    }
    case Scraped:
        return target.lastScrape ? format::ago(*target.lastScrape, format::wallNow()) : tr("never");
    case Duration:
        return target.lastScrape ? format::shortDuration(target.lastDuration) : none;
    case Samples:
        return down ? none : format::count(target.samplesAfterRelabeling);
    case Added:
        return down ? none
                    : (target.seriesAdded > 0 ? QStringLiteral("+") : QString()) +
                          format::count(target.seriesAdded);
    case Body:
        return down || target.bodyBytes == 0
                   ? none
                   : format::showValue(double(target.bodyBytes), {format::Quantity::Bytes, false},
                                       3)
                         .text();
    case Error: {
        const QString brief = errorClassShort(target.errorClass);
        return !brief.isEmpty() ? brief
                                : (stateOf(target) == TargetState::Slow ? tr("slow") : none);
    }
    default:
        return {};
    }
}

QVariant TargetsModel::targetRaw(const client::TargetInfo& target, int column) const
{
    switch (column) {
    case State:
        return int(stateOf(target));
    case Scraped:
        return target.lastScrape ? QString::fromStdString(base::formatTimestamp(*target.lastScrape))
                                 : QString();
    case Duration:
        return target.lastDuration.seconds();
    case Samples:
        return qulonglong(target.samplesAfterRelabeling);
    case Added:
        return qulonglong(target.seriesAdded);
    case Body:
        return qulonglong(target.bodyBytes);
    case Lane:
        return {};
    default:
        return targetText(target, column);
    }
}

QVariant TargetsModel::targetData(const client::TargetInfo& target, int column, int role) const
{
    const TargetState state = stateOf(target);
    switch (role) {
    case Qt::DisplayRole:
        return targetText(target, column);
    case kit::RawRole:
        return targetRaw(target, column);
    case Qt::ToolTipRole:
        return column == Error && !target.lastError.empty()
                   ? QVariant(QString::fromStdString(target.lastError))
                   : (column == Instance ? QVariant(QString::fromStdString(target.url))
                                         : QVariant());
    case kit::StateRole:
        if (column == State || (column == Duration && state == TargetState::Slow)) {
            return int(themeStateOf(state));
        }
        return {};
    case kit::BarRole:
        return column == Duration && slowest_.ns > 0
                   ? QVariant(std::min(1.0, double(target.lastDuration.ns) / double(slowest_.ns)))
                   : QVariant();
    case kit::RemarkRole:
        return column == Instance ? QVariant(instanceRemark(target)) : QVariant();
    case kit::NumberRole:
        return column >= Scraped && column <= Body;
    case kit::StrongRole:
        return column == Error && target.errorClass != client::ScrapeErrorClass::None;
    case kit::ToneRole:
        if (column == Error && state != TargetState::Up) {
            return state == TargetState::Slow ? kit::kWarningTone : kit::kCriticalTone;
        }
        return column == Scraped || column == Added || column == Error ? 2 : 1;
    case kit::LaneRole:
        return column == Lane ? QVariant::fromValue(laneOf(target)) : QVariant();
    default:
        return {};
    }
}

QVariant TargetsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return int((section >= Scraped && section <= Body ? Qt::AlignRight : Qt::AlignLeft) |
                   Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const QString names[] = {tr("State"),    tr("Instance"), tr("Scraped"),
                             tr("Duration"), tr("Samples"),  tr("New"),
                             tr("Body"),     tr("Error"),    tr("Last scrapes")};
    return section < ColumnCount ? names[section] : QString();
}

} // namespace narthex::ui::pages
