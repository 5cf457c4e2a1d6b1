// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/classic_buckets.h"

#include "core/model/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void mergeEqualBounds(std::vector<ClassicBucket>& buckets)
{
    std::size_t last = 0;
    for (std::size_t i = 1; i < buckets.size(); ++i) {
        if (buckets[i].upper == buckets[last].upper) {
            buckets[last].count += buckets[i].count;
        } else {
            buckets[++last] = buckets[i];
        }
    }
    buckets.resize(last + 1);
}

/// Differences this small come from adding floats in another order.
bool nearlyEqual(double a, double b)
{
    constexpr double kTolerance = 1e-12;
    const double sum = std::abs(a) + std::abs(b);
    const double difference = std::abs(a - b);
    if (a == 0 || b == 0 || sum < std::numeric_limits<double>::min()) {
        return difference < kTolerance * std::numeric_limits<double>::min();
    }
    return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

void makeRising(std::vector<ClassicBucket>& buckets, BucketRepair& repair)
{
    double previous = buckets.front().count;
    for (ClassicBucket& bucket : buckets) {
        if (bucket.count == previous) {
            continue;
        }
        if (nearlyEqual(previous, bucket.count)) {
            bucket.count = previous;
            continue;
        }
        if (bucket.count < previous) {
            const double difference = previous - bucket.count;
            repair.lowest = repair.any ? std::min(repair.lowest, bucket.upper) : bucket.upper;
            repair.highest = repair.any ? std::max(repair.highest, bucket.upper) : bucket.upper;
            repair.largestDifference = std::max(repair.largestDifference, difference);
            repair.any = true;
            bucket.count = previous;
        }
        previous = bucket.count;
    }
}

} // namespace

double classicQuantile(double q, std::vector<ClassicBucket>& buckets, BucketRepair& repair)
{
    if (std::isnan(q)) {
        return model::normalNan();
    }
    if (q < 0) {
        return -kInfinity;
    }
    if (q > 1) {
        return kInfinity;
    }
    if (buckets.empty() || buckets.back().upper != kInfinity) {
        return model::normalNan();
    }
    mergeEqualBounds(buckets);
    makeRising(buckets, repair);
    const double total = buckets.back().count;
    if (buckets.size() < 2 || total == 0) {
        return model::normalNan();
    }
    const double rank = q * total;
    std::size_t b = 0;
    while (b + 1 < buckets.size() && !(buckets[b].count >= rank)) {
        ++b;
    }
    if (b + 1 == buckets.size()) {
        return buckets[buckets.size() - 2].upper;
    }
    if (b == 0 && buckets[0].upper <= 0) {
        return buckets[0].upper;
    }
    const double lower = b == 0 ? 0 : buckets[b - 1].upper;
    const double before = b == 0 ? 0 : buckets[b - 1].count;
    return lower + (buckets[b].upper - lower) * ((rank - before) / (buckets[b].count - before));
}

double classicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets)
{
    if (buckets.empty() || buckets.back().upper != kInfinity) {
        return model::normalNan();
    }
    mergeEqualBounds(buckets);
    const double total = buckets.back().count;
    if (total == 0 || std::isnan(lower) || std::isnan(upper) || std::isnan(total)) {
        return model::normalNan();
    }
    if (lower >= upper) {
        return 0;
    }
    const auto rankOf = [&](double bound) {
        double rank = 0;
        double begin = buckets.front().upper > 0 ? 0 : -kInfinity;
        for (const ClassicBucket& bucket : buckets) {
            if (begin >= bound) {
                return rank;
            }
            if (bucket.upper > bound) {
                if (begin == -kInfinity) {
                    return bucket.count;
                }
                return bucket.upper == kInfinity ? rank
                                                 : rank + (bucket.count - rank) * (bound - begin) /
                                                              (bucket.upper - begin);
            }
            rank = bucket.count;
            begin = bucket.upper;
        }
        return total;
    };
    return (std::min(rankOf(upper), total) - std::min(rankOf(lower), total)) / total;
}

} // namespace narthex::promql
