// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/delta_sums.h"

#include "core/remote/otlp/native_histograms.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace narthex::remote::otlp {
namespace {

/// Wider sums of exponential buckets become coarser.
constexpr std::int64_t kMostBuckets = 160;

std::optional<double> sumOf(std::optional<double> a, std::optional<double> b)
{
    return a && b ? std::optional(*a + *b) : std::nullopt;
}

void add(NumberPoint& total, const NumberPoint& delta) { total.value += delta.value; }

void add(HistogramPoint& total, const HistogramPoint& delta)
{
    if (total.bounds != delta.bounds || total.counts.size() != delta.counts.size()) {
        total = delta; // other buckets: nothing can be added
        total.attributes.clear();
        total.exemplars.clear();
        return;
    }
    total.count += delta.count;
    total.sum = sumOf(total.sum, delta.sum);
    for (std::size_t i = 0; i < total.counts.size(); ++i) {
        total.counts[i] += delta.counts[i];
    }
}

/// The buckets of both together would be these.
std::pair<std::int64_t, std::int64_t> rangeOf(const ExponentialBuckets& a,
                                              const ExponentialBuckets& b)
{
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    std::int64_t last = std::numeric_limits<std::int64_t>::min();
    for (const ExponentialBuckets* each : {&a, &b}) {
        if (!each->counts.empty()) {
            const std::int64_t begin = each->offset;
            first = std::min(first, begin);
            last = std::max(last, begin + static_cast<std::int64_t>(each->counts.size()));
        }
    }
    return {first, std::max(first, last)};
}

bool isTooWide(const ExponentialBuckets& a, const ExponentialBuckets& b)
{
    const auto range = rangeOf(a, b);
    return range.second - range.first > kMostBuckets;
}

void addBuckets(ExponentialBuckets& total, const ExponentialBuckets& delta)
{
    const auto range = rangeOf(total, delta);
    if (range.first == range.second) {
        return;
    }
    ExponentialBuckets sum{.offset = static_cast<std::int32_t>(range.first)};
    sum.counts.assign(static_cast<std::size_t>(range.second - range.first), 0);
    for (const ExponentialBuckets* each : {&std::as_const(total), &delta}) {
        const auto shift = static_cast<std::size_t>(std::int64_t{each->offset} - range.first);
        for (std::size_t i = 0; i < each->counts.size(); ++i) {
            sum.counts[shift + i] += each->counts[i];
        }
    }
    total = std::move(sum);
}

void coarsenBoth(ExponentialPoint& point, std::int32_t scales)
{
    coarsen(point.positive, scales);
    coarsen(point.negative, scales);
    point.scale -= scales;
}

void add(ExponentialPoint& total, ExponentialPoint delta)
{
    const std::int32_t scale = std::min(total.scale, delta.scale);
    coarsenBoth(total, total.scale - scale);
    coarsenBoth(delta, delta.scale - scale);
    constexpr std::int32_t kCoarsest = -10;
    while (total.scale > kCoarsest && (isTooWide(total.positive, delta.positive) ||
                                       isTooWide(total.negative, delta.negative))) {
        coarsenBoth(total, 1);
        coarsenBoth(delta, 1);
    }
    if (isTooWide(total.positive, delta.positive) || isTooWide(total.negative, delta.negative)) {
        total = std::move(delta); // numbers that cannot be: begin anew
        return;
    }
    addBuckets(total.positive, delta.positive);
    addBuckets(total.negative, delta.negative);
    total.zeroCount += delta.zeroCount;
    total.count += delta.count;
    total.sum = sumOf(total.sum, delta.sum);
}

} // namespace

void DeltaSums::forgetStaleLocked(base::Timestamp now)
{
    if (now.ms < nextSweepMs_) {
        return;
    }
    constexpr std::int64_t kSweepMs = 60'000;
    nextSweepMs_ = now.ms + kSweepMs;
    absl::erase_if(series_, [now](const auto& entry) {
        return entry.second.seenMs + kStaleAfter.ms() < now.ms;
    });
}

template <typename PointKind>
bool DeltaSums::accumulateAny(const std::string& series, PointKind& point, base::Timestamp now)
{
    const absl::MutexLock lock(&mutex_);
    forgetStaleLocked(now);
    const auto found = series_.find(series);
    if (found == series_.end()) {
        if (series_.size() >= kMostSeries) {
            return false;
        }
        PointKind first = point;
        first.attributes.clear();
        first.exemplars.clear();
        series_.emplace(series, State{std::move(first), now.ms});
        return true;
    }
    State& state = found->second;
    PointKind* const total = std::get_if<PointKind>(&state.total);
    if (total == nullptr || point.timeNs <= total->timeNs) {
        return false; // it was counted, or the series was something else
    }
    state.seenMs = now.ms;
    total->timeNs = point.timeNs;
    if (point.isStale) {
        return true;
    }
    add(*total, point);
    total->timeNs = point.timeNs;
    PointKind sum = *total;
    sum.attributes = std::move(point.attributes);
    sum.exemplars = std::move(point.exemplars);
    sum.isStale = false;
    point = std::move(sum);
    return true;
}

bool DeltaSums::accumulate(const std::string& series, NumberPoint& point, base::Timestamp now)
{
    return accumulateAny(series, point, now);
}

bool DeltaSums::accumulate(const std::string& series, HistogramPoint& point, base::Timestamp now)
{
    return accumulateAny(series, point, now);
}

bool DeltaSums::accumulate(const std::string& series, ExponentialPoint& point, base::Timestamp now)
{
    return accumulateAny(series, point, now);
}

} // namespace narthex::remote::otlp
