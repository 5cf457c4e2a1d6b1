// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws an SVG of resources/icons in the theme's present colour.
// Owner: QIcon. Threads: GUI thread.
#pragma once

#include "ui/theme/theme.h"

#include <QIconEngine>

namespace narthex::ui::theme {

class IconEngine final : public QIconEngine
{
public:
    /// `theme` outlives the icon.
    IconEngine(const Theme& theme, QString name, Role role);

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override;
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override;
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state,
                         qreal scale) override;
    [[nodiscard]] QIconEngine* clone() const override;

private:
    [[nodiscard]] QColor tint(QIcon::Mode mode, QIcon::State state) const;

    const Theme& theme_;
    const QString name_;
    const Role role_;
};

} // namespace narthex::ui::theme
