// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/text.h"

#include <algorithm>

namespace narthex::ui::theme {
namespace {

struct DigitWidths
{
    qreal widest = 0;
    bool equal = true;
};

DigitWidths digitWidths(const QFontMetricsF& metrics)
{
    DigitWidths result;
    const qreal first = metrics.horizontalAdvance(QLatin1Char('0'));
    for (char digit = '0'; digit <= '9'; ++digit) {
        const qreal width = metrics.horizontalAdvance(QLatin1Char(digit));
        result.equal = result.equal && qFuzzyCompare(width, first);
        result.widest = std::max(result.widest, width);
    }
    return result;
}

/// Plain digits only: QChar::isDigit also knows other scripts.
bool isFigure(QChar c) { return c >= QLatin1Char('0') && c <= QLatin1Char('9'); }

} // namespace

qreal numberWidth(const QFontMetricsF& metrics, const QString& text)
{
    const DigitWidths digits = digitWidths(metrics);
    if (digits.equal) {
        return metrics.horizontalAdvance(text);
    }
    qreal width = 0;
    for (const QChar c : text) {
        width += isFigure(c) ? digits.widest : metrics.horizontalAdvance(c);
    }
    return width;
}

void drawNumber(QPainter& painter, const QRectF& rect, Qt::Alignment alignment, const QString& text)
{
    const QFontMetricsF metrics(painter.font());
    const DigitWidths digits = digitWidths(metrics);
    const qreal width = numberWidth(metrics, text);
    qreal x = rect.left();
    if (alignment.testFlag(Qt::AlignRight)) {
        x = rect.right() - width;
    } else if (alignment.testFlag(Qt::AlignHCenter)) {
        x = rect.center().x() - width / 2;
    }
    const qreal baseline = rect.center().y() + (metrics.ascent() - metrics.descent()) / 2;
    if (digits.equal) {
        painter.drawText(QPointF(x, baseline), text);
        return;
    }
    for (const QChar c : text) {
        const qreal advance = metrics.horizontalAdvance(c);
        const qreal cell = isFigure(c) ? digits.widest : advance;
        painter.drawText(QPointF(x + (cell - advance) / 2, baseline), QString(c));
        x += cell;
    }
}

qreal drawText(QPainter& painter, const QRectF& rect, const QString& text, Qt::Alignment alignment)
{
    const QFontMetricsF metrics(painter.font());
    const QString shown = metrics.elidedText(text, Qt::ElideRight, rect.width());
    painter.drawText(rect, int(alignment | Qt::AlignVCenter) | Qt::TextSingleLine, shown);
    return metrics.horizontalAdvance(shown);
}

} // namespace narthex::ui::theme
