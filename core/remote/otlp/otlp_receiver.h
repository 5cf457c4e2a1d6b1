// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The receiving end of OpenTelemetry's protocol for metrics: a request is stored as a whole, or not
// at all. Owner: the API. Threads: receive() from any. Errors: InvalidArgument is the request's
// fault; FailedPrecondition, a metric that cannot be translated. Source: spec/remote.md, 6.
#pragma once

#include "core/remote/otlp/translator.h"

#include <absl/status/status.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::remote::otlp {

struct ReceiverOptions
{
    DeltaOptions delta;
    bool typeAndUnitLabels = false;
    bool storeMetadata = false;
    bool writeStartZero = false;
    base::Duration lookback;
    /// Of a request, compressed or not.
    std::size_t bodyLimitBytes = std::size_t{32} << 20U;
};

/// A request as HTTP brings it.
struct Delivery
{
    std::string_view contentType;
    std::string_view contentEncoding;
    std::string_view body;
};

class OtlpReceiver
{
public:
    explicit OtlpReceiver(const ReceiverOptions& options) : options_(options) {}

    absl::Status receive(const Delivery& delivery, const OtlpConfig& config,
                         storage::Appendable& store, base::Timestamp now);
    void writeMetrics(exposition::TextWriter& out) const;

private:
    absl::StatusOr<Request> decode(const Delivery& delivery) const;
    void count(const Warnings& warnings, const SampleSink& sink);

    const ReceiverOptions options_;
    DeltaSums sums_;
    std::atomic<std::uint64_t> emptyDataPoints_{0};
    std::atomic<std::uint64_t> labelNameCollisions_{0};
    std::atomic<std::uint64_t> zeroCountNonZeroSum_{0};
    std::atomic<std::uint64_t> outOfOrderExemplars_{0};
    std::atomic<std::uint64_t> withoutMetadata_{0};
};

} // namespace narthex::remote::otlp
