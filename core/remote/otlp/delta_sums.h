// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Turns points that say what was added into points that say what there is: what came before is kept
// for each series. Owner: OtlpReceiver. Threads: any. Units: nanoseconds, as the points have them.
// Source: OpenTelemetry's deltatocumulative processor, whose limits are these.
#pragma once

#include "core/base/time.h"
#include "core/remote/otlp/model.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <string>
#include <variant>

namespace narthex::remote::otlp {

class DeltaSums
{
public:
    /// Series that got nothing for so long begin anew.
    static constexpr base::Duration kStaleAfter = base::Duration::fromMs(300'000);
    /// A million series of some hundred bytes; further ones are left out.
    static constexpr std::size_t kMostSeries = 1'000'000;

    /// Makes the point of this series a cumulative one. False: it came too late, or there are too
    /// many series, and it is to be left out.
    bool accumulate(const std::string& series, NumberPoint& point, base::Timestamp now);
    bool accumulate(const std::string& series, HistogramPoint& point, base::Timestamp now);
    bool accumulate(const std::string& series, ExponentialPoint& point, base::Timestamp now);

private:
    struct State
    {
        std::variant<NumberPoint, HistogramPoint, ExponentialPoint> total;
        std::int64_t seenMs = 0;
    };

    template <typename PointKind>
    bool accumulateAny(const std::string& series, PointKind& point, base::Timestamp now);
    void forgetStaleLocked(base::Timestamp now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    absl::Mutex mutex_;
    absl::flat_hash_map<std::string, State> series_ ABSL_GUARDED_BY(mutex_);
    std::int64_t nextSweepMs_ ABSL_GUARDED_BY(mutex_) = 0;
};

} // namespace narthex::remote::otlp
