// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Native histograms from the buckets that the HTTP API shows of them: bounds and counts, without
// layout and without empty buckets. Threads: pure functions. Source: spec/http-api.md, 3.
#pragma once

#include "core/model/histogram.h"

#include <cstdint>
#include <span>

namespace narthex::client {

struct AnswerBucket
{
    /// 0: open on the left, 1: on the right, 2: on both sides, 3: on none.
    std::int64_t rule = 0;
    double lower = 0;
    double upper = 0;
    double count = 0;
};

/// The schema is worked out from the bounds; bounds of no schema become custom ones.
model::FloatHistogram histogramOf(double count, double sum, std::span<const AnswerBucket> buckets);

} // namespace narthex::client
