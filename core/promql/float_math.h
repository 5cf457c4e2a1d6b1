// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums that keep their low-order bits, and quantiles of plain numbers.
// Threads: pure functions. Source: spec/promql.md, Traps for C++ 17.2; Aggregations.
#pragma once

#include "core/model/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

/// Interpolated quantile; sorts `values`. NaN counts as the smallest.
inline double quantileOfValues(double q, std::vector<double>& values)
{
    if (values.empty() || std::isnan(q)) {
        return model::normalNan();
    }
    if (q < 0) {
        return -std::numeric_limits<double>::infinity();
    }
    if (q > 1) {
        return std::numeric_limits<double>::infinity();
    }
    std::sort(values.begin(), values.end(), nanFirstLess);
    const double n = static_cast<double>(values.size());
    const double rank = q * (n - 1);
    const double lower = std::max(0.0, std::floor(rank));
    const double upper = std::min(n - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    return values[static_cast<std::size_t>(lower)] * (1 - weight) +
           values[static_cast<std::size_t>(upper)] * weight;
}

} // namespace narthex::promql
