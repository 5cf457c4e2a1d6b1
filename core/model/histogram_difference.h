// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a counting histogram has counted since an earlier sample of it.
// Threads: pure functions. Source: spec/scrape.md, 13.
#pragma once

#include "core/model/histogram.h"

#include <optional>

namespace narthex::model {

/// `now` without what `before` had already, in the buckets of `now`. Absent when the counter began
/// anew in between: a count went back, a filled bucket is gone, or the buckets' widths differ.
/// Neither is stale; both are sound.
std::optional<FloatHistogram> difference(const FloatHistogram& now, const FloatHistogram& before);
std::optional<IntegerHistogram> difference(const IntegerHistogram& now,
                                           const IntegerHistogram& before);

} // namespace narthex::model
