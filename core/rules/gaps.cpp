// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/gaps.h"

#include <algorithm>

namespace narthex::rules {

GapLog::GapLog(const base::Clock& clock)
    : clock_(clock), lastNow_(clock.now()), lastSteady_(clock.monotonic())
{}

void GapLog::add(Gap gap)
{
    total_ = total_ + gap.length();
    gaps_.push_back(gap);
    if (gaps_.size() > kKept) {
        gaps_.pop_front();
    }
}

void GapLog::observe(base::Duration due, base::Duration interval)
{
    const absl::MutexLock lock(&mutex_);
    const base::Timestamp now = clock_.now();
    const base::Duration steady = clock_.monotonic();
    const base::Duration drift = (now - lastNow_) - (steady - lastSteady_);
    const base::Duration late = steady - due;
    if (drift >= kShortest || -drift >= kShortest) {
        add({now - drift, now});
    } else if (late >= std::max(kLate, interval * 2) && lastSteady_ <= due) {
        add({now - late, now});
    }
    lastNow_ = now;
    lastSteady_ = steady;
}

base::Duration GapLog::total() const
{
    const absl::MutexLock lock(&mutex_);
    return total_;
}

std::vector<Gap> GapLog::gaps() const
{
    const absl::MutexLock lock(&mutex_);
    return {gaps_.begin(), gaps_.end()};
}

std::optional<base::Timestamp> GapLog::lastEnd() const
{
    const absl::MutexLock lock(&mutex_);
    return gaps_.empty() ? std::nullopt : std::optional(gaps_.back().to);
}

} // namespace narthex::rules
