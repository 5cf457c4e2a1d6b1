// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/chips.h"

#include "ui/theme/text.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QMenu>
#include <QPainter>

namespace narthex::ui::kit {
namespace {

using theme::Role;
using theme::TextSize;
namespace metrics = theme::metrics;

constexpr qreal kPadding = 5;
constexpr qreal kGap = 4;
constexpr qreal kLineGap = 5;

QString nameText(const Chip& chip)
{
    return chip.name.isEmpty() ? QString() : chip.name + QLatin1Char('=');
}

void paintChip(QPainter& painter, const QRectF& rect, const Chip& chip, const theme::Theme& theme)
{
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.colour(Role::Border));
    painter.setBrush(chip.name.isEmpty() ? QBrush(Qt::NoBrush)
                                         : QBrush(theme.colour(Role::Surface2)));
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), metrics::kRadius,
                            metrics::kRadius);
    painter.setFont(theme.font(TextSize::Axis));
    QRectF text = rect.adjusted(kPadding, 0, -kPadding, 0);
    painter.setPen(theme.colour(Role::Text2));
    if (!chip.name.isEmpty()) {
        text.setLeft(text.left() + theme::drawText(painter, text, nameText(chip)));
        painter.setPen(theme.colour(Role::Text));
    }
    theme::drawText(painter, text, chip.value);
}

} // namespace

qreal chipWidth(const theme::Theme& theme, const Chip& chip)
{
    const QFontMetricsF fontMetrics(theme.font(TextSize::Axis));
    return std::ceil(fontMetrics.horizontalAdvance(nameText(chip)) +
                     fontMetrics.horizontalAdvance(chip.value) + 2 * kPadding + 1);
}

void paintChips(QPainter& painter, const QRectF& rect, const QList<Chip>& chips,
                const theme::Theme& theme)
{
    painter.save();
    qreal x = rect.left();
    const qreal y = std::round(rect.center().y() - metrics::kChip / 2.0);
    for (qsizetype i = 0; i < chips.size(); ++i) {
        const bool last = i + 1 == chips.size();
        const qreal reserve = last ? 0 : 32;
        qreal width = chipWidth(theme, chips[i]);
        if (x + width > rect.right() - reserve) {
            const qreal room = rect.right() - reserve - x;
            if (i == 0 && room > 40) {
                width = room; // the first is shown elided rather than not at all
            } else {
                const Chip rest{{}, QStringLiteral("+%1").arg(chips.size() - i)};
                if (x + chipWidth(theme, rest) <= rect.right()) {
                    paintChip(painter, {x, y, chipWidth(theme, rest), qreal(metrics::kChip)}, rest,
                              theme);
                }
                break;
            }
        }
        paintChip(painter, {x, y, width, qreal(metrics::kChip)}, chips[i], theme);
        x += width + kGap;
    }
    painter.restore();
}

qreal badgeWidth(const theme::Theme& theme, const QString& text)
{
    return std::ceil(4 + 12 + 4 +
                     QFontMetricsF(theme.font(TextSize::Axis, true)).horizontalAdvance(text) + 6);
}

qreal paintBadge(QPainter& painter, QPointF topLeft, theme::State state, const QString& text,
                 const theme::Theme& theme)
{
    const QRectF rect(topLeft, QSizeF(badgeWidth(theme, text), metrics::kChip));
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.colour(theme::stateBackRole(state)));
    painter.drawRoundedRect(rect, metrics::kRadius, metrics::kRadius);
    theme::paintState(painter, {rect.left() + 4, rect.top() + 3.5, 11, 11}, state, theme);
    painter.setPen(theme.colour(theme::stateRole(state)));
    painter.setFont(theme.font(TextSize::Axis, true));
    theme::drawText(painter, rect.adjusted(20, 0, 0, 0), text);
    painter.restore();
    return rect.width();
}

StateBadge::StateBadge(const theme::Theme& theme, QWidget* parent) : QWidget(parent), theme_(theme)
{
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void StateBadge::set(theme::State state, const QString& text)
{
    state_ = state;
    text_ = text;
    setAccessibleName(text);
    updateGeometry();
    update();
}

QSize StateBadge::sizeHint() const { return {int(badgeWidth(theme_, text_)), metrics::kChip}; }

void StateBadge::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintBadge(painter, {0, 0}, state_, text_, theme_);
}

StateMark::StateMark(const theme::Theme& theme, int size, QWidget* parent)
    : QWidget(parent), theme_(theme)
{
    setFixedSize(size, size);
}

void StateMark::setState(theme::State state)
{
    if (state != state_) {
        state_ = state;
        update();
    }
}

void StateMark::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    theme::paintState(painter, rect(), state_, theme_);
}

ChipFlow::ChipFlow(const theme::Theme& theme, const QString& name, const QString& accessibleName,
                   QWidget* parent)
    : QWidget(parent), theme_(theme)
{
    setObjectName(name);
    setAccessibleName(accessibleName);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void ChipFlow::setChips(QList<Chip> chips)
{
    if (chips == chips_) {
        return;
    }
    chips_ = std::move(chips);
    updateGeometry();
    update();
}

QList<QRectF> ChipFlow::places(qreal width) const
{
    QList<QRectF> result;
    qreal x = 0;
    qreal y = 0;
    for (const Chip& chip : chips_) {
        const qreal w = std::min(chipWidth(theme_, chip), width);
        if (x > 0 && x + w > width) {
            x = 0;
            y += metrics::kChip + kLineGap;
        }
        result << QRectF(x, y, w, metrics::kChip);
        x += w + kGap;
    }
    return result;
}

int ChipFlow::heightForWidth(int width) const
{
    const QList<QRectF> rects = places(width);
    return rects.isEmpty() ? 0 : int(rects.last().bottom());
}

QSize ChipFlow::sizeHint() const { return {240, heightForWidth(width() > 50 ? width() : 380)}; }

void ChipFlow::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const QList<QRectF> rects = places(width());
    for (qsizetype i = 0; i < chips_.size(); ++i) {
        paintChip(painter, rects[i], chips_[i], theme_);
    }
}

void ChipFlow::contextMenuEvent(QContextMenuEvent* event)
{
    const QList<QRectF> rects = places(width());
    for (qsizetype i = 0; i < chips_.size(); ++i) {
        if (!rects[i].contains(event->pos())) {
            continue;
        }
        const QString text = QStringLiteral("%1=\"%2\"").arg(chips_[i].name, chips_[i].value);
        auto* menu = new QMenu(this);
        menu->setAttribute(Qt::WA_DeleteOnClose);
        menu->addAction(theme_.icon(QStringLiteral("copy")), tr("Copy %1").arg(text), this,
                        [text] { QGuiApplication::clipboard()->setText(text); });
        menu->popup(event->globalPos());
        return;
    }
}

} // namespace narthex::ui::kit
