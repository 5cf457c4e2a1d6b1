// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Coarser native histograms: neighbouring buckets are joined until there are few enough, or until
// they are as wide as is fine enough. Threads: pure functions.
// Source: spec/scrape.md, Histograms.
#pragma once

#include "core/model/histogram.h"

#include <absl/status/status.h>

namespace narthex::model {

inline constexpr std::int32_t kCoarsestSchema = -4;
inline constexpr std::int32_t kFinestSchema = 8;

/// The finest schema whose buckets grow by at least `factor` each; 0 and below: the finest of all.
std::int32_t schemaForFactor(double factor);

/// Joins buckets down to `schema`; nothing happens when the histogram is that coarse or has custom
/// buckets.
void reduceTo(FloatHistogram& histogram, std::int32_t schema);
void reduceTo(IntegerHistogram& histogram, std::int32_t schema);

/// Halves the resolution until there are at most `limit` buckets. Errors: ResourceExhausted
/// `histogram bucket limit exceeded`, when that cannot be reached.
absl::Status limitBuckets(FloatHistogram& histogram, std::uint64_t limit);
absl::Status limitBuckets(IntegerHistogram& histogram, std::uint64_t limit);

} // namespace narthex::model
