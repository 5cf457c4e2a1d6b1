// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pull parser for the protobuf format: families, each behind its length, and in them one metric
// after another, decoded into memory that is used again. Owner: the caller; the page's bytes must
// outlive the parser and every view it returns. Threads: one at a time. Units: milliseconds.
// Errors: InvalidArgument that names the family and the byte; the parser is at its end afterwards.
// Format: spec/scrape.md, Protobuf; prometheus/client_model io/prometheus/client/metrics.proto.
#pragma once

#include "core/model/histogram.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::exposition {

struct ProtobufFamily
{
    std::string_view name;
    std::string_view help;
    std::string_view unit;
    model::MetricType type = model::MetricType::Unknown;
};

struct ProtobufQuantile
{
    double quantile = 0;
    double value = 0;
};

struct ProtobufBucket
{
    double upperBound = 0;
    double cumulativeCount = 0;
    std::optional<model::Exemplar> exemplar;
};

/// One metric of a family; which members count depends on the family's type.
struct ProtobufMetric
{
    std::vector<model::LabelView> labels;
    std::optional<std::int64_t> timestampMs;
    /// 0: unknown.
    std::int64_t startTimestampMs = 0;
    /// Of counters, gauges and untyped metrics.
    double value = 0;
    // Of summaries and histograms.
    double sampleCount = 0;
    double sampleSum = 0;
    std::vector<ProtobufQuantile> quantiles;
    /// Classic buckets as they stand on the page, one at infinity included only if it is there.
    std::vector<ProtobufBucket> buckets;
    /// Of counters (at most one) and native histograms; those of classic buckets stand with them.
    std::vector<model::Exemplar> exemplars;
    /// There is a native histogram; `integer` holds it, or `floats` if hasFloatCounts.
    bool isNative = false;
    bool hasFloatCounts = false;
    model::IntegerHistogram integer;
    model::FloatHistogram floats;
};

class ProtobufParser
{
public:
    explicit ProtobufParser(std::string_view page) : page_(page) {}

    /// Moves to the next family that has metrics; false at the end of the page.
    absl::StatusOr<bool> nextFamily();
    [[nodiscard]] const ProtobufFamily& family() const { return family_; }
    /// Moves to the next metric of the family; false when there is none left.
    absl::StatusOr<bool> nextMetric();
    [[nodiscard]] const ProtobufMetric& metric() const { return metric_; }
    /// Where the family's message begins.
    [[nodiscard]] std::size_t offset() const { return familyStart_; }

private:
    absl::Status readFamily(std::string_view message);
    absl::Status readMetric(std::string_view message);
    absl::Status fail(std::string_view what);

    std::string_view page_;
    std::size_t at_ = 0;
    std::size_t familyStart_ = 0;
    ProtobufFamily family_;
    /// The family's metrics, still encoded.
    std::vector<std::string_view> metrics_;
    std::size_t nextMetric_ = 0;
    ProtobufMetric metric_;
};

} // namespace narthex::exposition
