// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/overview/tile.h"

#include "ui/theme/text.h"

#include <QKeyEvent>
#include <QPainter>

namespace narthex::ui::pages {

using theme::Role;
using theme::TextSize;

Tile::Tile(const theme::Theme& theme, const QString& name, const QString& title, QWidget* parent)
    : QAbstractButton(parent), theme_(theme)
{
    setObjectName(name);
    setText(title);
    setAccessibleName(title);
    setFixedHeight(92);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setFocusPolicy(Qt::StrongFocus);
    setUnknown({});
}

void Tile::set(std::optional<theme::State> state, const QString& value, const QString& beside,
               const QString& below)
{
    state_ = state;
    value_ = value;
    beside_ = beside;
    below_ = below;
    setAccessibleDescription(QStringLiteral("%1 %2, %3").arg(value, beside, below));
    update();
}

void Tile::setUnknown(const QString& since)
{
    set(theme::State::Unknown, tr("unknown"), {}, since);
}

void Tile::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool lit = hasFocus();
    const double inset = lit ? 1 : 0.5;
    painter.setPen(QPen(theme_.colour(lit ? Role::Accent : Role::Border), lit ? 2 : 1));
    painter.setBrush(theme_.colour(underMouse() ? Role::Surface2 : Role::Surface));
    painter.drawRoundedRect(QRectF(rect()).adjusted(inset, inset, -inset, -inset), 4, 4);
    const QRectF box = QRectF(rect()).adjusted(13, 8, -13, -8);
    painter.setFont(theme_.font(TextSize::Table));
    painter.setPen(theme_.colour(Role::Text2));
    theme::drawText(painter, {box.left(), box.top(), box.width(), 18}, text());

    double x = box.left();
    const double middle = box.top() + 38;
    if (state_) {
        theme::paintState(painter, {x, middle - 8, 16, 16}, *state_, theme_);
        x += 24;
    }
    const bool number = !value_.isEmpty() && value_.at(0).isDigit();
    const bool calm = !state_ || *state_ == theme::State::Ok || *state_ == theme::State::Unknown;
    painter.setFont(theme_.font(number ? TextSize::Value : TextSize::Title, true));
    painter.setPen(theme_.colour(calm ? (state_ == theme::State::Unknown ? Role::Text2 : Role::Text)
                                      : theme::stateRole(*state_)));
    const double width = theme::numberWidth(QFontMetricsF(painter.font()), value_);
    theme::drawNumber(painter, {x, middle - 20, width + 4, 40}, Qt::AlignLeft, value_);
    x += width + 12;
    painter.setFont(theme_.font(TextSize::Table));
    painter.setPen(theme_.colour(Role::Text2));
    theme::drawText(painter, {x, middle - 6, box.right() - x, 20}, beside_);
    theme::drawText(painter, {box.left(), box.bottom() - 18, box.width(), 18}, below_);
}

void Tile::keyPressEvent(QKeyEvent* event)
{
    switch (event->key()) {
    case Qt::Key_Return:
    case Qt::Key_Enter:
        click();
        break;
    case Qt::Key_Right:
    case Qt::Key_Down:
        focusNextPrevChild(true);
        break;
    case Qt::Key_Left:
    case Qt::Key_Up:
        focusNextPrevChild(false);
        break;
    default:
        QAbstractButton::keyPressEvent(event);
    }
}

bool Tile::event(QEvent* event)
{
    if (event->type() == QEvent::Enter || event->type() == QEvent::Leave) {
        update();
    }
    return QAbstractButton::event(event);
}

} // namespace narthex::ui::pages
