// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A page in Prometheus' protobuf format, made by hand: the only one with native histograms.
// Threads: values. Format: spec/scrape.md, 19. Protobuf.
#pragma once

#include "core/base/codec.h"
#include "core/model/histogram.h"

#include <bit>
#include <string>
#include <string_view>

namespace narthex::test {

/// One message under construction.
class ProtoMessage
{
public:
    ProtoMessage& bytes(std::uint32_t field, std::string_view value)
    {
        tag(field, 2);
        base::appendUvarintString(bytes_, value);
        return *this;
    }
    ProtoMessage& number(std::uint32_t field, std::uint64_t value)
    {
        tag(field, 0);
        base::appendUvarint(bytes_, value);
        return *this;
    }
    ProtoMessage& real(std::uint32_t field, double value)
    {
        tag(field, 1);
        const auto bits = std::bit_cast<std::uint64_t>(value);
        for (unsigned i = 0; i < 8; ++i) {
            bytes_.push_back(static_cast<char>(bits >> (8 * i)));
        }
        return *this;
    }
    [[nodiscard]] const std::string& text() const { return bytes_; }

private:
    void tag(std::uint32_t field, std::uint32_t wireType)
    {
        base::appendUvarint(bytes_, field << 3U | wireType);
    }
    std::string bytes_;
};

inline std::string protoLabel(std::string_view name, std::string_view value)
{
    return ProtoMessage().bytes(1, name).bytes(2, value).text();
}

/// A family with one gauge, with its own time unless that is 0.
inline std::string protoGauge(std::string_view name, std::string_view label, double value,
                              std::int64_t timeMs = 0)
{
    ProtoMessage sample;
    sample.bytes(1, protoLabel("which", label)).bytes(2, ProtoMessage().real(1, value).text());
    if (timeMs != 0) {
        sample.number(6, static_cast<std::uint64_t>(timeMs));
    }
    const std::string& metric = sample.text();
    const std::string family = ProtoMessage().bytes(1, name).number(3, 1).bytes(4, metric).text();
    std::string page;
    base::appendUvarintString(page, family);
    return page;
}

/// A family with one native histogram, schema 0.
inline std::string protoHistogram(std::string_view name, const model::IntegerHistogram& histogram)
{
    ProtoMessage message;
    message.number(1, histogram.count).real(2, histogram.sum).number(5, 0);
    message.real(6, histogram.zeroThreshold).number(7, histogram.zeroCount);
    for (const model::Span& span : histogram.positiveSpans) {
        message.bytes(
            12, ProtoMessage().number(1, base::zigzag(span.offset)).number(2, span.length).text());
    }
    for (const std::int64_t delta : histogram.positiveDeltas) {
        message.number(13, base::zigzag(delta));
    }
    const std::string metric = ProtoMessage().bytes(7, message.text()).text();
    const std::string family = ProtoMessage().bytes(1, name).number(3, 4).bytes(4, metric).text();
    std::string page;
    base::appendUvarintString(page, family);
    return page;
}

} // namespace narthex::test
