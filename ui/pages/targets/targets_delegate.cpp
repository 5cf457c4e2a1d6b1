// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/targets/targets_delegate.h"

#include "ui/pages/targets/targets_model.h"
#include "ui/theme/text.h"

#include <QPainter>

namespace narthex::ui::pages {

using theme::Role;
using theme::State;
using theme::TextSize;

void TargetsDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const
{
    const auto kind = TargetsModel::RowKind(index.data(RowKindRole).toInt());
    if (kind == TargetsModel::RowKind::Target) {
        CellDelegate::paint(painter, option, index);
        return;
    }
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (kind == TargetsModel::RowKind::Group) {
        paintHead(*painter, option, index);
    } else {
        paintCause(*painter, option.rect, index);
    }
    painter->restore();
}

void TargetsDelegate::paintHead(QPainter& painter, const QStyleOptionViewItem& option,
                                const QModelIndex& index) const
{
    paintBackground(painter, option, index);
    const QRect& r = option.rect;
    const bool folded = index.data(FoldedRole).toBool();
    theme_.icon(folded ? QStringLiteral("chevron-right") : QStringLiteral("chevron-down"))
        .paint(&painter, QRect(r.left() + 8, r.top() + 7, 14, 14));
    painter.setFont(theme_.font(TextSize::Table, true));
    painter.setPen(theme_.colour(Role::Text));
    double x = r.left() + 26;
    x += theme::drawText(painter, QRectF(x, r.top(), r.width() / 2.0, r.height() - 1),
                         index.data().toString()) +
         8;
    const QStringList remark = index.data(kit::RemarkRole).toString().split(QLatin1Char('\n'));
    const auto state = State(index.data(HeadStateRole).toInt());
    if (state == State::Critical || state == State::Warning) {
        x += kit::paintBadge(painter, {x, r.top() + 5.0}, state, remark.value(0), theme_) + 8;
    } else {
        theme::paintState(painter, {x, r.top() + 9.0, 10, 10}, state, theme_);
        x += 16;
        painter.setFont(theme_.font(TextSize::Table));
        painter.setPen(theme_.colour(Role::Text2));
        x += theme::drawText(painter, QRectF(x, r.top(), 200, r.height() - 1), remark.value(0)) + 8;
    }
    painter.setFont(theme_.font(TextSize::Table));
    painter.setPen(theme_.colour(Role::Text3));
    theme::drawText(painter, QRectF(x, r.top(), 200, r.height() - 1), remark.value(1));
}

void TargetsDelegate::paintCause(QPainter& painter, const QRectF& rect,
                                 const QModelIndex& index) const
{
    const auto state = State(index.data(HeadStateRole).toInt());
    painter.fillRect(rect, theme_.colour(theme::stateBackRole(state)));
    painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()),
                     theme_.colour(theme::stateRole(state)));
    theme::paintState(painter, {rect.left() + 14, rect.center().y() - 7, 13, 13}, state, theme_);
    const QStringList parts = index.data().toString().split(QLatin1Char('\n'));
    const double left = rect.left() + 38;
    painter.setFont(theme_.font(TextSize::Table, true));
    painter.setPen(theme_.colour(Role::Text));
    const double used =
        theme::drawText(painter, {left, rect.top() + 6, rect.width() - 50, 18}, parts.value(0));
    painter.setFont(theme_.font(TextSize::Table));
    painter.setPen(theme_.colour(Role::Text2));
    theme::drawText(painter, {left + used + 6, rect.top() + 6, rect.width() - used - 60, 18},
                    parts.value(1));
    theme::drawText(painter, {left, rect.top() + 24, rect.width() - 50, 18},
                    index.data(kit::RemarkRole).toString());
}

} // namespace narthex::ui::pages
