// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/scrape/content_type.h"
#include "core/scrape/page_source.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

namespace narthex::scrape {
namespace {

ErrorClass classOf(const absl::Status& status)
{
    switch (net::transportErrorOf(status)) {
    case net::TransportError::NameResolution:
        return ErrorClass::NameResolution;
    case net::TransportError::Refused:
        return ErrorClass::ConnectionRefused;
    case net::TransportError::Timeout:
        return ErrorClass::Timeout;
    case net::TransportError::Tls:
        return ErrorClass::Tls;
    case net::TransportError::BodyLimit:
        return ErrorClass::LimitExceeded;
    case net::TransportError::None:
    case net::TransportError::Cancelled:
    case net::TransportError::Other:
        return ErrorClass::Other;
    }
    return ErrorClass::Other;
}

ErrorClass classOf(int httpStatus)
{
    if (httpStatus == 401 || httpStatus == 403) {
        return ErrorClass::Unauthorized;
    }
    return httpStatus == 404 ? ErrorClass::NotFound : ErrorClass::HttpStatus;
}

FetchResult convert(absl::StatusOr<net::HttpResponse> response)
{
    FetchResult result;
    if (!response.ok()) {
        result.error = {.status = response.status(), .errorClass = classOf(response.status())};
        return result;
    }
    if (response->status != 200) {
        result.error = {
            .status = base::unavailable("server returned HTTP status {}{}{}", response->status,
                                        response->reason.empty() ? "" : " ", response->reason),
            .errorClass = classOf(response->status)};
        return result;
    }
    result.page.contentType = response->header("Content-Type");
    result.page.body = std::move(response->body);
    return result;
}

class HttpSource final : public PageSource
{
public:
    HttpSource(net::HttpClient& client, std::shared_ptr<const JobConfig> job)
        : client_(client), job_(std::move(job)), config_(job_, &job_->http)
    {}

    void fetch(const Target& target, std::string buffer, Reply reply) override
    {
        net::HttpRequest request{.url = target.url,
                                 .timeout = target.timeout,
                                 .bodyLimitBytes = job_->bodySizeLimit,
                                 .unixSocket = target.unixSocket,
                                 .buffer = std::move(buffer)};
        request.headers = {
            {"Accept", acceptHeader(*job_)},
            {"Accept-Encoding", job_->enableCompression ? "gzip" : "identity"},
            {"X-Prometheus-Scrape-Timeout-Seconds", base::formatFloat(target.timeout.seconds())}};
        absl::MutexLock lock(&mutex_);
        running_ = client_.send(
            std::move(request), config_,
            [reply = std::move(reply)](absl::StatusOr<net::HttpResponse> response) mutable {
                reply(convert(std::move(response)));
            });
    }

    void cancel() override
    {
        absl::MutexLock lock(&mutex_);
        client_.cancel(running_);
    }

private:
    net::HttpClient& client_;
    const std::shared_ptr<const JobConfig> job_;
    const std::shared_ptr<const net::HttpClientConfig> config_; // part of job_
    absl::Mutex mutex_;
    net::RequestId running_ ABSL_GUARDED_BY(mutex_){};
};

} // namespace

std::unique_ptr<PageSource> makeHttpSource(net::HttpClient& client,
                                           std::shared_ptr<const JobConfig> job)
{
    return std::make_unique<HttpSource>(client, std::move(job));
}

} // namespace narthex::scrape
