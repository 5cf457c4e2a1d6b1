// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many shards a queue of remote write needs, from what came in and went out lately. No clock,
// no threads: the queue says how much time passed. Owner: WriteQueue. Threads: one at a time.
// Units: seconds, samples per second. Source: spec/remote.md, 2.5.
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <optional>

namespace narthex::remote {

/// A rate that follows the newest ticks: each weighs a fifth, the first all.
class SmoothedRate
{
public:
    void tick(double total, double seconds);
    [[nodiscard]] double perSecond() const { return rate_.value_or(0); }

private:
    std::optional<double> rate_;
    double lastTotal_ = 0;
};

/// What a queue counts, since its start.
struct FlowTotals
{
    double in = 0;
    double out = 0;
    double dropped = 0;
    /// Of all sending together.
    double outSeconds = 0;
};

struct FlowRates
{
    double in = 0;
    double out = 0;
    double dropped = 0;
    double outSeconds = 0;
};

/// The number that the formula gives; absent when nothing goes out.
std::optional<double> desiredShards(const FlowRates& rates, double delaySeconds);
/// The number to go on with.
int nextShardCount(double desired, int current, double delaySeconds, int minShards, int maxShards);

class ShardCounter
{
public:
    static constexpr base::Duration kInterval = base::Duration::fromMs(10'000);

    /// After each interval, of which `elapsed` has passed. The desired number, if there is one.
    std::optional<double> tick(const FlowTotals& totals, base::Duration elapsed,
                               double delaySeconds);

private:
    SmoothedRate in_;
    SmoothedRate out_;
    SmoothedRate dropped_;
    SmoothedRate outSeconds_;
};

} // namespace narthex::remote
