// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the sources of the protobuf parser share: small messages, and the state of a histogram while
// its message is read. Threads: pure functions. Errors: protozero::exception for bytes that are no
// message; the parser catches it. Format: spec/scrape.md, Protobuf.
#pragma once

#include "core/exposition/protobuf_parser.h"

#include <protozero/pbf_message.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::exposition {

// A field and how its value is encoded: a field that is encoded otherwise is an unknown one, as
// everywhere with protobuf.
constexpr std::uint32_t asBytes(std::uint32_t tag)
{
    return protozero::tag_and_type(tag, protozero::pbf_wire_type::length_delimited);
}
constexpr std::uint32_t asVarint(std::uint32_t tag)
{
    return protozero::tag_and_type(tag, protozero::pbf_wire_type::varint);
}
constexpr std::uint32_t asDouble(std::uint32_t tag)
{
    return protozero::tag_and_type(tag, protozero::pbf_wire_type::fixed64);
}

inline std::string_view viewOf(protozero::data_view bytes) { return {bytes.data(), bytes.size()}; }
/// A google.protobuf.Timestamp; 0 when it is out of range.
std::int64_t millisecondsOf(protozero::pbf_reader message);
model::LabelView labelPairOf(protozero::pbf_reader message);
model::Exemplar exemplarOf(protozero::pbf_reader message);

/// What a histogram's message says, before it is known of which kind it is.
struct RawHistogram
{
    std::uint64_t count = 0;
    double floatCount = 0;
    std::int32_t schema = 0;
    double zeroThreshold = 0;
    std::uint64_t zeroCount = 0;
    double floatZeroCount = 0;
    double sum = 0;
    std::vector<model::Span> negativeSpans;
    std::vector<model::Span> positiveSpans;
    std::vector<std::int64_t> negativeDeltas;
    std::vector<std::int64_t> positiveDeltas;
    std::vector<double> negativeCounts;
    std::vector<double> positiveCounts;

    [[nodiscard]] bool isNative() const
    {
        return !negativeSpans.empty() || !positiveSpans.empty() || zeroThreshold > 0 ||
               zeroCount > 0 || floatZeroCount > 0;
    }
    [[nodiscard]] bool hasFloatCounts() const { return floatCount > 0 || floatZeroCount > 0; }
};

void readHistogram(protozero::pbf_reader message, RawHistogram& raw, ProtobufMetric& metric);
/// What is wrong with a native histogram; empty if nothing is.
std::string problemOf(const RawHistogram& raw);
/// Moves the native histogram, compact, into the metric.
void makeNative(RawHistogram& raw, bool isGauge, ProtobufMetric& metric);

} // namespace narthex::exposition
