// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/write_client.h"

#include "core/base/status.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace narthex::remote {
namespace {

/// Of an error, so much is shown.
constexpr std::size_t kErrorTextBytes = 1024;
/// A page of an error may be long; a receiver that sends more is broken.
constexpr std::uint64_t kAnswerLimitBytes = 4ULL << 20U;

template <typename Number>
std::optional<Number> numberIn(std::string_view text)
{
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

/// Seconds, or a date of HTTP.
base::Duration retryAfterOf(std::string_view text, base::Timestamp now)
{
    if (const auto seconds = numberIn<std::int64_t>(text)) {
        constexpr std::int64_t kMost = 86'400 * 365;
        return base::Duration::fromMs(std::clamp<std::int64_t>(*seconds, 0, kMost) * 1000);
    }
    absl::Time time;
    std::string error;
    if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(text), &time, &error)) {
        return base::Duration::fromMs(std::max<std::int64_t>(0, absl::ToUnixMillis(time) - now.ms));
    }
    return {};
}

std::string errorText(const net::HttpResponse& response)
{
    std::string_view body = response.body;
    body = body.substr(0, kErrorTextBytes);
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) {
        body.remove_suffix(1);
    }
    return fmt::format("server returned HTTP status {}{}{}{}{}", response.status,
                       response.reason.empty() ? "" : " ", response.reason,
                       body.empty() ? "" : ": ", body);
}

struct Written
{
    PayloadCounts counts;
    bool isSaid = false;
};

Written writtenOf(const net::HttpResponse& response)
{
    Written result;
    const auto read = [&](std::string_view name, std::uint64_t& count) {
        if (const auto value = numberIn<std::uint64_t>(response.header(name))) {
            count = *value;
            result.isSaid = true;
        }
    };
    read("X-Prometheus-Remote-Write-Samples-Written", result.counts.samples);
    read("X-Prometheus-Remote-Write-Histograms-Written", result.counts.histograms);
    read("X-Prometheus-Remote-Write-Exemplars-Written", result.counts.exemplars);
    return result;
}

PayloadCounts atMost(const PayloadCounts& counts, const PayloadCounts& limit)
{
    return {.samples = std::min(counts.samples, limit.samples),
            .histograms = std::min(counts.histograms, limit.histograms),
            .exemplars = std::min(counts.exemplars, limit.exemplars),
            .metadata = std::min(counts.metadata, limit.metadata)};
}

WriteOutcome outcomeOfSuccess(const net::HttpResponse& response, WriteVersion version,
                              const PayloadCounts& counts)
{
    if (version == WriteVersion::V1) {
        return {.written = counts};
    }
    const Written written = writtenOf(response);
    if (!written.isSaid && counts.total() > 0) {
        return {.result = WriteResult::Refused,
                .error = fmt::format("the receiver answered {} without saying what it has written: "
                                     "it does not know io.prometheus.write.v2.Request (set "
                                     "protobuf_message: prometheus.WriteRequest)",
                                     response.status)};
    }
    return {.written = atMost(written.counts, counts)};
}

} // namespace

WriteVersion writeVersionOf(const RemoteWriteConfig& config)
{
    return config.protobufMessage == "io.prometheus.write.v2.Request" ? WriteVersion::V2
                                                                      : WriteVersion::V1;
}

WriteOutcome outcomeOf(const absl::StatusOr<net::HttpResponse>& response, WriteVersion version,
                       const PayloadCounts& counts, bool retryOn429, base::Timestamp now)
{
    if (!response.ok()) {
        const net::TransportError kind = net::transportErrorOf(response.status());
        const bool cancelled = kind == net::TransportError::Cancelled;
        const bool final =
            kind == net::TransportError::BodyLimit || absl::IsInvalidArgument(response.status());
        return {.result = cancelled ? WriteResult::Cancelled
                          : final   ? WriteResult::Refused
                                    : WriteResult::Retry,
                .error = std::string(base::messageOf(response.status()))};
    }
    const int status = response->status;
    if (status / 100 == 2) {
        return outcomeOfSuccess(*response, version, counts);
    }
    const bool retry = status / 100 == 5 || (status == 429 && retryOn429);
    return {.result = retry ? WriteResult::Retry : WriteResult::Refused,
            .retryAfter =
                retry ? retryAfterOf(response->header("Retry-After"), now) : base::Duration{},
            .written = version == WriteVersion::V2 ? atMost(writtenOf(*response).counts, counts)
                                                   : PayloadCounts{},
            .error = errorText(*response)};
}

WriteClient::WriteClient(const RemoteWriteConfig& config, net::HttpClient& client,
                         const base::Clock& clock, const discovery::ProviderEnvironment* cloud)
    : config_(config),
      version_(writeVersionOf(config)),
      client_(client),
      clock_(clock),
      http_(std::make_shared<const net::HttpClientConfig>(config.http)),
      signer_(makeRequestSigner(config, cloud))
{}

std::optional<net::RequestId> WriteClient::send(const std::string& body, int attempt,
                                                const PayloadCounts& counts, Reply reply)
{
    const bool isV2 = version_ == WriteVersion::V2;
    net::HttpRequest request{
        .method = "POST",
        .url = config_.url,
        .headers = {{"Content-Encoding", "snappy"},
                    {"Content-Type",
                     isV2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                          : "application/x-protobuf"},
                    {"X-Prometheus-Remote-Write-Version", isV2 ? "2.0.0" : "0.1.0"}},
        .body = body,
        .timeout = config_.remoteTimeout,
        .bodyLimitBytes = kAnswerLimitBytes,
        .shuffleAddresses = config_.roundRobinDns};
    for (const auto& [name, value] : config_.headers) {
        request.headers.emplace_back(name, value);
    }
    if (attempt > 0) {
        request.headers.emplace_back("Retry-Attempt", fmt::format("{}", attempt));
    }
    if (signer_) {
        if (const absl::Status status = signer_->sign(request, stop_.get_token()); !status.ok()) {
            reply({.result = stop_.stop_requested() ? WriteResult::Cancelled : WriteResult::Retry,
                   .error = std::string(base::messageOf(status))});
            return std::nullopt;
        }
    }
    return client_.send(std::move(request), http_,
                        [version = version_, counts, reply = std::move(reply),
                         retryOn429 = config_.queue.retryOnHttp429, &clock = clock_,
                         signer = signer_](const absl::StatusOr<net::HttpResponse>& response) {
                            if (signer && response.ok() &&
                                (response->status == 401 || response->status == 403)) {
                                signer->forget();
                            }
                            reply(outcomeOf(response, version, counts, retryOn429, clock.now()));
                        });
}

} // namespace narthex::remote
