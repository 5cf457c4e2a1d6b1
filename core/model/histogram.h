// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Native histograms: with float counts, the form in which queries see them, and with integer
// counts, the form in which most targets send them.
// Threads: values. Source: spec/promql.md, Native histograms; prometheus/prometheus
// model/histogram.
#pragma once

#include "core/model/sample.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::model {

enum class CounterResetHint : std::uint8_t
{
    Unknown,
    Reset,
    NoReset,
    Gauge
};

/// A run of buckets. The first span's offset is the absolute index of its first bucket, later ones
/// the gap after the one before.
struct Span
{
    std::int32_t offset = 0;
    std::uint32_t length = 0;
    friend bool operator==(const Span&, const Span&) = default;
};

inline constexpr std::int32_t kCustomBucketsSchema = -53;

/// Positive bucket i of schema s covers (2^((i-1)·2^-s), 2^(i·2^-s)]; schema -53 has custom upper
/// bounds instead.
struct FloatHistogram
{
    std::int32_t schema = 0;
    CounterResetHint hint = CounterResetHint::Unknown;
    double zeroThreshold = 0;
    double zeroCount = 0;
    double count = 0;
    double sum = 0;
    std::vector<Span> positiveSpans;
    std::vector<Span> negativeSpans;
    /// Absolute counts, one for each bucket of the spans.
    std::vector<double> positiveBuckets;
    std::vector<double> negativeBuckets;
    /// Schema -53 only: upper bounds, ascending, without +Inf.
    std::vector<double> customValues;

    [[nodiscard]] bool usesCustomBuckets() const { return schema == kCustomBucketsSchema; }
    [[nodiscard]] bool isStale() const { return model::isStale(sum); }
};

/// The same with whole counts. Buckets are stored as differences, as formats and logs have them.
struct IntegerHistogram
{
    std::int32_t schema = 0;
    CounterResetHint hint = CounterResetHint::Unknown;
    double zeroThreshold = 0;
    std::uint64_t zeroCount = 0;
    std::uint64_t count = 0;
    double sum = 0;
    std::vector<Span> positiveSpans;
    std::vector<Span> negativeSpans;
    /// The first count, then the difference to the bucket before.
    std::vector<std::int64_t> positiveDeltas;
    std::vector<std::int64_t> negativeDeltas;
    /// Schema -53 only: upper bounds, ascending, without +Inf.
    std::vector<double> customValues;

    [[nodiscard]] bool usesCustomBuckets() const { return schema == kCustomBucketsSchema; }
    [[nodiscard]] bool isStale() const { return model::isStale(sum); }
};

FloatHistogram toFloat(const IntegerHistogram& histogram);

/// Whether all fields but the hint are equal, floats bit by bit.
bool sameBits(const FloatHistogram& a, const FloatHistogram& b);
bool sameBits(const IntegerHistogram& a, const IntegerHistogram& b);

} // namespace narthex::model
