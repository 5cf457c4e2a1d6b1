// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times that nobody watched: the machine slept, the process stood still, or somebody set the clock.
// Owner: the rule manager. Threads: any. Source: a gap is what the wall clock went on beyond the
// steady clock, which stands still while the machine sleeps; or a tick that came long after its
// time while no other came.
#pragma once

#include "core/base/clock.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace narthex::rules {

using namespace base::literals;

/// `to` is before `from` where the clock was set back.
struct Gap
{
    base::Timestamp from;
    base::Timestamp to;
    [[nodiscard]] base::Duration length() const { return to - from; }
    friend bool operator==(const Gap&, const Gap&) = default;
};

class GapLog
{
public:
    /// Corrections of the clock below this are none.
    static constexpr base::Duration kShortest = 5_s;
    /// A tick may be this late, or two intervals if that is more, before the time counts as
    /// unwatched.
    static constexpr base::Duration kLate = 1_min;
    /// Gaps that are kept.
    static constexpr std::size_t kKept = 100;

    /// `clock` outlives it. Watching begins now.
    explicit GapLog(const base::Clock& clock);

    /// To be called whenever a tick comes. `due`: when it should have come, on the steady clock.
    void observe(base::Duration due, base::Duration interval);

    /// Length of all gaps so far: what a reader has missed is the difference to what it saw last.
    [[nodiscard]] base::Duration total() const;
    /// Oldest first.
    [[nodiscard]] std::vector<Gap> gaps() const;
    /// When the newest one was found; absent: there was none.
    [[nodiscard]] std::optional<base::Timestamp> lastEnd() const;

private:
    void add(Gap gap) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    const base::Clock& clock_;
    mutable absl::Mutex mutex_;
    base::Timestamp lastNow_ ABSL_GUARDED_BY(mutex_);
    base::Duration lastSteady_ ABSL_GUARDED_BY(mutex_);
    base::Duration total_ ABSL_GUARDED_BY(mutex_);
    std::deque<Gap> gaps_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::rules
