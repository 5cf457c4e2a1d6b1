// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/state.h"

#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QPainter>
#include <QPainterPath>

#include <cmath>
#include <numbers>

namespace narthex::ui::theme {
namespace {

QPolygonF regularPolygon(const QRectF& rect, int corners, double turn)
{
    QPolygonF polygon;
    const QPointF centre = rect.center();
    for (int i = 0; i < corners; ++i) {
        const double angle = (i + turn) * 2 * std::numbers::pi / corners;
        polygon << centre + QPointF(std::cos(angle) * rect.width() / 2,
                                    std::sin(angle) * rect.height() / 2);
    }
    return polygon;
}

void paintOctagon(QPainter& painter, const QRectF& rect)
{
    // The corners of an octagon of this radius make its flat sides touch the rectangle.
    const double grow = rect.width() * 0.04;
    painter.drawPolygon(regularPolygon(rect.adjusted(-grow, -grow, grow, grow), 8, 0.5));
}

void paintTriangle(QPainter& painter, const QRectF& rect)
{
    QPainterPath path;
    const double w = rect.width();
    path.moveTo(rect.center().x(), rect.top() + w * 0.06);
    path.lineTo(rect.right() + w * 0.02, rect.bottom() - w * 0.06);
    path.lineTo(rect.left() - w * 0.02, rect.bottom() - w * 0.06);
    path.closeSubpath();
    painter.drawPath(path);
}

void paintDiamond(QPainter& painter, const QRectF& rect, const QColor& colour, bool half)
{
    const QPolygonF diamond = regularPolygon(rect, 4, 0);
    if (!half) {
        painter.drawPolygon(diamond);
        return;
    }
    const double stroke = std::max(1.0, rect.width() / 10);
    const QRectF inner = rect.adjusted(stroke / 2, stroke / 2, -stroke / 2, -stroke / 2);
    painter.setPen(QPen(colour, stroke));
    painter.setBrush(Qt::NoBrush);
    painter.drawPolygon(regularPolygon(inner, 4, 0));
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawPolygon(QPolygonF{{inner.center().x(), inner.top()},
                                  {inner.center().x(), inner.bottom()},
                                  {inner.left(), inner.center().y()}});
}

void paintTick(QPainter& painter, const QRectF& rect, const QColor& back)
{
    painter.drawEllipse(rect);
    const double w = rect.width();
    QPen pen(back, std::max(1.2, w / 9));
    pen.setCapStyle(Qt::RoundCap);
    pen.setJoinStyle(Qt::RoundJoin);
    painter.setPen(pen);
    painter.setBrush(Qt::NoBrush);
    painter.drawPolyline(QPolygonF{{rect.left() + w * 0.28, rect.top() + w * 0.52},
                                   {rect.left() + w * 0.44, rect.top() + w * 0.68},
                                   {rect.left() + w * 0.73, rect.top() + w * 0.35}});
}

void paintBell(QPainter& painter, const QRectF& rect, const QColor& colour)
{
    const double w = rect.width();
    const auto at = [&](double x, double y) {
        return QPointF(rect.left() + x * w, rect.top() + y * w);
    };
    QPainterPath bell;
    bell.moveTo(at(0.14, 0.74));
    bell.cubicTo(at(0.28, 0.62), at(0.24, 0.48), at(0.26, 0.36));
    bell.cubicTo(at(0.30, 0.02), at(0.70, 0.02), at(0.74, 0.36));
    bell.cubicTo(at(0.76, 0.48), at(0.72, 0.62), at(0.86, 0.74));
    bell.closeSubpath();
    bell.addEllipse(at(0.5, 0.86), w * 0.09, w * 0.09);
    painter.drawPath(bell);
    painter.setPen(QPen(colour, std::max(1.2, w / 10), Qt::SolidLine, Qt::RoundCap));
    painter.drawLine(at(0.08, 0.08), at(0.92, 0.94));
}

void paintQuestion(QPainter& painter, const QRectF& rect, const QColor& colour)
{
    const double w = rect.width();
    const double stroke = std::max(1.0, w / 11);
    const auto at = [&](double x, double y) {
        return QPointF(rect.left() + x * w, rect.top() + y * w);
    };
    QPen pen(colour, stroke, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
    painter.setPen(pen);
    painter.setBrush(Qt::NoBrush);
    painter.drawEllipse(rect.adjusted(stroke / 2, stroke / 2, -stroke / 2, -stroke / 2));
    QPainterPath hook;
    hook.moveTo(at(0.37, 0.41));
    hook.cubicTo(at(0.38, 0.22), at(0.64, 0.24), at(0.62, 0.42));
    hook.cubicTo(at(0.60, 0.50), at(0.50, 0.50), at(0.50, 0.60));
    painter.drawPath(hook);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawEllipse(at(0.5, 0.735), stroke * 0.7, stroke * 0.7);
}

} // namespace

Role stateRole(State state)
{
    switch (state) {
    case State::Critical:
        return Role::Critical;
    case State::Warning:
        return Role::Warning;
    case State::Info:
    case State::Pending:
        return Role::Info;
    case State::Ok:
        return Role::Ok;
    case State::Acknowledged:
    case State::Silenced:
        return Role::Muted;
    case State::Unknown:
        return Role::Unknown;
    }
    return Role::Unknown;
}

Role stateBackRole(State state) { return Role(std::uint8_t(stateRole(state)) + 1); }

QString stateWord(State state)
{
    const auto word = [](const char* text) {
        return QCoreApplication::translate("theme::State", text);
    };
    switch (state) {
    case State::Critical:
        return word(QT_TRANSLATE_NOOP("theme::State", "critical"));
    case State::Warning:
        return word(QT_TRANSLATE_NOOP("theme::State", "warning"));
    case State::Info:
        return word(QT_TRANSLATE_NOOP("theme::State", "info"));
    case State::Pending:
        return word(QT_TRANSLATE_NOOP("theme::State", "pending"));
    case State::Ok:
        return word(QT_TRANSLATE_NOOP("theme::State", "ok"));
    case State::Acknowledged:
        return word(QT_TRANSLATE_NOOP("theme::State", "acknowledged"));
    case State::Silenced:
        return word(QT_TRANSLATE_NOOP("theme::State", "silenced"));
    case State::Unknown:
        return word(QT_TRANSLATE_NOOP("theme::State", "unknown"));
    }
    return {};
}

void paintState(QPainter& painter, const QRectF& rect, State state, const Theme& theme)
{
    const QColor colour = theme.colour(stateRole(state));
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    switch (state) {
    case State::Critical:
        paintOctagon(painter, rect);
        break;
    case State::Warning:
        paintTriangle(painter, rect);
        break;
    case State::Info:
    case State::Pending:
        paintDiamond(painter, rect, colour, state == State::Pending);
        break;
    case State::Ok:
        painter.drawEllipse(rect.adjusted(rect.width() * 0.06, rect.width() * 0.06,
                                          -rect.width() * 0.06, -rect.width() * 0.06));
        break;
    case State::Acknowledged:
        paintTick(painter, rect, theme.colour(Role::Surface));
        break;
    case State::Silenced:
        paintBell(painter, rect, colour);
        break;
    case State::Unknown:
        paintQuestion(painter, rect, colour);
        break;
    }
    painter.restore();
}

} // namespace narthex::ui::theme
