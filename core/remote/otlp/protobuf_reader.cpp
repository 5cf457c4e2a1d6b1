// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The protocol in protobuf. Format: opentelemetry-proto, common/v1, resource/v1, metrics/v1.
#include "core/base/status.h"
#include "core/exposition/protobuf_messages.h"
#include "core/remote/otlp/model.h"
#include "core/remote/otlp/protobuf_values.h"

namespace narthex::remote::otlp {

using exposition::asBytes;
using exposition::asDouble;
using exposition::asVarint;
using protozero::pbf_reader;

namespace {

class Reader
{
public:
    Request request(pbf_reader message)
    {
        Request request;
        while (message.next()) {
            if (message.tag_and_type() == asBytes(1)) {
                take();
                request.push_back(resource(message.get_message()));
            } else {
                message.skip();
            }
        }
        return request;
    }

private:
    void take(std::size_t parts = 1)
    {
        if (!budget_.take(parts)) {
            throw TooMuch();
        }
    }

    ResourceMetrics resource(pbf_reader message);
    ScopeMetrics scope(pbf_reader message);
    void scopeSelf(pbf_reader message, ScopeMetrics& out);
    Metric metric(pbf_reader message);
    template <typename Data, typename ReadPoint>
    Data points(pbf_reader message, const ReadPoint& readPoint);
    NumberPoint number(pbf_reader message);
    HistogramPoint histogram(pbf_reader message);
    ExponentialPoint exponential(pbf_reader message);
    SummaryPoint summary(pbf_reader message);
    ExemplarPoint exemplar(pbf_reader message);
    static ExponentialBuckets buckets(pbf_reader message);
    Attribute attribute(pbf_reader message) { return readAttribute(message, budget_); }
    /// Times and flags of a point. True when the field was one of them.
    static bool common(pbf_reader& message, std::uint32_t flags, Point& out);

    Budget budget_;
};

ResourceMetrics Reader::resource(pbf_reader message)
{
    ResourceMetrics out;
    while (message.next()) {
        if (message.tag_and_type() == asBytes(1)) {
            pbf_reader self = message.get_message();
            while (self.next()) {
                if (self.tag_and_type() == asBytes(1)) {
                    out.attributes.push_back(attribute(self.get_message()));
                } else {
                    self.skip();
                }
            }
        } else if (message.tag_and_type() == asBytes(2)) {
            take();
            out.scopes.push_back(scope(message.get_message()));
        } else {
            message.skip();
        }
    }
    return out;
}

void Reader::scopeSelf(pbf_reader message, ScopeMetrics& out)
{
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            out.name = message.get_string();
            break;
        case asBytes(2):
            out.version = message.get_string();
            break;
        case asBytes(3):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        default:
            message.skip();
        }
    }
}

ScopeMetrics Reader::scope(pbf_reader message)
{
    ScopeMetrics out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            scopeSelf(message.get_message(), out);
            break;
        case asBytes(2):
            take(Budget::kPoint);
            out.metrics.push_back(metric(message.get_message()));
            break;
        case asBytes(3):
            out.schemaUrl = message.get_string();
            break;
        default:
            message.skip();
        }
    }
    return out;
}

template <typename Data, typename ReadPoint>
Data Reader::points(pbf_reader message, const ReadPoint& readPoint)
{
    Data out;
    while (message.next()) {
        if (message.tag_and_type() == asBytes(1)) {
            take(Budget::kPoint);
            out.points.push_back((this->*readPoint)(message.get_message()));
            continue;
        }
        if constexpr (requires { out.temporality; }) {
            if (message.tag_and_type() == asVarint(2)) {
                const std::int32_t number = message.get_enum();
                out.temporality = number == 1   ? Temporality::Delta
                                  : number == 2 ? Temporality::Cumulative
                                                : Temporality::Unspecified;
                continue;
            }
        }
        if constexpr (requires { out.isMonotonic; }) {
            if (message.tag_and_type() == asVarint(3)) {
                out.isMonotonic = message.get_bool();
                continue;
            }
        }
        message.skip();
    }
    return out;
}

Metric Reader::metric(pbf_reader message)
{
    Metric out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            out.name = message.get_string();
            break;
        case asBytes(2):
            out.description = message.get_string();
            break;
        case asBytes(3):
            out.unit = message.get_string();
            break;
        case asBytes(5):
            out.data = points<Gauge>(message.get_message(), &Reader::number);
            break;
        case asBytes(7):
            out.data = points<Sum>(message.get_message(), &Reader::number);
            break;
        case asBytes(9):
            out.data = points<Histogram>(message.get_message(), &Reader::histogram);
            break;
        case asBytes(10):
            out.data = points<ExponentialHistogram>(message.get_message(), &Reader::exponential);
            break;
        case asBytes(11):
            out.data = points<Summary>(message.get_message(), &Reader::summary);
            break;
        default:
            message.skip();
        }
    }
    return out;
}

bool Reader::common(pbf_reader& message, std::uint32_t flags, Point& out)
{
    if (message.tag_and_type() == asDouble(2)) {
        out.startNs = message.get_fixed64();
    } else if (message.tag_and_type() == asDouble(3)) {
        out.timeNs = message.get_fixed64();
    } else if (message.tag_and_type() == asVarint(flags)) {
        out.isStale = (message.get_uint32() & 1U) != 0;
    } else {
        return false;
    }
    return true;
}

NumberPoint Reader::number(pbf_reader message)
{
    NumberPoint out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(4):
            out.value = message.get_double();
            break;
        case asDouble(6):
            out.value = static_cast<double>(message.get_sfixed64());
            break;
        case asBytes(5):
            out.exemplars.push_back(exemplar(message.get_message()));
            break;
        case asBytes(7):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        default:
            if (!common(message, 8, out)) {
                message.skip();
            }
        }
    }
    return out;
}

HistogramPoint Reader::histogram(pbf_reader message)
{
    HistogramPoint out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(4):
            out.count = message.get_fixed64();
            break;
        case asDouble(5):
            out.sum = message.get_double();
            break;
        case asDouble(6):
            out.counts.push_back(message.get_fixed64());
            break;
        case asBytes(6): {
            const auto packed = message.get_packed_fixed64();
            out.counts.insert(out.counts.end(), packed.begin(), packed.end());
            break;
        }
        case asDouble(7):
            out.bounds.push_back(message.get_double());
            break;
        case asBytes(7): {
            const auto packed = message.get_packed_double();
            out.bounds.insert(out.bounds.end(), packed.begin(), packed.end());
            break;
        }
        case asBytes(8):
            out.exemplars.push_back(exemplar(message.get_message()));
            break;
        case asBytes(9):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        default:
            if (!common(message, 10, out)) {
                message.skip();
            }
        }
    }
    return out;
}

ExponentialBuckets Reader::buckets(pbf_reader message)
{
    ExponentialBuckets out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            out.offset = message.get_sint32();
            break;
        case asVarint(2):
            out.counts.push_back(message.get_uint64());
            break;
        case asBytes(2): {
            const auto packed = message.get_packed_uint64();
            for (const std::uint64_t count : packed) {
                out.counts.push_back(count);
            }
            break;
        }
        default:
            message.skip();
        }
    }
    return out;
}

ExponentialPoint Reader::exponential(pbf_reader message)
{
    ExponentialPoint out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        case asDouble(4):
            out.count = message.get_fixed64();
            break;
        case asDouble(5):
            out.sum = message.get_double();
            break;
        case asVarint(6):
            out.scale = message.get_sint32();
            break;
        case asDouble(7):
            out.zeroCount = message.get_fixed64();
            break;
        case asBytes(8):
            out.positive = buckets(message.get_message());
            break;
        case asBytes(9):
            out.negative = buckets(message.get_message());
            break;
        case asBytes(11):
            out.exemplars.push_back(exemplar(message.get_message()));
            break;
        default:
            if (!common(message, 10, out)) {
                message.skip();
            }
        }
    }
    return out;
}

SummaryPoint Reader::summary(pbf_reader message)
{
    SummaryPoint out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(4):
            out.count = message.get_fixed64();
            break;
        case asDouble(5):
            out.sum = message.get_double();
            break;
        case asBytes(6): {
            take();
            auto& [quantile, value] = out.quantiles.emplace_back();
            pbf_reader each = message.get_message();
            while (each.next()) {
                if (each.tag_and_type() == asDouble(1)) {
                    quantile = each.get_double();
                } else if (each.tag_and_type() == asDouble(2)) {
                    value = each.get_double();
                } else {
                    each.skip();
                }
            }
            break;
        }
        case asBytes(7):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        default:
            if (!common(message, 8, out)) {
                message.skip();
            }
        }
    }
    return out;
}

ExemplarPoint Reader::exemplar(pbf_reader message)
{
    take(Budget::kPoint);
    ExemplarPoint out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(2):
            out.timeNs = message.get_fixed64();
            break;
        case asDouble(3):
            out.value = message.get_double();
            break;
        case asDouble(6):
            out.value = static_cast<double>(message.get_sfixed64());
            break;
        case asBytes(4):
            out.spanId = message.get_string();
            break;
        case asBytes(5):
            out.traceId = message.get_string();
            break;
        case asBytes(7):
            out.attributes.push_back(attribute(message.get_message()));
            break;
        default:
            message.skip();
        }
    }
    return out;
}

} // namespace

absl::StatusOr<Request> decodeProtobuf(std::string_view bytes)
{
    try {
        return Reader().request(pbf_reader(bytes.data(), bytes.size()));
    } catch (const TooMuch&) {
        return Budget::exceeded();
    } catch (const std::exception& error) {
        return base::invalidArgument("the {} bytes are no request for metrics: {}", bytes.size(),
                                     error.what());
    }
}

} // namespace narthex::remote::otlp
