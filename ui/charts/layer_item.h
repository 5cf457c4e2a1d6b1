// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A scene item that covers the chart and paints by a function.
// Owner: the scene. Threads: GUI thread.
#pragma once

#include <QGraphicsItem>
#include <QPainter>

#include <functional>

namespace narthex::ui::charts {

class LayerItem final : public QGraphicsItem
{
public:
    LayerItem(QGraphicsItem* parent, double z, std::function<void(QPainter&)> paintLayer)
        : QGraphicsItem(parent), paintLayer_(std::move(paintLayer))
    {
        setZValue(z);
        setAcceptedMouseButtons(Qt::NoButton);
    }

    void setBounds(const QRectF& bounds)
    {
        prepareGeometryChange();
        bounds_ = bounds;
    }
    [[nodiscard]] QRectF boundingRect() const override { return bounds_; }
    void paint(QPainter* painter, const QStyleOptionGraphicsItem*, QWidget*) override
    {
        paintLayer_(*painter);
    }

private:
    std::function<void(QPainter&)> paintLayer_;
    QRectF bounds_;
};

} // namespace narthex::ui::charts
