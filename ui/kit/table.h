// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables: the view with the program's metrics, its header, and one delegate that draws what models
// say through roles. Owner: the parent widget. Threads: GUI thread.
#pragma once

#include "ui/kit/chips.h"

#include <QHeaderView>
#include <QStyledItemDelegate>
#include <QTableView>

namespace narthex::ui::kit {

/// What a model may say about a cell besides its text.
enum ItemRole : int
{
    /// Stable identity of the row.
    KeyRole = Qt::UserRole + 1,
    /// The raw value: number or ISO time. Sorted by.
    RawRole = Qt::UserRole + 2,
    /// int(theme::State): a shape before the text, and the text in its colour.
    StateRole,
    /// QVariant of QList<Chip>.
    ChipsRole,
    /// 1 text (default), 2 secondary, 3 hint, kCriticalTone, kWarningTone; as int.
    ToneRole,
    /// bool: semibold.
    StrongRole,
    /// bool: right-aligned with tabular figures.
    NumberRole,
    /// Text after the main text, secondary.
    RemarkRole,
    /// int: colour slot of a series; a line sample is drawn.
    SlotRole,
    /// double 0 to 1: a small bar before the text; StateRole colours it.
    BarRole,
    /// QVariant of LaneData.
    LaneRole,
    /// bool: the row is a group head.
    GroupRole,
    /// bool: drawn as if disabled.
    DimRole,
    /// bool: fixed-pitch font.
    CodeRole,
};

inline constexpr int kCriticalTone = 4;
inline constexpr int kWarningTone = 5;

/// A row of states over time, one per column of pixels; oldest first.
struct LaneData
{
    QList<theme::State> cells;
    friend bool operator==(const LaneData&, const LaneData&) = default;
};

class CellDelegate : public QStyledItemDelegate
{
    Q_OBJECT

public:
    CellDelegate(const theme::Theme& theme, QObject* parent);
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

protected:
    void paintBackground(QPainter& painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const;
    const theme::Theme& theme_;

private:
    void paintText(QPainter& painter, const QRectF& rect, const QStyleOptionViewItem& option,
                   const QModelIndex& index) const;
    [[nodiscard]] QColor textColour(const QStyleOptionViewItem& option,
                                    const QModelIndex& index) const;
};

class Header final : public QHeaderView
{
    Q_OBJECT

public:
    Header(const theme::Theme& theme, QWidget* parent);

protected:
    void paintSection(QPainter* painter, const QRect& rect, int section) const override;

private:
    const theme::Theme& theme_;
};

class TableView : public QTableView
{
    Q_OBJECT

public:
    TableView(const theme::Theme& theme, const QString& name, const QString& accessibleName,
              QWidget* parent);
    /// Tab-separated text of the selected rows, or of all; the raw values where there are any.
    [[nodiscard]] QString asText(QChar separator) const;

Q_SIGNALS:
    void escaped();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
};

/// The row under the pointer, for hover painting of whole rows.
inline constexpr char kHoverRowProperty[] = "hoverRow";

} // namespace narthex::ui::kit

Q_DECLARE_METATYPE(narthex::ui::kit::LaneData)
Q_DECLARE_METATYPE(narthex::ui::kit::Chip)
