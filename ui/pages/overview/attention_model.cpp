// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/overview/attention_model.h"

#include "ui/format/time_text.h"
#include "ui/kit/table.h"

#include <algorithm>

namespace narthex::ui::pages {

QString remedyFor(const client::Problem& problem)
{
    const QString source = QString::fromStdString(problem.source);
    if (source == QLatin1String("configuration")) {
        if (problem.position && problem.position->line) {
            return AttentionModel::tr("Correct %1, line %2, then read the configuration again.")
                .arg(QString::fromStdString(problem.position->file))
                .arg(*problem.position->line);
        }
        return AttentionModel::tr("Correct the file, then read the configuration again.");
    }
    if (source == QLatin1String("storage")) {
        return AttentionModel::tr("Free space on the disk, or move the data directory.");
    }
    if (source == QLatin1String("listener")) {
        return AttentionModel::tr(
            "Another program has the port: end it, or choose another address.");
    }
    if (source == QLatin1String("targets")) {
        return AttentionModel::tr("See the targets and their errors.");
    }
    return {};
}

void AttentionModel::setProblems(std::vector<client::Problem> problems)
{
    std::stable_sort(
        problems.begin(), problems.end(), [](const client::Problem& a, const client::Problem& b) {
            return a.severity != b.severity ? a.severity > b.severity : a.since > b.since;
        });
    const auto in = [](const std::vector<client::Problem>& list, const std::string& id) {
        return std::any_of(list.begin(), list.end(),
                           [&](const client::Problem& p) { return p.id == id; });
    };
    for (int row = rowCount() - 1; row >= 0; --row) {
        if (!in(problems, problems_[std::size_t(row)].id)) {
            beginRemoveRows({}, row, row);
            problems_.erase(problems_.begin() + row);
            endRemoveRows();
        }
    }
    for (std::size_t i = 0; i < problems.size(); ++i) {
        if (i < problems_.size() && problems_[i].id == problems[i].id) {
            const bool differs = problems_[i].message != problems[i].message ||
                                 problems_[i].since != problems[i].since;
            problems_[i] = std::move(problems[i]);
            if (differs) {
                Q_EMIT dataChanged(index(int(i), 0), index(int(i), ColumnCount - 1));
            }
            continue;
        }
        const auto old = std::find_if(problems_.begin(), problems_.end(),
                                      [&](const auto& p) { return p.id == problems[i].id; });
        if (old != problems_.end()) {
            const int from = int(old - problems_.begin());
            beginRemoveRows({}, from, from);
            problems_.erase(old);
            endRemoveRows();
        }
        beginInsertRows({}, int(i), int(i));
        problems_.insert(problems_.begin() + std::ptrdiff_t(i), std::move(problems[i]));
        endInsertRows();
    }
}

void AttentionModel::tick()
{
    if (!problems_.empty()) {
        Q_EMIT dataChanged(index(0, Since), index(rowCount() - 1, Since), {Qt::DisplayRole});
    }
}

int AttentionModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(problems_.size());
}

int AttentionModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(ColumnCount);
}

QVariant AttentionModel::text(const client::Problem& problem, int column) const
{
    switch (column) {
    case State:
        return problem.severity == client::ProblemSeverity::Error ? tr("error") : tr("warning");
    case Source:
        return QString::fromStdString(problem.source);
    case What:
        return QString::fromStdString(problem.message);
    case Since:
        return format::span(format::wallNow() - problem.since);
    default:
        return {};
    }
}

QVariant AttentionModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const client::Problem& problem = problems_[std::size_t(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return text(problem, index.column());
    case Qt::ToolTipRole:
        return index.column() == What ? QString::fromStdString(problem.message) +
                                            QLatin1Char('\n') + remedyFor(problem)
                                      : QVariant();
    case kit::RemarkRole:
        return index.column() == What ? remedyFor(problem) : QVariant();
    case kit::KeyRole:
        return QString::fromStdString(problem.id);
    case kit::RawRole:
        return index.column() == Since ? QVariant(qlonglong(problem.since.ms))
                                       : text(problem, index.column());
    case kit::StateRole:
        return index.column() == State
                   ? QVariant(int(problem.severity == client::ProblemSeverity::Error
                                      ? theme::State::Critical
                                      : theme::State::Warning))
                   : QVariant();
    case kit::StrongRole:
        return index.column() == Source;
    case kit::NumberRole:
        return index.column() == Since;
    case kit::ToneRole:
        return index.column() == Since ? 2 : 1;
    default:
        return {};
    }
}

QVariant AttentionModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return int((section == Since ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case State:
        return tr("State");
    case Source:
        return tr("Source");
    case What:
        return tr("What");
    case Since:
        return tr("Since");
    default:
        return {};
    }
}

} // namespace narthex::ui::pages
