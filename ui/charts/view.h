// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Time to pixels and back, and the stack of zooms.
// Threads: values. Units: pixels as double, Timestamp.
#pragma once

#include "core/base/time.h"

#include <QRectF>

#include <optional>
#include <vector>

namespace narthex::ui::charts {

struct View
{
    base::Timestamp from;
    base::Timestamp to;
    friend bool operator==(const View&, const View&) = default;
};

/// The map between a view with a value range and a plot rectangle.
struct PlotMap
{
    View view;
    double yMin = 0;
    double yMax = 1;
    QRectF plot;

    [[nodiscard]] double x(base::Timestamp time) const
    {
        return plot.left() + double(time.ms - view.from.ms) / spanMs() * plot.width();
    }
    [[nodiscard]] double y(double value) const
    {
        return plot.bottom() - (value - yMin) / (yMax - yMin) * plot.height();
    }
    /// Rounded to a millisecond.
    [[nodiscard]] base::Timestamp time(double px) const;
    [[nodiscard]] double value(double py) const
    {
        return yMin + (plot.bottom() - py) / plot.height() * (yMax - yMin);
    }

private:
    [[nodiscard]] double spanMs() const
    {
        return double(std::max<std::int64_t>(1, view.to.ms - view.from.ms));
    }
};

/// Back and forward over zooms; at the bottom is the view that the page gave.
class ViewStack
{
public:
    /// Replaces the bottom and forgets all zooms.
    void reset(View base);
    /// Moves the bottom while it is shown (live charts); zooms stay.
    void moveBase(View base);
    void push(View view);
    [[nodiscard]] const View& current() const { return views_[at_]; }
    [[nodiscard]] bool zoomed() const { return at_ > 0; }
    /// False when there is nowhere to go.
    bool back();
    bool forward();
    void home() { at_ = 0; }
    [[nodiscard]] std::size_t depth() const { return views_.size(); }

private:
    std::vector<View> views_{View{{0}, {1}}};
    std::size_t at_ = 0;
};

} // namespace narthex::ui::charts
