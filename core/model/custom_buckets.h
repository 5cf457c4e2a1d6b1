// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Classic histograms (cumulative buckets with upper bounds) as native histograms with custom
// buckets. Threads: values. Source: spec/scrape.md, Classic to NHCB.
#pragma once

#include "core/model/histogram.h"

#include <absl/status/statusor.h>

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::model {

/// What the lines of one classic histogram say.
struct ClassicHistogram
{
    /// Upper bound and cumulative count, in any order; of equal bounds the first counts.
    std::vector<std::pair<double, double>> buckets;
    std::optional<double> count;
    double sum = 0;

    void clear();
};

using NativeHistogram = std::variant<IntegerHistogram, FloatHistogram>;

/// Whole counts give an integer histogram. Errors: InvalidArgument (a negative count, buckets that
/// are not cumulative, a count that differs from the bucket of +Inf).
absl::StatusOr<NativeHistogram> toCustomBuckets(const ClassicHistogram& classic);

/// Always with float counts, and with every bucket as it is.
absl::StatusOr<FloatHistogram> toCustomFloatBuckets(const ClassicHistogram& classic);

} // namespace narthex::model
