// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the difference between the first and the last sample of a window is stretched to the whole
// window. Threads: pure. Units: milliseconds in, seconds inside. Source: spec/promql.md, 8.2
// Extrapolation.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace narthex::promql {

class Extrapolation
{
public:
    /// Everything about a window that the stretching depends on, besides values.
    struct Shape
    {
        /// From the window's left edge to the first sample.
        std::int64_t toStartMs = 0;
        /// From the last sample to the window's right edge.
        std::int64_t toEndMs = 0;
        /// Between first and last sample.
        std::int64_t sampledMs = 0;
        /// At least 2.
        std::size_t count = 0;
        friend bool operator==(const Shape&, const Shape&) = default;
    };

    Extrapolation() = default;
    explicit Extrapolation(const Shape& shape)
        : sampled_(seconds(shape.sampledMs)),
          toStart_(seconds(shape.toStartMs)),
          toEnd_(seconds(shape.toEndMs))
    {
        const double average = sampled_ / static_cast<double>(shape.count - 1);
        toStart_ = upTo(toStart_, average);
        toEnd_ = upTo(toEnd_, average);
    }

    /// How much of a gap is made up for, given the average distance of samples: more than a tenth
    /// above it means that the series begins or ends here.
    static double upTo(double gap, double average)
    {
        return gap >= average * 1.1 ? average / 2 : gap;
    }

    [[nodiscard]] double sampledSeconds() const { return sampled_; }
    [[nodiscard]] double factor() const { return (sampled_ + toStart_ + toEnd_) / sampled_; }
    /// A counter is not stretched to before the time at which it was zero. `first`: its first
    /// value; `difference`: what it gained.
    [[nodiscard]] double factorOfCounter(double first, double difference) const
    {
        if (!(difference > 0 && first >= 0)) {
            return factor();
        }
        const double toZero = sampled_ * (first / difference);
        return (sampled_ + std::min(toStart_, toZero) + toEnd_) / sampled_;
    }
    /// True where factorOfCounter() is surely factor(), found without a division: the quotient of
    /// it is at least 1 here, and rounding keeps the order.
    [[nodiscard]] bool isFarFromZero(double first, double difference) const
    {
        return first >= difference && toStart_ <= sampled_ && std::isfinite(first);
    }

private:
    static double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

    double sampled_ = 0;
    double toStart_ = 0;
    double toEnd_ = 0;
};

} // namespace narthex::promql
