// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/view.h"

#include <cmath>

namespace narthex::ui::charts {
namespace {

/// "Stack of 100 per linked group" (spec/ui.md, "Charts", zoom).
constexpr std::size_t kDepthLimit = 100;

} // namespace

base::Timestamp PlotMap::time(double px) const
{
    return {view.from.ms +
            std::int64_t(std::llround((px - plot.left()) / plot.width() * spanMs()))};
}

void ViewStack::reset(View base)
{
    views_.assign(1, base);
    at_ = 0;
}

void ViewStack::moveBase(View base) { views_.front() = base; }

void ViewStack::push(View view)
{
    views_.resize(at_ + 1);
    views_.push_back(view);
    if (views_.size() > kDepthLimit) {
        views_.erase(views_.begin() + 1); // the bottom stays: Home must work
    }
    at_ = views_.size() - 1;
}

bool ViewStack::back()
{
    if (at_ == 0) {
        return false;
    }
    --at_;
    return true;
}

bool ViewStack::forward()
{
    if (at_ + 1 >= views_.size()) {
        return false;
    }
    ++at_;
    return true;
}

} // namespace narthex::ui::charts
