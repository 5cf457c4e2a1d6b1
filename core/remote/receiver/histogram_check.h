// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a histogram from outside makes sense. Threads: pure functions. Errors: InvalidArgument,
// which says what does not fit. Source: spec/remote.md, 3; prometheus/prometheus model/histogram.
#pragma once

#include "core/model/histogram.h"

#include <absl/status/status.h>

namespace narthex::remote::receiver {

/// Stale ones are always right.
absl::Status checkHistogram(const model::IntegerHistogram& histogram);
absl::Status checkHistogram(const model::FloatHistogram& histogram);

} // namespace narthex::remote::receiver
