// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/overview/host_row.h"

#include "ui/theme/text.h"

#include <QPainter>

namespace narthex::ui::pages {
namespace {

using theme::Role;
using theme::TextSize;

constexpr base::Duration kWindow = base::Duration::fromMs(15 * 60'000);
constexpr base::Duration kStep = base::Duration::fromMs(5'000);

} // namespace

HostRow::HostRow(PageContext& context, const HostCard& card, QWidget* parent)
    : QAbstractButton(parent), context_(context), card_(card)
{
    setObjectName(QStringLiteral("overview.host.") + card.key);
    setText(card.title);
    setAccessibleName(card.title);
    setToolTip(tr("Open in Explore: %1").arg(card.query));
    setFixedHeight(52);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setFocusPolicy(Qt::StrongFocus);
    curve_ = new kit::Sparkline(context.theme, this);
    curve_->setColourSlot(card.colourSlot);
}

void HostRow::ask(base::Timestamp now)
{
    const base::Timestamp to{now.ms / kStep.ms() * kStep.ms()};
    curveRequest_ =
        context_.backend.queryRange({card_.query.toStdString(), to - kWindow, to, kStep, {}},
                                    [this](const absl::StatusOr<client::QueryResult>& result) {
                                        stale_ = !result.ok();
                                        if (result.ok()) {
                                            take(**result);
                                        }
                                        update();
                                        Q_EMIT answered(result.ok());
                                    });
    if (card_.remarkQuery.isEmpty()) {
        return;
    }
    remarkRequest_ = context_.backend.query(
        {card_.remarkQuery.toStdString(), {}, {}},
        [this](const absl::StatusOr<client::QueryResult>& result) {
            const auto* vector =
                result.ok() ? std::get_if<promql::Vector>(&(*result)->value) : nullptr;
            remark_ =
                vector != nullptr && !vector->empty()
                    ? card_.remarkText.arg(
                          format::showValue(vector->front().value, card_.remarkUnit, 3).text())
                    : QString();
            update();
        });
}

void HostRow::take(const promql::Result& result)
{
    const auto* matrix = std::get_if<promql::Matrix>(&result.value);
    if (matrix == nullptr || matrix->empty() || matrix->front().points.empty()) {
        return;
    }
    const std::vector<promql::Point>& points = matrix->front().points;
    QList<QPointF> curve;
    curve.reserve(qsizetype(points.size()));
    double previous = points.front().time.seconds();
    for (const promql::Point& point : points) {
        const double at = point.time.seconds();
        if (at - previous > 2.5 * kStep.seconds()) {
            curve << QPointF(at, std::numeric_limits<double>::quiet_NaN());
        }
        curve << QPointF(at, point.value);
        previous = at;
    }
    curve_->setPoints(std::move(curve), card_.low, card_.high);
    const format::ShownValue shown = format::showValue(
        points.back().value, card_.unit, card_.unit.quantity == format::Quantity::Percent ? 2 : 3);
    number_ = shown.number;
    symbol_ = shown.symbol;
    setAccessibleDescription(QStringLiteral("%1 %2").arg(shown.text(), card_.beside));
}

void HostRow::resizeEvent(QResizeEvent* event)
{
    QAbstractButton::resizeEvent(event);
    const int curveWidth = std::clamp(width() - 220, 80, 240);
    curve_->setGeometry(width() - curveWidth - 12, 6, curveWidth, 40);
}

void HostRow::paintEvent(QPaintEvent*)
{
    const theme::Theme& theme = context_.theme;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (underMouse()) {
        painter.fillRect(rect(), theme.colour(Role::Surface2));
    }
    painter.fillRect(QRect(0, height() - 1, width(), 1), theme.colour(Role::Border));
    painter.setFont(theme.font(TextSize::Table));
    painter.setPen(theme.colour(Role::Text2));
    theme::drawText(painter, {12, 5, 86, 16}, text());
    painter.setFont(theme.font(TextSize::Axis));
    painter.setPen(theme.colour(stale_ ? Role::Unknown : Role::Text3));
    theme::drawText(painter, {100, 5, curve_->x() - 104.0, 16},
                    stale_ ? tr("no fresh data") : remark_);
    painter.setFont(theme.font(TextSize::Title, true));
    painter.setPen(theme.colour(stale_ ? Role::Text3 : Role::Text));
    const double width = theme::numberWidth(QFontMetricsF(painter.font()), number_);
    theme::drawNumber(painter, {12, 21, width + 4, 26}, Qt::AlignLeft, number_);
    painter.setFont(theme.font(TextSize::Table));
    painter.setPen(theme.colour(Role::Text2));
    const double used = theme::drawText(painter, {12 + width + 5, 25, 80, 20}, symbol_);
    painter.setPen(theme.colour(Role::Text3));
    const double left = 12 + width + 5 + (symbol_.isEmpty() ? 0 : used + 7);
    theme::drawText(painter, {left, 25, curve_->x() - left - 4, 20}, card_.beside);
    if (hasFocus()) {
        painter.setPen(QPen(theme.colour(Role::Accent), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(2, 2, -2, -3), 4, 4);
    }
}

bool HostRow::event(QEvent* event)
{
    if (event->type() == QEvent::Enter || event->type() == QEvent::Leave) {
        update();
    }
    return QAbstractButton::event(event);
}

} // namespace narthex::ui::pages
