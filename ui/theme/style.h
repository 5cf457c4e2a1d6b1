// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the style sheet cannot say: check marks, focus frames, no animation, metrics. Fusion below.
// Owner: QApplication. Threads: GUI thread.
#pragma once

#include "ui/theme/theme.h"

#include <QProxyStyle>

namespace narthex::ui::theme {

class Style final : public QProxyStyle
{
    Q_OBJECT

public:
    /// `theme` outlives the style.
    explicit Style(const Theme& theme);

    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override;
    int pixelMetric(PixelMetric metric, const QStyleOption* option,
                    const QWidget* widget) const override;
    int styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                  QStyleHintReturn* returnData) const override;

private:
    void drawCheck(const QStyleOption& option, QPainter& painter, bool round) const;
    void drawArrow(const QStyleOption& option, QPainter& painter, bool up) const;

    const Theme& theme_;
};

} // namespace narthex::ui::theme
