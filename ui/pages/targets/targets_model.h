// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Targets as rows of one table: a head for each group, the shared cause of its failures, and its
// targets. Owner: TargetsPage. Threads: GUI thread.
#pragma once

#include "core/client/monitoring_client.h"
#include "ui/kit/filter.h"
#include "ui/theme/state.h"

#include <QAbstractTableModel>
#include <QSet>

#include <memory>

namespace narthex::ui::pages {

/// Up, down, unknown, or up but slow: more than four fifths of the timeout.
enum class TargetState : std::uint8_t
{
    Up,
    Slow,
    Down,
    Unknown
};
TargetState stateOf(const client::TargetInfo& target);
theme::State themeStateOf(TargetState state);

struct TargetCounts
{
    int all = 0;
    int notUp = 0;
    int slow = 0;
};

class TargetsModel final : public QAbstractTableModel
{
    Q_OBJECT

public:
    enum Column : int
    {
        State,
        Instance,
        Scraped,
        Duration,
        Samples,
        Added,
        Body,
        Error,
        Lane,
        ColumnCount
    };
    enum class RowKind : std::uint8_t
    {
        Group,
        Cause,
        Target
    };
    enum class Show : std::uint8_t
    {
        All,
        NotUp,
        Slow
    };
    enum class GroupBy : std::uint8_t
    {
        Job,
        Error,
        Nothing
    };

    using QAbstractTableModel::QAbstractTableModel;

    /// The same targets with newer figures, or others: rows change by difference.
    void setTargets(std::shared_ptr<const client::Targets> targets);
    void setFilter(kit::Filter filter);
    void setShow(Show show);
    void setGroupBy(GroupBy groupBy);
    /// Folds a group in or out.
    void toggleGroup(int row);
    /// Greyed: the data is old.
    void setStale(bool stale);
    /// "12 s ago" has become "13 s ago".
    void tick();
    void sort(int column, Qt::SortOrder order) override;

    [[nodiscard]] RowKind kindOf(int row) const { return rows_[std::size_t(row)].kind; }
    /// Null for heads and causes.
    [[nodiscard]] const client::TargetInfo* targetAt(int row) const;
    [[nodiscard]] const client::TargetInfo* targetById(const std::string& id) const;
    [[nodiscard]] int rowOf(const std::string& key) const;
    [[nodiscard]] const TargetCounts& counts() const { return counts_; }
    [[nodiscard]] int shownTargets() const;
    [[nodiscard]] int groupCount() const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    struct Row
    {
        RowKind kind = RowKind::Target;
        std::string key;
        /// Heads and causes.
        QString text;
        QString remark;
        theme::State state = theme::State::Unknown;
        bool folded = false;
        /// In targets_.
        std::size_t target = 0;
    };
    /// The part of a row that shows whether it changed.
    friend bool sameText(const Row& a, const Row& b);

    [[nodiscard]] std::vector<Row> makeRows() const;
    void addGroup(std::vector<Row>& rows, const QString& name,
                  const std::vector<std::size_t>& members) const;
    [[nodiscard]] bool shown(const client::TargetInfo& target) const;
    [[nodiscard]] QString groupOf(const client::TargetInfo& target) const;
    void sortMembers(std::vector<std::size_t>& members) const;
    void rebuild();
    void applyRows(std::vector<Row> rows);
    [[nodiscard]] QVariant targetData(const client::TargetInfo& target, int column, int role) const;
    [[nodiscard]] QVariant targetText(const client::TargetInfo& target, int column) const;
    [[nodiscard]] QVariant targetRaw(const client::TargetInfo& target, int column) const;

    std::shared_ptr<const client::Targets> targets_ = std::make_shared<client::Targets>();
    std::vector<Row> rows_;
    QSet<QString> folded_;
    kit::Filter filter_;
    Show show_ = Show::All;
    GroupBy groupBy_ = GroupBy::Job;
    TargetCounts counts_;
    base::Duration slowest_;
    int sortColumn_ = Instance;
    Qt::SortOrder sortOrder_ = Qt::AscendingOrder;
    bool stale_ = false;
};

/// What the delegate needs of group heads and causes.
enum TargetRole : int
{
    RowKindRole = Qt::UserRole + 40,
    FoldedRole,
    HeadStateRole
};

} // namespace narthex::ui::pages
