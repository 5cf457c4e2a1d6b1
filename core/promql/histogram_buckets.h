// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Buckets of a native histogram as a sorted list of index and count: the form in which arithmetic
// is simple. Internal to the histogram sources. Threads: pure functions.
#pragma once

#include "core/model/histogram.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace narthex::promql {

/// Index and count, ascending, every index once.
using IndexedBuckets = std::vector<std::pair<std::int32_t, double>>;

IndexedBuckets expand(std::span<const model::Span> spans, std::span<const double> counts);
/// Drops empty buckets.
void pack(const IndexedBuckets& buckets, std::vector<model::Span>& spans,
          std::vector<double>& counts);

/// Upper bound of bucket `index`; for custom buckets +Inf behind the last bound and -Inf below the
/// first.
double upperBound(std::int32_t index, const model::FloatHistogram& histogram);

/// `steps` schemas lower.
IndexedBuckets lowerResolution(const IndexedBuckets& buckets, int steps);

/// The merge of both with b's counts times `sign`.
IndexedBuckets combine(const IndexedBuckets& a, const IndexedBuckets& b, double sign);

/// Count that the zero bucket gets when it is widened to at least `threshold`, and the threshold
/// that this leads to: a populated bucket is never cut.
std::pair<double, double> zeroCountForThreshold(const model::FloatHistogram& histogram,
                                                double threshold);

/// Widens the zero bucket to `threshold`, which must not cut a populated bucket.
void widenZeroBucket(model::FloatHistogram& histogram, double threshold, double count);

/// The bounds that both have.
std::vector<double> commonBounds(const std::vector<double>& a, const std::vector<double>& b);
/// Buckets moved onto fewer bounds.
IndexedBuckets mapToBounds(const IndexedBuckets& buckets, const std::vector<double>& from,
                           const std::vector<double>& to);

} // namespace narthex::promql
