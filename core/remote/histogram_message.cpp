// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/histogram_message.h"

#include <protozero/pbf_writer.hpp>

#include <cstdint>
#include <utility>

namespace narthex::remote {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

namespace {

enum Field : std::uint32_t
{
    CountInt = 1,
    CountFloat = 2,
    Sum = 3,
    Schema = 4,
    ZeroThreshold = 5,
    ZeroCountInt = 6,
    ZeroCountFloat = 7,
    NegativeSpans = 8,
    NegativeDeltas = 9,
    NegativeCounts = 10,
    PositiveSpans = 11,
    PositiveDeltas = 12,
    PositiveCounts = 13,
    ResetHint = 14,
    Time = 15,
    CustomValues = 16,
    Start = 17
};

constexpr std::uint32_t varint(Field field)
{
    return protozero::tag_and_type(field, pbf_wire_type::varint);
}
constexpr std::uint32_t fixed(Field field)
{
    return protozero::tag_and_type(field, pbf_wire_type::fixed64);
}
constexpr std::uint32_t bytes(Field field)
{
    return protozero::tag_and_type(field, pbf_wire_type::length_delimited);
}

model::Span spanOf(pbf_reader message)
{
    model::Span span;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case protozero::tag_and_type(1, pbf_wire_type::varint):
            span.offset = message.get_sint32();
            break;
        case protozero::tag_and_type(2, pbf_wire_type::varint):
            span.length = message.get_uint32();
            break;
        default:
            message.skip();
        }
    }
    return span;
}

void readDeltas(pbf_reader& message, std::vector<std::int64_t>& out)
{
    if (message.wire_type() == pbf_wire_type::varint) {
        out.push_back(message.get_sint64());
        return;
    }
    const auto packed = message.get_packed_sint64();
    for (const std::int64_t delta : packed) {
        out.push_back(delta);
    }
}

void readDoubles(pbf_reader& message, std::vector<double>& out)
{
    if (message.wire_type() == pbf_wire_type::fixed64) {
        out.push_back(message.get_double());
        return;
    }
    const auto packed = message.get_packed_double();
    for (const double value : packed) {
        out.push_back(value);
    }
}

void clear(HistogramMessage& out)
{
    const auto clearCommon = [](auto& histogram) {
        histogram.schema = 0;
        histogram.hint = model::CounterResetHint::Unknown;
        histogram.zeroThreshold = 0;
        histogram.zeroCount = 0;
        histogram.count = 0;
        histogram.sum = 0;
        histogram.positiveSpans.clear();
        histogram.negativeSpans.clear();
        histogram.customValues.clear();
    };
    out.time = 0;
    out.start = 0;
    out.isFloat = false;
    clearCommon(out.integers);
    clearCommon(out.floats);
    out.integers.positiveDeltas.clear();
    out.integers.negativeDeltas.clear();
    out.floats.positiveBuckets.clear();
    out.floats.negativeBuckets.clear();
}

model::CounterResetHint hintOf(std::int32_t number)
{
    switch (number) {
    case 1:
        return model::CounterResetHint::Reset;
    case 2:
        return model::CounterResetHint::NoReset;
    case 3:
        return model::CounterResetHint::Gauge;
    default:
        return model::CounterResetHint::Unknown;
    }
}

/// The counts, of which there are two forms each. True when the field was one of them.
bool readCounts(pbf_reader& message, HistogramMessage& out)
{
    switch (message.tag_and_type()) {
    case varint(CountInt):
        out.integers.count = message.get_uint64();
        out.isFloat = false;
        return true;
    case fixed(CountFloat):
        out.floats.count = message.get_double();
        out.isFloat = true;
        return true;
    case varint(ZeroCountInt):
        out.integers.zeroCount = message.get_uint64();
        return true;
    case fixed(ZeroCountFloat):
        out.floats.zeroCount = message.get_double();
        return true;
    case bytes(NegativeDeltas):
    case varint(NegativeDeltas):
        readDeltas(message, out.integers.negativeDeltas);
        return true;
    case bytes(PositiveDeltas):
    case varint(PositiveDeltas):
        readDeltas(message, out.integers.positiveDeltas);
        return true;
    case bytes(NegativeCounts):
    case fixed(NegativeCounts):
        readDoubles(message, out.floats.negativeBuckets);
        return true;
    case bytes(PositiveCounts):
    case fixed(PositiveCounts):
        readDoubles(message, out.floats.positiveBuckets);
        return true;
    default:
        return false;
    }
}

/// Everything else, into the integer form. True when the field was known.
bool readCommon(pbf_reader& message, HistogramMessage& out)
{
    model::IntegerHistogram& histogram = out.integers;
    switch (message.tag_and_type()) {
    case fixed(Sum):
        histogram.sum = message.get_double();
        return true;
    case varint(Schema):
        histogram.schema = message.get_sint32();
        return true;
    case fixed(ZeroThreshold):
        histogram.zeroThreshold = message.get_double();
        return true;
    case bytes(NegativeSpans):
        histogram.negativeSpans.push_back(spanOf(message.get_message()));
        return true;
    case bytes(PositiveSpans):
        histogram.positiveSpans.push_back(spanOf(message.get_message()));
        return true;
    case varint(ResetHint):
        histogram.hint = hintOf(message.get_enum());
        return true;
    case varint(Time):
        out.time = message.get_int64();
        return true;
    case bytes(CustomValues):
    case fixed(CustomValues):
        readDoubles(message, histogram.customValues);
        return true;
    case varint(Start):
        out.start = message.get_int64();
        return true;
    default:
        return false;
    }
}

void appendSpans(pbf_writer& writer, Field field, const std::vector<model::Span>& spans)
{
    for (const model::Span& span : spans) {
        pbf_writer each(writer, field);
        if (span.offset != 0) {
            each.add_sint32(1, span.offset);
        }
        if (span.length != 0) {
            each.add_uint32(2, span.length);
        }
    }
}

template <typename Histogram>
void appendTail(pbf_writer& writer, const Histogram& histogram, std::int64_t time,
                std::int64_t start)
{
    if (histogram.hint != model::CounterResetHint::Unknown) {
        writer.add_enum(ResetHint, static_cast<std::int32_t>(histogram.hint));
    }
    writer.add_int64(Time, time);
    writer.add_packed_double(CustomValues, histogram.customValues.begin(),
                             histogram.customValues.end());
    if (start != 0) {
        writer.add_int64(Start, start);
    }
}

} // namespace

void readHistogramMessage(pbf_reader message, HistogramMessage& out)
{
    clear(out);
    while (message.next()) {
        if (!readCounts(message, out) && !readCommon(message, out)) {
            message.skip();
        }
    }
    if (out.isFloat) {
        model::IntegerHistogram& from = out.integers;
        out.floats.schema = from.schema;
        out.floats.hint = from.hint;
        out.floats.zeroThreshold = from.zeroThreshold;
        out.floats.sum = from.sum;
        std::swap(out.floats.positiveSpans, from.positiveSpans);
        std::swap(out.floats.negativeSpans, from.negativeSpans);
        std::swap(out.floats.customValues, from.customValues);
    }
}

void appendHistogramMessage(std::string& out, const model::FloatHistogram& histogram,
                            std::int64_t time, std::int64_t start)
{
    pbf_writer writer(out);
    writer.add_double(CountFloat, histogram.count); // says which kind it is: written even when 0
    writer.add_double(Sum, histogram.sum);
    writer.add_sint32(Schema, histogram.schema);
    writer.add_double(ZeroThreshold, histogram.zeroThreshold);
    writer.add_double(ZeroCountFloat, histogram.zeroCount);
    appendSpans(writer, NegativeSpans, histogram.negativeSpans);
    writer.add_packed_double(NegativeCounts, histogram.negativeBuckets.begin(),
                             histogram.negativeBuckets.end());
    appendSpans(writer, PositiveSpans, histogram.positiveSpans);
    writer.add_packed_double(PositiveCounts, histogram.positiveBuckets.begin(),
                             histogram.positiveBuckets.end());
    appendTail(writer, histogram, time, start);
}

void appendHistogramMessage(std::string& out, const model::IntegerHistogram& histogram,
                            std::int64_t time, std::int64_t start)
{
    pbf_writer writer(out);
    writer.add_uint64(CountInt, histogram.count);
    writer.add_double(Sum, histogram.sum);
    writer.add_sint32(Schema, histogram.schema);
    writer.add_double(ZeroThreshold, histogram.zeroThreshold);
    writer.add_uint64(ZeroCountInt, histogram.zeroCount);
    appendSpans(writer, NegativeSpans, histogram.negativeSpans);
    writer.add_packed_sint64(NegativeDeltas, histogram.negativeDeltas.begin(),
                             histogram.negativeDeltas.end());
    appendSpans(writer, PositiveSpans, histogram.positiveSpans);
    writer.add_packed_sint64(PositiveDeltas, histogram.positiveDeltas.begin(),
                             histogram.positiveDeltas.end());
    appendTail(writer, histogram, time, start);
}

} // namespace narthex::remote
