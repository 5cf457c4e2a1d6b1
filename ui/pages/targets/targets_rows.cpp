// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the rows of TargetsModel come from targets, filter, grouping and order, and how they change
// by difference.
#include "ui/format/time_text.h"
#include "ui/format/units.h"
#include "ui/kit/table.h"
#include "ui/pages/targets/target_errors.h"
#include "ui/pages/targets/targets_model.h"

#include <algorithm>
#include <map>
#include <set>

namespace narthex::ui::pages {
namespace {

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

int stateOrder(const client::TargetInfo& target)
{
    // Worst first.
    switch (stateOf(target)) {
    case TargetState::Down:
        return 0;
    case TargetState::Slow:
        return 1;
    case TargetState::Unknown:
        return 2;
    case TargetState::Up:
        return 3;
    }
    return 3;
}

} // namespace

void TargetsModel::setTargets(std::shared_ptr<const client::Targets> targets)
{
    // Rows name targets by place: keep the old list until the rows are replaced.
    const std::shared_ptr<const client::Targets> old = targets_;
    std::map<std::string_view, const client::TargetInfo*> before;
    for (const client::TargetInfo& target : old->active) {
        before.emplace(target.id, &target);
    }
    counts_ = {};
    slowest_ = {};
    for (const client::TargetInfo& target : targets->active) {
        ++counts_.all;
        counts_.notUp += target.health != client::Health::Up ? 1 : 0;
        counts_.slow += stateOf(target) == TargetState::Slow ? 1 : 0;
        slowest_ = std::max(slowest_, target.lastDuration);
    }
    // Removals first work on the old list, so that no row points into nothing.
    std::set<std::string_view> ids;
    for (const client::TargetInfo& target : targets->active) {
        ids.insert(target.id);
    }
    for (int row = rowCount() - 1; row >= 0; --row) {
        const Row& one = rows_[std::size_t(row)];
        if (one.kind == RowKind::Target && !ids.contains(old->active[one.target].id)) {
            beginRemoveRows({}, row, row);
            rows_.erase(rows_.begin() + row);
            endRemoveRows();
        }
    }
    std::map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < targets->active.size(); ++i) {
        places.emplace(targets->active[i].id, i);
    }
    for (Row& row : rows_) {
        if (row.kind == RowKind::Target) {
            row.target = places.at(old->active[row.target].id);
        }
    }
    targets_ = std::move(targets);
    rebuild();
    if (!rows_.empty()) {
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
    }
}

void TargetsModel::setFilter(kit::Filter filter)
{
    filter_ = std::move(filter);
    rebuild();
}

void TargetsModel::setShow(Show show)
{
    show_ = show;
    rebuild();
}

void TargetsModel::setGroupBy(GroupBy groupBy)
{
    groupBy_ = groupBy;
    rebuild();
}

void TargetsModel::toggleGroup(int row)
{
    const QString name = QString::fromStdString(rows_[std::size_t(row)].key);
    if (!folded_.remove(name)) {
        folded_.insert(name);
    }
    rebuild();
}

void TargetsModel::setStale(bool stale)
{
    if (stale != stale_) {
        stale_ = stale;
        if (!rows_.empty()) {
            Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1), {kit::DimRole});
        }
    }
}

void TargetsModel::tick()
{
    if (!rows_.empty()) {
        Q_EMIT dataChanged(index(0, Scraped), index(rowCount() - 1, Scraped), {Qt::DisplayRole});
    }
}

void TargetsModel::sort(int column, Qt::SortOrder order)
{
    sortColumn_ = column;
    sortOrder_ = order;
    rebuild();
}

int TargetsModel::shownTargets() const
{
    return int(std::count_if(targets_->active.begin(), targets_->active.end(),
                             [this](const auto& t) { return shown(t); }));
}

int TargetsModel::groupCount() const
{
    std::set<std::string_view> jobs;
    for (const client::TargetInfo& target : targets_->active) {
        jobs.insert(target.job);
    }
    return int(jobs.size());
}

bool TargetsModel::shown(const client::TargetInfo& target) const
{
    if ((show_ == Show::NotUp && target.health == client::Health::Up) ||
        (show_ == Show::Slow && stateOf(target) != TargetState::Slow)) {
        return false;
    }
    if (filter_.empty()) {
        return true;
    }
    const auto field = [&](const QString& name) {
        if (name == QLatin1String("state")) {
            return targetText(target, State).toString();
        }
        if (name == QLatin1String("job")) {
            return QString::fromStdString(target.job);
        }
        if (name == QLatin1String("error")) {
            return errorClassShort(target.errorClass);
        }
        return text(target.labels.get(name.toStdString()));
    };
    return filter_.matches(field, QString::fromStdString(target.labels.toString() + " " +
                                                         target.url + " " + target.lastError));
}

QString TargetsModel::groupOf(const client::TargetInfo& target) const
{
    switch (groupBy_) {
    case GroupBy::Job:
        return QString::fromStdString(target.job);
    case GroupBy::Error:
        return target.errorClass == client::ScrapeErrorClass::None
                   ? tr("no error")
                   : errorClassTitle(target.errorClass);
    case GroupBy::Nothing:
        return {};
    }
    return {};
}

void TargetsModel::sortMembers(std::vector<std::size_t>& members) const
{
    const auto less = [this](std::size_t a, std::size_t b) {
        const client::TargetInfo& x = targets_->active[a];
        const client::TargetInfo& y = targets_->active[b];
        const auto name = [](const client::TargetInfo& t) { return t.labels.get("instance"); };
        switch (sortColumn_) {
        case State:
        case Lane:
            return stateOrder(x) < stateOrder(y);
        case Scraped:
            return x.lastScrape > y.lastScrape;
        case Duration:
            return x.lastDuration < y.lastDuration;
        case Samples:
            return x.samplesAfterRelabeling < y.samplesAfterRelabeling;
        case Added:
            return x.seriesAdded < y.seriesAdded;
        case Body:
            return x.bodyBytes < y.bodyBytes;
        case Error:
            return x.errorClass < y.errorClass;
        default:
            return name(x) < name(y);
        }
    };
    std::stable_sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
        return sortOrder_ == Qt::AscendingOrder ? less(a, b) : less(b, a);
    });
}

void TargetsModel::addGroup(std::vector<Row>& rows, const QString& name,
                            const std::vector<std::size_t>& members) const
{
    int up = 0;
    int down = 0;
    int slow = 0;
    std::set<client::ScrapeErrorClass> causes;
    for (const std::size_t member : members) {
        const client::TargetInfo& target = targets_->active[member];
        const TargetState state = stateOf(target);
        up += target.health == client::Health::Up ? 1 : 0;
        slow += state == TargetState::Slow ? 1 : 0;
        if (state == TargetState::Down) {
            ++down;
            causes.insert(target.errorClass);
        }
    }
    Row head;
    head.kind = RowKind::Group;
    head.key = "group/" + name.toStdString();
    head.text = name;
    const int count = int(members.size());
    head.state = down > 0 ? theme::State::Critical
                          : (slow > 0 ? theme::State::Warning
                                      : (up == count ? theme::State::Ok : theme::State::Unknown));
    head.remark =
        down > 0 ? tr("%1 of %2 down").arg(down).arg(count) : tr("%1 of %2 up").arg(up).arg(count);
    if (slow > 0) {
        head.remark += tr(", %1 slow").arg(slow);
    }
    head.remark += QStringLiteral("\n") + tr("every %1")
                                              .arg(QString::fromStdString(base::formatDuration(
                                                  targets_->active[members.front()].interval)));
    head.folded = folded_.contains(QString::fromStdString(head.key));
    const bool folded = head.folded;
    if (groupBy_ != GroupBy::Nothing) {
        rows.push_back(std::move(head));
    }
    if (folded) {
        return;
    }
    if (groupBy_ == GroupBy::Job && down > 1 && causes.size() == 1) {
        const client::ScrapeErrorClass cause = *causes.begin();
        rows.push_back({.kind = RowKind::Cause,
                        .key = "cause/" + name.toStdString(),
                        .text = errorClassShort(cause) + QStringLiteral(": ") +
                                errorClassTitle(cause) + QLatin1Char('\n') +
                                tr("same cause for %1 targets").arg(down),
                        .remark = errorClassRemedy(cause),
                        .state = theme::State::Critical});
    }
    for (const std::size_t member : members) {
        Row& row = rows.emplace_back();
        row.key = targets_->active[member].id;
        row.target = member;
    }
}

std::vector<TargetsModel::Row> TargetsModel::makeRows() const
{
    // Groups that fail stand first, then by name.
    std::map<std::pair<bool, QString>, std::vector<std::size_t>> groups;
    std::map<QString, bool> fails;
    for (const client::TargetInfo& target : targets_->active) {
        fails[groupOf(target)] |= target.health == client::Health::Down;
    }
    for (std::size_t i = 0; i < targets_->active.size(); ++i) {
        if (shown(targets_->active[i])) {
            const QString name = groupOf(targets_->active[i]);
            groups[{!fails[name], name}].push_back(i);
        }
    }
    std::vector<Row> rows;
    for (auto& [key, members] : groups) {
        sortMembers(members);
        addGroup(rows, key.second, members);
    }
    return rows;
}

void TargetsModel::rebuild() { applyRows(makeRows()); }

bool sameText(const TargetsModel::Row& a, const TargetsModel::Row& b)
{
    return a.text == b.text && a.remark == b.remark && a.state == b.state && a.folded == b.folded;
}

void TargetsModel::applyRows(std::vector<Row> rows)
{
    std::set<std::string_view> wanted;
    for (const Row& row : rows) {
        wanted.insert(row.key);
    }
    for (int last = rowCount() - 1; last >= 0;) {
        if (wanted.contains(rows_[std::size_t(last)].key)) {
            --last;
            continue;
        }
        int first = last;
        while (first > 0 && !wanted.contains(rows_[std::size_t(first) - 1].key)) {
            --first;
        }
        beginRemoveRows({}, first, last);
        rows_.erase(rows_.begin() + first, rows_.begin() + last + 1);
        endRemoveRows();
        last = first - 1;
    }
    std::set<std::string> present;
    for (const Row& row : rows_) {
        present.insert(row.key);
    }
    for (std::size_t i = 0; i < rows.size();) {
        if (i < rows_.size() && rows_[i].key == rows[i].key) {
            const bool same = sameText(rows_[i], rows[i]);
            rows_[i] = rows[i];
            if (!same) {
                Q_EMIT dataChanged(index(int(i), 0), index(int(i), ColumnCount - 1));
            }
            ++i;
        } else if (present.contains(rows[i].key)) {
            const auto from = std::find_if(rows_.begin() + std::ptrdiff_t(i), rows_.end(),
                                           [&](const Row& row) { return row.key == rows[i].key; });
            const int place = int(from - rows_.begin());
            beginMoveRows({}, place, place, {}, int(i));
            std::rotate(rows_.begin() + std::ptrdiff_t(i), from, from + 1);
            endMoveRows();
        } else {
            std::size_t end = i + 1;
            while (end < rows.size() && !present.contains(rows[end].key)) {
                ++end;
            }
            beginInsertRows({}, int(i), int(end) - 1);
            rows_.insert(rows_.begin() + std::ptrdiff_t(i), rows.begin() + std::ptrdiff_t(i),
                         rows.begin() + std::ptrdiff_t(end));
            endInsertRows();
            i = end;
        }
    }
}

} // namespace narthex::ui::pages
