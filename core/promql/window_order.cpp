// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// quantile_over_time and mad_over_time over columns: the samples of the window stay sorted while it
// slides. Source: spec/promql.md, Over time; Aggregations, quantile.
#include "core/promql/float_math.h"
#include "core/promql/window_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace narthex::promql {
namespace {

/// The order keys of the window's samples, ascending, in one array. A step replaces a sample by
/// another with a search for each and one move of what lies between: 90 ns for a window of 240,
/// where sorting anew took 8 µs. Trees lose to it up to windows of some ten thousand samples.
class SortedWindow
{
public:
    SortedWindow(std::span<const double> values, std::vector<std::uint64_t>& keys)
        : values_(values), keys_(keys)
    {
        keys_.clear();
    }

    const std::vector<std::uint64_t>& slideTo(std::uint32_t low, std::uint32_t high)
    {
        const std::size_t gone = std::min(low, high_) - low_;
        const std::size_t come = high - std::max(low, high_);
        if ((gone + come) * kCheapChanges > keys_.size()) {
            fill(low, high);
        } else {
            std::uint32_t in = high_;
            std::uint32_t out = low_;
            for (; out < low && in < high; ++out, ++in) {
                replace(orderKey(values_[out]), orderKey(values_[in]));
            }
            for (; out < low; ++out) {
                keys_.erase(find(orderKey(values_[out])));
            }
            for (; in < high; ++in) {
                const std::uint64_t key = orderKey(values_[in]);
                keys_.insert(find(key), key);
            }
        }
        low_ = low;
        high_ = high;
        return keys_;
    }

private:
    /// When more than this part of the window changes, sorting anew is cheaper.
    static constexpr std::size_t kCheapChanges = 4;

    void fill(std::uint32_t low, std::uint32_t high)
    {
        keys_.resize(high - low);
        std::transform(values_.begin() + low, values_.begin() + high, keys_.begin(), orderKey);
        std::sort(keys_.begin(), keys_.end());
    }

    /// The first that is not below `key`. Written out so that no branch depends on a comparison.
    [[nodiscard]] std::vector<std::uint64_t>::iterator find(std::uint64_t key)
    {
        const std::uint64_t* base = keys_.data();
        std::size_t length = keys_.size();
        while (length > 1) {
            const std::size_t half = length / 2;
            base = base[half - 1] < key ? base + half : base;
            length -= half;
        }
        std::ptrdiff_t at = base - keys_.data();
        at += length == 1 && *base < key ? 1 : 0;
        return keys_.begin() + at;
    }

    /// Keys between the two places move by one.
    void replace(std::uint64_t old, std::uint64_t key)
    {
        std::uint64_t* const from = &*find(old);
        std::uint64_t* to = keys_.data() + (find(key) - keys_.begin());
        if (to > from) {
            --to; // the old one is gone by then
            std::memmove(from, from + 1, static_cast<std::size_t>(to - from) * sizeof(*from));
        } else {
            std::memmove(to + 1, to, static_cast<std::size_t>(from - to) * sizeof(*from));
        }
        *to = key;
    }

    const std::span<const double> values_;
    std::vector<std::uint64_t>& keys_;
    std::uint32_t low_ = 0;
    std::uint32_t high_ = 0;
};

double quantileOfSorted(double q, const std::vector<std::uint64_t>& keys)
{
    const QuantilePlace place(q, keys.size());
    return place.between(valueOfOrderKey(keys[place.lower]), valueOfOrderKey(keys[place.upper]));
}

/// The median of |value - median|: values below and above the median are two lists that ascend in
/// this distance; they are merged up to the middle.
double medianDeviation(const std::vector<std::uint64_t>& keys, std::vector<double>& distances)
{
    const double median = quantileOfSorted(0.5, keys);
    if (!std::isfinite(median)) {
        // Infinity minus itself: distances have no order.
        distances.resize(keys.size());
        std::transform(keys.begin(), keys.end(), distances.begin(), [median](std::uint64_t key) {
            return std::abs(valueOfOrderKey(key) - median);
        });
        return quantileOfValues(0.5, distances);
    }
    const QuantilePlace place(0.5, keys.size());
    const auto above = std::lower_bound(keys.begin(), keys.end(), orderKey(median));
    auto right = static_cast<std::size_t>(above - keys.begin());
    std::size_t left = right;
    const auto distance = [&](std::size_t i) {
        return std::abs(valueOfOrderKey(keys[i]) - median);
    };
    double before = 0;
    double current = 0;
    for (std::size_t taken = 0; taken <= place.upper; ++taken) {
        before = current;
        const bool fromLeft =
            right == keys.size() || (left > 0 && distance(left - 1) < distance(right));
        current = fromLeft ? distance(--left) : distance(right++);
    }
    return place.between(place.upper == place.lower ? current : before, current);
}

} // namespace

void columnQuantile(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    SortedWindow sorted(column.values, scratch.keys);
    forEachWindow(column, row, [&](std::size_t step, std::uint32_t low, std::uint32_t high) {
        const double q = column.argument[step];
        const auto outside = quantileWithoutValues(q);
        return outside ? *outside : quantileOfSorted(q, sorted.slideTo(low, high));
    });
}

void columnDeviation(const WindowColumn& column, WindowScratch& scratch, Row& row)
{
    SortedWindow sorted(column.values, scratch.keys);
    const std::uint64_t firstNumber = orderKey(-std::numeric_limits<double>::infinity());
    forEachWindow(column, row, [&](std::size_t, std::uint32_t low, std::uint32_t high) {
        const std::vector<std::uint64_t>& keys = sorted.slideTo(low, high);
        return keys.front() < firstNumber ? model::normalNan()
                                          : medianDeviation(keys, scratch.numbers);
    });
}

} // namespace narthex::promql
