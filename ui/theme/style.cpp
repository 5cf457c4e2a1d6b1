// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/style.h"

#include <QPainter>
#include <QStyleFactory>
#include <QStyleOption>

namespace narthex::ui::theme {

Style::Style(const Theme& theme)
    : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))), theme_(theme)
{}

void Style::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                          const QWidget* widget) const
{
    switch (element) {
    case PE_IndicatorCheckBox:
        drawCheck(*option, *painter, false);
        return;
    case PE_IndicatorRadioButton:
        drawCheck(*option, *painter, true);
        return;
    case PE_IndicatorArrowDown:
    case PE_IndicatorArrowUp:
        drawArrow(*option, *painter, element == PE_IndicatorArrowUp);
        return;
    case PE_FrameFocusRect:
        // Views mark their current row by selection; a dotted frame besides it is noise.
        return;
    default:
        QProxyStyle::drawPrimitive(element, option, painter, widget);
    }
}

int Style::pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const
{
    switch (metric) {
    case PM_IndicatorWidth:
    case PM_IndicatorHeight:
    case PM_ExclusiveIndicatorWidth:
    case PM_ExclusiveIndicatorHeight:
    case PM_SmallIconSize:
    case PM_ButtonIconSize:
    case PM_ToolBarIconSize:
        return 16;
    case PM_CheckBoxLabelSpacing:
    case PM_RadioButtonLabelSpacing:
        return 8;
    case PM_SplitterWidth:
        return 5;
    case PM_ToolBarFrameWidth:
    case PM_ToolBarItemMargin:
        return 0;
    default:
        return QProxyStyle::pixelMetric(metric, option, widget);
    }
}

int Style::styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                     QStyleHintReturn* returnData) const
{
    switch (hint) {
    case SH_Widget_Animation_Duration:
    case SH_EtchDisabledText:
    case SH_UnderlineShortcut:
        return 0;
    case SH_ToolTip_WakeUpDelay:
        return 500;
    default:
        return QProxyStyle::styleHint(hint, option, widget, returnData);
    }
}

void Style::drawCheck(const QStyleOption& option, QPainter& painter, bool round) const
{
    const bool on = (option.state & (State_On | State_NoChange)) != 0;
    const bool enabled = (option.state & State_Enabled) != 0;
    const QRectF box = QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor edge = theme_.colour(enabled ? Role::ControlBorder : Role::Border);
    const QColor accent = theme_.colour(Role::Accent);
    painter.setPen(on && enabled ? accent : edge);
    painter.setBrush(on && !round && enabled ? accent : theme_.colour(Role::Surface));
    const double radius = round ? box.width() / 2 : 3;
    painter.drawRoundedRect(box, radius, radius);
    if (on && round) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(enabled ? accent : edge);
        painter.drawEllipse(box.center(), 4, 4);
    } else if (on) {
        painter.setPen(
            QPen(theme_.colour(Role::OnAccent), 1.8, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        const QPointF o = box.topLeft();
        painter.drawPolyline(
            QPolygonF{o + QPointF(3.5, 8), o + QPointF(6.5, 11), o + QPointF(11.5, 4.8)});
    }
    if ((option.state & State_HasFocus) != 0) {
        painter.setPen(QPen(accent, 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), radius + 1, radius + 1);
    }
    painter.restore();
}

void Style::drawArrow(const QStyleOption& option, QPainter& painter, bool up) const
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor colour =
        theme_.colour((option.state & State_Enabled) != 0 ? Role::Text2 : Role::Text3);
    painter.setPen(QPen(colour, 1.4, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    const QPointF centre = QRectF(option.rect).center();
    const double tip = up ? -2 : 2;
    painter.drawPolyline(
        QPolygonF{centre + QPointF(-4, -tip), centre + QPointF(0, tip), centre + QPointF(4, -tip)});
    painter.restore();
}

} // namespace narthex::ui::theme
