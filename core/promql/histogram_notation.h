// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The text form of native histograms in test scripts. Threads: pure functions. Source:
// spec/promqltest.md, 3.2 and 3.3.
#pragma once

#include "core/model/histogram.h"

#include <absl/status/statusor.h>

#include <string_view>

namespace narthex::promql {

struct ParsedHistogram
{
    model::FloatHistogram histogram;
    bool hintGiven = false;
};

/// `body`: what stands between `{{` and `}}`. Errors: InvalidArgument.
absl::StatusOr<ParsedHistogram> parseHistogram(std::string_view body);

} // namespace narthex::promql
