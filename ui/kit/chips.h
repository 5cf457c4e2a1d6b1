// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Label chips and state badges: painting for delegates, and widgets.
// Threads: GUI thread. Units: logical pixels.
#pragma once

#include "ui/theme/state.h"
#include "ui/theme/theme.h"

#include <QList>
#include <QWidget>

class QPainter;

namespace narthex::ui::kit {

struct Chip
{
    /// Empty: `value` alone ("6 common").
    QString name;
    QString value;
    friend bool operator==(const Chip&, const Chip&) = default;
};

qreal chipWidth(const theme::Theme& theme, const Chip& chip);
/// Paints as many as fit, left to right, vertically centred; the rest becomes "+3".
void paintChips(QPainter& painter, const QRectF& rect, const QList<Chip>& chips,
                const theme::Theme& theme);
/// Shape, word and background; returns the width.
qreal paintBadge(QPainter& painter, QPointF topLeft, theme::State state, const QString& text,
                 const theme::Theme& theme);
qreal badgeWidth(const theme::Theme& theme, const QString& text);

/// A state as shape and word.
class StateBadge final : public QWidget
{
    Q_OBJECT

public:
    StateBadge(const theme::Theme& theme, QWidget* parent);
    void set(theme::State state, const QString& text);
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
    theme::State state_ = theme::State::Unknown;
    QString text_;
};

/// The shape alone.
class StateMark final : public QWidget
{
    Q_OBJECT

public:
    StateMark(const theme::Theme& theme, int size, QWidget* parent);
    void setState(theme::State state);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
    theme::State state_ = theme::State::Unknown;
};

/// Chips that wrap over several lines; each can be copied from its context menu.
class ChipFlow final : public QWidget
{
    Q_OBJECT

public:
    ChipFlow(const theme::Theme& theme, const QString& name, const QString& accessibleName,
             QWidget* parent);
    void setChips(QList<Chip> chips);
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    [[nodiscard]] QList<QRectF> places(qreal width) const;

    const theme::Theme& theme_;
    QList<Chip> chips_;
};

} // namespace narthex::ui::kit
