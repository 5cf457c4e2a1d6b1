// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Histograms of OpenTelemetry as native ones: exponential ones, and those with bounds of their own.
// Threads: pure functions. Errors: FailedPrecondition, a scale or buckets that cannot be.
// Source: spec/remote.md, 6.
#pragma once

#include "core/model/histogram.h"
#include "core/remote/otlp/model.h"

#include <absl/status/statusor.h>

namespace narthex::remote::otlp {

/// Finer scales than 8 become 8; buckets move by one, for the bounds here belong to the lower one.
absl::StatusOr<model::IntegerHistogram> nativeOf(const ExponentialPoint& point, bool isDelta);
absl::StatusOr<model::IntegerHistogram> customOf(const HistogramPoint& point, bool isDelta);

/// Makes buckets coarser by this many scales.
void coarsen(ExponentialBuckets& buckets, std::int32_t scales);

} // namespace narthex::remote::otlp
