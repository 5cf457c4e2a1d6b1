// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/otlp_receiver.h"

#include "core/base/status.h"
#include "core/base/text.h"
#include "core/exposition/text_writer.h"
#include "core/net/http_client.h"

#include <string>

namespace narthex::remote::otlp {
absl::StatusOr<Request> OtlpReceiver::decode(const Delivery& delivery) const
{
    constexpr std::string_view kProtobuf = "application/x-protobuf";
    constexpr std::string_view kJson = "application/json";
    std::string_view rest = delivery.contentType;
    const std::string_view type = base::takePart(rest, ';');
    if (type != kProtobuf && type != kJson) {
        return base::invalidArgument("unsupported content type: {}, supported: [{}, {}]",
                                     delivery.contentType, kJson, kProtobuf);
    }
    std::string inflated;
    std::string_view body = delivery.body;
    if (delivery.contentEncoding == "gzip") {
        const absl::Status status =
            net::inflateGzip(delivery.body, options_.bodyLimitBytes, inflated);
        if (!status.ok()) {
            return base::invalidArgument("body: {}", base::messageOf(status));
        }
        body = inflated;
    } else if (!delivery.contentEncoding.empty()) {
        return base::invalidArgument("unsupported compression: {}. Only \"gzip\" or no compression "
                                     "supported",
                                     delivery.contentEncoding);
    }
    if (body.size() > options_.bodyLimitBytes) {
        return base::invalidArgument("the body of {} bytes exceeds the limit of {}", body.size(),
                                     options_.bodyLimitBytes);
    }
    return type == kProtobuf ? decodeProtobuf(body) : decodeJson(body);
}

absl::Status OtlpReceiver::receive(const Delivery& delivery, const OtlpConfig& config,
                                   storage::Appendable& store, base::Timestamp now)
{
    NARTHEX_ASSIGN_OR_RETURN(Request request, decode(delivery));
    SampleSink sink(
        {.writeStartZero = options_.writeStartZero, .storeMetadata = options_.storeMetadata}, store,
        now);
    Translator translator({.delta = options_.delta,
                           .typeAndUnitLabels = options_.typeAndUnitLabels,
                           .lookback = options_.lookback},
                          config, sums_, sink, now);
    const absl::Status status = translator.translate(request);
    count(translator.warnings(), sink);
    if (!status.ok()) {
        sink.rollback();
        return status;
    }
    return sink.commit();
}

void OtlpReceiver::count(const Warnings& warnings, const SampleSink& sink)
{
    emptyDataPoints_ += warnings.emptyDataPoints;
    labelNameCollisions_ += warnings.labelNameCollision;
    zeroCountNonZeroSum_ += warnings.zeroCountNonZeroSum;
    outOfOrderExemplars_ += sink.outOfOrderExemplars();
    withoutMetadata_ += sink.withoutMetadata();
}

void OtlpReceiver::writeMetrics(exposition::TextWriter& out) const
{
    const auto value = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<double>(counter.load());
    };
    out.family("prometheus_api_otlp_translation_warnings_total", model::MetricType::Counter,
               "What was found odd while OpenTelemetry's metrics were translated, by category.")
        .sample({{"category", "empty_data_points"}}, value(emptyDataPoints_))
        .sample({{"category", "histogram_zero_count_non_zero_sum"}}, value(zeroCountNonZeroSum_))
        .sample({{"category", "label_name_collision"}}, value(labelNameCollisions_));
    out.counter("prometheus_api_otlp_out_of_order_exemplars_total",
                "Exemplars received by OTLP that were refused because they were out of order.",
                value(outOfOrderExemplars_));
    out.counter("prometheus_api_otlp_appended_samples_without_metadata_total",
                "Samples received by OTLP of which nothing else is known.",
                value(withoutMetadata_));
}

} // namespace narthex::remote::otlp
