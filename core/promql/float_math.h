// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums that keep their low-order bits, and quantiles of plain numbers.
// Threads: pure functions. Source: spec/promql.md, Traps for C++ 17.2; Aggregations.
#pragma once

#include "core/model/sample.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace narthex::promql {

/// A running sum with Neumaier's compensation.
struct CompensatedSum
{
    double sum = 0;
    double compensation = 0;

    void add(double x)
    {
        const double total = sum + x;
        if (std::isinf(total)) {
            compensation = 0;
        } else if (std::abs(sum) >= std::abs(x)) {
            compensation += (sum - total) + x;
        } else {
            compensation += (x - total) + sum;
        }
        sum = total;
    }
    [[nodiscard]] double value() const { return std::isinf(sum) ? sum : sum + compensation; }
};

/// So many compensated sums side by side; each goes the way of CompensatedSum, bit for bit, but the
/// compiler can let them go together: no branch.
inline void addCompensated(double* __restrict sums, double* __restrict compensations,
                           const double* __restrict values, std::size_t count)
{
    for (std::size_t i = 0; i < count; ++i) {
        const double sum = sums[i];
        const double x = values[i];
        const double total = sum + x;
        const double ofSum = (sum - total) + x;
        const double ofValue = (x - total) + sum;
        const double more = compensations[i] + (std::abs(sum) >= std::abs(x) ? ofSum : ofValue);
        compensations[i] = std::abs(total) > std::numeric_limits<double>::max() ? 0.0 : more;
        sums[i] = total;
    }
}

/// A fixed number of CompensatedSum side by side.
template <std::size_t kCount>
struct CompensatedSums
{
    std::array<double, kCount> sums{};
    std::array<double, kCount> compensations{};

    void add(const double* values)
    {
        addCompensated(sums.data(), compensations.data(), values, kCount);
    }
    [[nodiscard]] CompensatedSum at(std::size_t i) const { return {sums[i], compensations[i]}; }
};

/// Mean and squared distances from it, one value at a time. Source: spec/promql.md, Over time,
/// stdvar_over_time.
struct RunningVariance
{
    double count = 0;
    CompensatedSum mean;
    CompensatedSum squares;

    void add(double x)
    {
        count += 1;
        const double delta = x - (mean.sum + mean.compensation);
        mean.add(delta / count);
        squares.add(delta * (x - (mean.sum + mean.compensation)));
    }
    [[nodiscard]] double value() const { return (squares.sum + squares.compensation) / count; }
};

/// A fixed number of RunningVariance side by side.
template <std::size_t kCount>
struct RunningVariances
{
    double count = 0;
    CompensatedSums<kCount> mean;
    CompensatedSums<kCount> squares;

    void add(const double* values)
    {
        count += 1;
        std::array<double, kCount> delta;
        std::array<double, kCount> share;
        for (std::size_t i = 0; i < kCount; ++i) {
            delta[i] = values[i] - (mean.sums[i] + mean.compensations[i]);
            share[i] = delta[i] / count;
        }
        mean.add(share.data());
        for (std::size_t i = 0; i < kCount; ++i) {
            delta[i] *= values[i] - (mean.sums[i] + mean.compensations[i]);
        }
        squares.add(delta.data());
    }
    [[nodiscard]] RunningVariance at(std::size_t i) const
    {
        return {count, mean.at(i), squares.at(i)};
    }
};

/// A mean that sums directly as long as that stays finite, then incrementally.
struct RunningMean
{
    CompensatedSum sum;
    double count = 0;
    bool incremental = false;
    double mean = 0;
    double compensation = 0;

    void add(double x)
    {
        count += 1;
        if (!incremental) {
            CompensatedSum next = sum;
            next.add(x);
            if (count == 1 || !std::isinf(next.sum)) {
                sum = next;
                return;
            }
            incremental = true;
            mean = sum.sum / (count - 1);
            compensation = sum.compensation / (count - 1);
        }
        const double q = (count - 1) / count;
        CompensatedSum scaled{q * mean, q * compensation};
        scaled.add(x / count);
        mean = scaled.sum;
        compensation = scaled.compensation;
    }
    [[nodiscard]] double value() const
    {
        return incremental ? mean + compensation : sum.sum / count + sum.compensation / count;
    }
};

/// NaN first: a strict weak order of all doubles.
inline bool nanFirstLess(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

/// Doubles as integers of the same order: NaN first, then numbers, -0 before +0. Sorting and
/// searching these needs no branch, and leaves no choice of order.
inline std::uint64_t orderKey(double value)
{
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
    // The key of the first NaN with a plus sign: they go round to the front.
    constexpr std::uint64_t kAboveInfinity = (kSign | 0x7FF0'0000'0000'0000) + 1;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t ascending = (bits & kSign) != 0 ? ~bits : bits | kSign;
    return ascending - kAboveInfinity;
}
inline double valueOfOrderKey(std::uint64_t key)
{
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
    constexpr std::uint64_t kAboveInfinity = (kSign | 0x7FF0'0000'0000'0000) + 1;
    const std::uint64_t ascending = key + kAboveInfinity;
    return std::bit_cast<double>((ascending & kSign) != 0 ? ascending & ~kSign : ~ascending);
}

/// Where the quantile lies among `count` sorted values, of which there is at least one: between
/// these two, `weight` of the way. Source: spec/promql.md, Aggregations, quantile.
struct QuantilePlace
{
    QuantilePlace(double q, std::size_t count)
    {
        const double last = static_cast<double>(count) - 1;
        const double rank = q * last;
        const double below = std::max(0.0, std::floor(rank));
        lower = static_cast<std::size_t>(below);
        upper = static_cast<std::size_t>(std::min(last, below + 1));
        weight = rank - std::floor(rank);
    }
    [[nodiscard]] double between(double a, double b) const { return a * (1 - weight) + b * weight; }

    std::size_t lower = 0;
    std::size_t upper = 0;
    double weight = 0;
};

/// The quantile for a q that lies outside [0, 1] or is NaN, whatever the values are.
inline std::optional<double> quantileWithoutValues(double q)
{
    if (std::isnan(q)) {
        return model::normalNan();
    }
    if (q < 0 || q > 1) {
        return std::copysign(std::numeric_limits<double>::infinity(), q);
    }
    return std::nullopt;
}

/// Interpolated quantile; reorders `keys`, the order keys of the values. NaN counts as the
/// smallest.
inline double quantileOfKeys(double q, std::vector<std::uint64_t>& keys)
{
    if (keys.empty()) {
        return model::normalNan();
    }
    if (const auto outside = quantileWithoutValues(q)) {
        return *outside;
    }
    const QuantilePlace place(q, keys.size());
    const auto lower = keys.begin() + static_cast<std::ptrdiff_t>(place.lower);
    std::nth_element(keys.begin(), lower, keys.end());
    const auto upper = place.upper == place.lower ? lower : std::min_element(lower + 1, keys.end());
    return place.between(valueOfOrderKey(*lower), valueOfOrderKey(*upper));
}

/// The same of plain values, which it leaves alone.
inline double quantileOfValues(double q, std::span<const double> values)
{
    std::vector<std::uint64_t> keys(values.size());
    std::transform(values.begin(), values.end(), keys.begin(), orderKey);
    return quantileOfKeys(q, keys);
}

} // namespace narthex::promql
