// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Samples, stale markers, exemplars and metadata of families.
// Threads: values. Source: Prometheus' stale marker (model/value).
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::model {

/// Names a series inside one store; 0 is no series. Never crosses to another store.
enum class SeriesRef : std::uint64_t
{
};
inline constexpr SeriesRef kNoSeries{0};

/// Units: time in milliseconds since the epoch.
struct Sample
{
    base::Timestamp time;
    double value = 0;
};

inline constexpr std::uint64_t kStaleBits = 0x7ff0000000000002;
inline constexpr std::uint64_t kNormalNanBits = 0x7ff8000000000001;

/// The value that ends a series. Compare by isStale(), never by ==.
inline double staleMarker() { return std::bit_cast<double>(kStaleBits); }
inline double normalNan() { return std::bit_cast<double>(kNormalNanBits); }
inline bool isStale(double value) { return std::bit_cast<std::uint64_t>(value) == kStaleBits; }

struct Exemplar
{
    Labels labels;
    double value = 0;
    std::optional<base::Timestamp> time;
    friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

enum class MetricType : std::uint8_t
{
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet
};

/// "counter", "gauge", … "unknown"
std::string_view metricTypeText(MetricType type);
std::optional<MetricType> parseMetricType(std::string_view text);

/// What a family says of itself.
struct Metadata
{
    MetricType type = MetricType::Unknown;
    std::string help;
    std::string unit;
    friend auto operator<=>(const Metadata&, const Metadata&) = default;
};

} // namespace narthex::model
