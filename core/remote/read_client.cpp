// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/read_client.h"

#include "core/base/status.h"
#include "core/remote/snappy_block.h"
#include "core/yaml/field_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace narthex::remote {
namespace {

constexpr std::size_t kErrorTextBytes = 1024;
constexpr std::string_view kStreamed = "application/x-streamed-protobuf";
constexpr std::string_view kSampled = "application/x-protobuf";

absl::Status statusError(const net::HttpResponse& response)
{
    std::string_view body = response.body;
    body = body.substr(0, kErrorTextBytes);
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) {
        body.remove_suffix(1);
    }
    return base::unavailable("server returned HTTP status {}{}{}{}{}", response.status,
                             response.reason.empty() ? "" : " ", response.reason,
                             body.empty() ? "" : ": ", body);
}

} // namespace

/// What the waiting thread and the reply share.
class ReadClient::Exchange final : public Reading
{
public:
    Exchange(std::shared_ptr<ReadClient> client, ReadQuery query, std::vector<std::string> strip,
             std::stop_token stop)
        : client_(std::move(client)),
          query_(std::move(query)),
          strip_(std::move(strip)),
          stop_(std::move(stop)),
          begun_(client_->environment_.clock.monotonic())
    {}
    ~Exchange() override
    {
        if (id_) {
            client_->environment_.client.cancel(*id_); // without effect once it is answered
        }
    }

    void send(net::HttpRequest request)
    {
        client_->running_.fetch_add(1, std::memory_order_relaxed);
        id_ = client_->environment_.client.send(
            std::move(request), client_->http_,
            [answer = answer_, client = client_](absl::StatusOr<net::HttpResponse> response) {
                client->running_.fetch_sub(1, std::memory_order_relaxed);
                const absl::MutexLock lock(&answer->mutex);
                answer->response = std::move(response);
            });
    }

    absl::StatusOr<SeriesList> finish() override
    {
        const std::stop_callback onStop(stop_,
                                        [this] { client_->environment_.client.cancel(*id_); });
        std::optional<absl::StatusOr<net::HttpResponse>> response;
        {
            Answer& answer = *answer_;
            const absl::MutexLock lock(&answer.mutex);
            const auto isThere = [&answer]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(answer.mutex) {
                return answer.response.has_value();
            };
            answer.mutex.Await(absl::Condition(&isThere));
            response = std::move(answer.response);
        }
        return client_->take(*response, query_, strip_,
                             client_->environment_.clock.monotonic() - begun_);
    }

private:
    struct Answer
    {
        absl::Mutex mutex;
        std::optional<absl::StatusOr<net::HttpResponse>> response ABSL_GUARDED_BY(mutex);
    };

    const std::shared_ptr<ReadClient> client_;
    const ReadQuery query_;
    const std::vector<std::string> strip_;
    const std::stop_token stop_;
    const base::Duration begun_;
    const std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
    std::optional<net::RequestId> id_;
};

ReadClient::ReadClient(const RemoteReadConfig& config, const ReaderEnvironment& environment)
    : config_(config),
      name_(config.nameOrHash()),
      url_(yaml::hidePassword(config.url)),
      environment_(environment),
      http_(std::make_shared<const net::HttpClientConfig>(config.http))
{}

std::unique_ptr<Reading> ReadClient::begin(const ReadQuery& query, std::vector<std::string> strip,
                                           std::stop_token stop)
{
    const ReadRequest question{
        .queries = {query},
        .accepted = {ReadResponseType::StreamedXorChunks, ReadResponseType::Samples}};
    const std::string raw = encodeReadRequest(question);
    net::HttpRequest request{.method = "POST",
                             .url = config_.url,
                             .headers = {{"Content-Encoding", "snappy"},
                                         {"Accept-Encoding", "snappy"},
                                         {"Content-Type", std::string(kSampled)},
                                         {"X-Prometheus-Remote-Read-Version", "0.1.0"}},
                             .timeout = config_.remoteTimeout,
                             .bodyLimitBytes = kAnswerLimitBytes};
    request.body = compressBlock(raw);
    for (const auto& [name, value] : config_.headers) {
        request.headers.emplace_back(name, value);
    }
    auto exchange =
        std::make_unique<Exchange>(shared_from_this(), query, std::move(strip), std::move(stop));
    exchange->send(std::move(request));
    return exchange;
}

absl::StatusOr<SeriesList> ReadClient::take(const absl::StatusOr<net::HttpResponse>& response,
                                            const ReadQuery& query,
                                            const std::vector<std::string>& strip,
                                            base::Duration took)
{
    const std::string_view type =
        response.ok() ? response->header("Content-Type") : std::string_view();
    const bool isChunked = type.starts_with(kStreamed);
    (isChunked ? chunkedSeconds_ : sampledSeconds_).observe(took.seconds());
    {
        const absl::MutexLock lock(&mutex_);
        ++answers_[{response.ok() ? fmt::format("{}", response->status) : std::string(),
                    isChunked}];
    }
    NARTHEX_RETURN_IF_ERROR(response.status());
    if (response->status / 100 != 2) {
        return statusError(*response);
    }
    if (isChunked) {
        return readStreamedAnswer(response->body, config_.chunkedReadLimit, query.from, query.to,
                                  strip);
    }
    if (type.starts_with(kSampled)) {
        return readSampledAnswer(response->body, query.from, query.to, strip);
    }
    return base::unavailable("the answer is of the type {}, neither {} nor {}: is this the address "
                             "of a remote read API?",
                             model::quote(type), kStreamed, kSampled);
}

std::map<std::pair<std::string, bool>, std::uint64_t> ReadClient::answers() const
{
    const absl::MutexLock lock(&mutex_);
    return answers_;
}

} // namespace narthex::remote
