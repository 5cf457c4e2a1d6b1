// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Painting of text: tabular figures for fonts whose digits differ in width (Qt 6.4 cannot ask a
// font for them). Threads: GUI thread. Units: logical pixels.
#pragma once

#include <QPainter>
#include <QString>

namespace narthex::ui::theme {

/// Width of `text` when each digit takes the room of the widest.
qreal numberWidth(const QFontMetricsF& metrics, const QString& text);
/// Draws `text` with digits of one width; alignment AlignLeft, AlignRight or AlignHCenter,
/// vertically centred.
void drawNumber(QPainter& painter, const QRectF& rect, Qt::Alignment alignment,
                const QString& text);
/// One line, elided at the right, vertically centred; returns the width used.
qreal drawText(QPainter& painter, const QRectF& rect, const QString& text,
               Qt::Alignment alignment = Qt::AlignLeft);

} // namespace narthex::ui::theme
