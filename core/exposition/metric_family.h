// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A page of metrics as a whole: families with their metrics, for whoever keeps, compares or
// converts pages (the push endpoint, our own metrics in other formats). Scraping does not use it:
// it reads pages piece by piece.
// Owner: value types. Threads: values. Units: milliseconds since the epoch. Errors: InvalidArgument
// with the line ("text format parsing error in line 3: …") or the family.
// Format: spec/scrape.md, Text format, OpenMetrics text, Protobuf; spec/pushgateway.md, 2.3.
#pragma once

#include "core/exposition/protobuf_parser.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::exposition {

struct FamilyBucket
{
    double upperBound = 0;
    double cumulativeCount = 0;
};

/// One metric of a family; which members count depends on the family's type.
struct FamilyMetric
{
    /// As given: an empty value is a label, too.
    std::vector<std::pair<std::string, std::string>> labels;
    std::optional<std::int64_t> timestampMs;
    /// Of counters, gauges and untyped metrics.
    double value = 0;
    // Of summaries and histograms.
    double sampleCount = 0;
    double sampleSum = 0;
    std::vector<ProtobufQuantile> quantiles;
    /// In order of appearance; the one at infinity only if it was there.
    std::vector<FamilyBucket> buckets;
    std::variant<std::monostate, model::IntegerHistogram, model::FloatHistogram> native;

    [[nodiscard]] bool isNative() const { return native.index() != 0; }
};

struct MetricFamily
{
    std::string name;
    std::string help;
    std::string unit;
    model::MetricType type = model::MetricType::Unknown;
    std::vector<FamilyMetric> metrics;
};

struct FamilyParseOptions
{
    /// Names beyond [a-zA-Z_:][a-zA-Z0-9_:]*, in quotes.
    bool utf8Names = false;
};

/// The text format 0.0.4, strictly: the last line ends, HELP and TYPE come once and before samples.
/// Families without metrics are left out; the others stand in order of appearance.
absl::StatusOr<std::vector<MetricFamily>> parseTextFamilies(std::string_view page,
                                                            FamilyParseOptions options = {});
/// OpenMetrics text; exemplars and `_created` are dropped.
absl::StatusOr<std::vector<MetricFamily>> parseOpenMetricsFamilies(std::string_view page);
/// Protobuf messages, each behind its length; exemplars are dropped.
absl::StatusOr<std::vector<MetricFamily>> parseProtobufFamilies(std::string_view page);

} // namespace narthex::exposition
