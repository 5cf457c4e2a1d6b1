// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range/range_controller.h"

#include "ui/format/time_text.h"

namespace narthex::ui::range {
namespace {

/// Steps that a user may want to go back; as for charts.
constexpr std::size_t kHistoryLimit = 100;

} // namespace

RangeController::RangeController(QObject* parent)
    : QObject(parent),
      spec_{base::Duration::fromMs(3'600'000), {}, {}},
      anchor_(format::wallNow()),
      zone_(QTimeZone::systemTimeZone()),
      history_{spec_}
{
    connect(&timer_, &QTimer::timeout, this, &RangeController::refresh);
    restartTimer();
}

base::Timestamp RangeController::from() const
{
    return spec_.relative() ? anchor_ - *spec_.length : spec_.from;
}

base::Timestamp RangeController::to() const { return spec_.relative() ? anchor_ : spec_.to; }

void RangeController::setSpec(const RangeSpec& spec)
{
    history_.resize(at_ + 1);
    history_.push_back(spec);
    if (history_.size() > kHistoryLimit) {
        history_.erase(history_.begin());
    }
    at_ = history_.size() - 1;
    show(spec);
}

void RangeController::show(const RangeSpec& spec)
{
    spec_ = spec;
    anchor_ = format::wallNow();
    following_ = spec.relative();
    restartTimer();
    Q_EMIT changed();
}

void RangeController::setZone(const QTimeZone& zone)
{
    if (zone != zone_) {
        zone_ = zone;
        Q_EMIT changed();
    }
}

void RangeController::setFollowing(bool following)
{
    if (following == following_) {
        return;
    }
    if (following && !spec_.relative()) {
        const base::Duration length = spec_.to - spec_.from;
        setSpec({length, {}, {}});
        return;
    }
    following_ = following;
    restartTimer();
    Q_EMIT changed();
    if (following) {
        refresh();
    }
}

void RangeController::setRefreshInterval(base::Duration interval)
{
    refresh_ = interval;
    restartTimer();
    Q_EMIT changed();
}

void RangeController::goBack()
{
    if (canGoBack()) {
        show(history_[--at_]);
    }
}

void RangeController::goForward()
{
    if (canGoForward()) {
        show(history_[++at_]);
    }
}

void RangeController::shift(int direction)
{
    const base::Duration half = (to() - from()) / 2;
    setSpec({{}, from() + half * direction, to() + half * direction});
}

void RangeController::zoomOut()
{
    if (spec_.relative()) {
        setSpec({*spec_.length * 2, {}, {}});
        return;
    }
    const base::Duration half = (to() - from()) / 2;
    setSpec({{}, from() - half, to() + half});
}

void RangeController::refresh()
{
    if (spec_.relative()) {
        anchor_ = format::wallNow();
    }
    Q_EMIT ticked();
}

void RangeController::restartTimer()
{
    if (following_ && refresh_.ns > 0) {
        timer_.start(int(refresh_.ms()));
    } else {
        timer_.stop();
    }
}

} // namespace narthex::ui::range
