// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request of the OpenTelemetry protocol for metrics, however it was written. Values of attributes
// are texts here, for labels are. Threads: values. Units: times in nanoseconds since the epoch.
// Errors: InvalidArgument (no such message, or more parts than a request may have).
// Source: opentelemetry-proto, metrics/v1; spec/remote.md, 6.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::remote::otlp {

struct Attribute
{
    std::string key;
    std::string value;
};
using Attributes = std::vector<Attribute>;

/// The text of an attribute; null if it is not there.
const std::string* find(const Attributes& attributes, std::string_view key);

struct ExemplarPoint
{
    Attributes attributes;
    std::uint64_t timeNs = 0;
    double value = 0;
    /// Bytes, not digits.
    std::string traceId;
    std::string spanId;
};

/// What all points have.
struct Point
{
    Attributes attributes;
    std::uint64_t startNs = 0;
    std::uint64_t timeNs = 0;
    /// Nothing was recorded: the series ends here.
    bool isStale = false;
};

struct NumberPoint : Point
{
    double value = 0;
    std::vector<ExemplarPoint> exemplars;
};

struct HistogramPoint : Point
{
    std::uint64_t count = 0;
    std::optional<double> sum;
    std::vector<std::uint64_t> counts; // one more than bounds, or none
    std::vector<double> bounds;
    std::vector<ExemplarPoint> exemplars;
};

/// Bucket `offset` + i holds counts[i].
struct ExponentialBuckets
{
    std::int32_t offset = 0;
    std::vector<std::uint64_t> counts;
};

struct ExponentialPoint : Point
{
    std::uint64_t count = 0;
    std::optional<double> sum;
    std::int32_t scale = 0;
    std::uint64_t zeroCount = 0;
    ExponentialBuckets positive;
    ExponentialBuckets negative;
    std::vector<ExemplarPoint> exemplars;
};

struct SummaryPoint : Point
{
    std::uint64_t count = 0;
    double sum = 0;
    /// Quantile, value.
    std::vector<std::pair<double, double>> quantiles;
};

enum class Temporality : std::uint8_t
{
    Unspecified = 0,
    Delta = 1,
    Cumulative = 2
};

struct Gauge
{
    std::vector<NumberPoint> points;
};
struct Sum
{
    std::vector<NumberPoint> points;
    Temporality temporality = Temporality::Unspecified;
    bool isMonotonic = false;
};
struct Histogram
{
    std::vector<HistogramPoint> points;
    Temporality temporality = Temporality::Unspecified;
};
struct ExponentialHistogram
{
    std::vector<ExponentialPoint> points;
    Temporality temporality = Temporality::Unspecified;
};
struct Summary
{
    std::vector<SummaryPoint> points;
};

struct Metric
{
    std::string name;
    std::string description;
    std::string unit;
    /// std::monostate: of a kind that is not known.
    std::variant<std::monostate, Gauge, Sum, Histogram, ExponentialHistogram, Summary> data;
};

struct ScopeMetrics
{
    std::string name;
    std::string version;
    std::string schemaUrl;
    Attributes attributes;
    std::vector<Metric> metrics;
};

struct ResourceMetrics
{
    Attributes attributes;
    std::vector<ScopeMetrics> scopes;
};

using Request = std::vector<ResourceMetrics>;

absl::StatusOr<Request> decodeProtobuf(std::string_view bytes);
absl::StatusOr<Request> decodeJson(std::string_view text);

/// Counts what a request makes of memory: two bytes of it can be a point of two hundred.
class Budget
{
public:
    /// False when there is too much.
    bool take(std::size_t parts = 1)
    {
        used_ += parts;
        return used_ <= kMost;
    }
    static absl::Status exceeded();

    static constexpr std::size_t kPoint = 4;

private:
    /// Some 64 bytes each.
    static constexpr std::size_t kMost = 4'000'000;
    std::size_t used_ = 0;
};

/// How deep values may stand in values.
inline constexpr int kMostDepth = 32;

} // namespace narthex::remote::otlp
