// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/shard_count.h"

#include <algorithm>
#include <cmath>

namespace narthex::remote {
namespace {

constexpr double kWeight = 0.2;
/// Of the work that has piled up, so much is to be done each second.
constexpr double kCatchUp = 0.05;
constexpr double kTolerance = 0.3;
/// Behind by more, shards are only added.
constexpr double kNoFewerAbove = 10;

} // namespace

void SmoothedRate::tick(double total, double seconds)
{
    if (seconds <= 0) {
        return;
    }
    const double now = (total - lastTotal_) / seconds;
    lastTotal_ = total;
    rate_ = rate_ ? kWeight * now + (1 - kWeight) * *rate_ : now;
}

std::optional<double> desiredShards(const FlowRates& rates, double delaySeconds)
{
    if (rates.out <= 0) {
        return std::nullopt;
    }
    const double kept = rates.out / (rates.dropped + rates.out);
    const double perSample = rates.outSeconds / rates.out;
    const double arriving = rates.in * kept;
    return perSample * (arriving + kCatchUp * delaySeconds * arriving);
}

int nextShardCount(double desired, int current, double delaySeconds, int minShards, int maxShards)
{
    const double wanted = std::ceil(std::clamp(desired, 0.0, 1e9));
    const double now = current;
    if (wanted >= now * (1 - kTolerance) && wanted <= now * (1 + kTolerance)) {
        return current;
    }
    if (wanted < now && delaySeconds > kNoFewerAbove) {
        return current;
    }
    return std::clamp(static_cast<int>(wanted), minShards, maxShards);
}

std::optional<double> ShardCounter::tick(const FlowTotals& totals, base::Duration elapsed,
                                         double delaySeconds)
{
    const double seconds = elapsed.seconds();
    in_.tick(totals.in, seconds);
    out_.tick(totals.out, seconds);
    dropped_.tick(totals.dropped, seconds);
    outSeconds_.tick(totals.outSeconds, seconds);
    return desiredShards({.in = in_.perSecond(),
                          .out = out_.perSecond(),
                          .dropped = dropped_.perSecond(),
                          .outSeconds = outSeconds_.perSecond()},
                         delaySeconds);
}

} // namespace narthex::remote
