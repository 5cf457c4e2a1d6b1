// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Series with values as test scripts and rule unit tests write them: `m{a="b"} 1 2x3 _ {{sum:1
// count:1}}`. Threads: pure functions. Errors: InvalidArgument with the column. Source:
// spec/promqltest.md, Value sequences.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/promql/value.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

struct SequenceValue
{
    bool omitted = false;
    double value = 0;
    HistogramPtr histogram{};
    /// The text gave a counter-reset hint: comparisons look at it.
    bool hintGiven = false;
    /// When the counter of the sample began, relative to its own time.
    std::optional<base::Duration> start{};
};

struct SeriesDescription
{
    model::Labels labels;
    std::vector<SequenceValue> values;
};

absl::StatusOr<SeriesDescription> parseSeriesDescription(std::string_view line);

/// `name{a="b"}`; `length` is set to the bytes read.
absl::StatusOr<model::Labels> parseMetric(std::string_view text, std::size_t& length);

/// The values alone: `1 2x3 _ stale`.
absl::StatusOr<std::vector<SequenceValue>> parseSequence(std::string_view text);

/// `{{schema:1 count:2 sum:3 buckets:[1 1]}}`
std::string histogramNotation(const model::FloatHistogram& histogram);

} // namespace narthex::promql
