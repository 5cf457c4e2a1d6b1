// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/send_queue.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <absl/time/time.h>

#include <algorithm>

namespace narthex::rules {
namespace {

/// An answer of an Alertmanager is a word; a page of an error is of no use beyond this.
constexpr std::uint64_t kAnswerLimit = 64ULL << 10U;

void writeLabels(base::JsonWriter& json, std::string_view name, const model::Labels& labels)
{
    json.key(name).beginObject();
    for (const model::LabelView label : labels) {
        json.member(label.name, label.value);
    }
    json.endObject();
}

absl::Status outcomeOf(const absl::StatusOr<net::HttpResponse>& response)
{
    if (!response.ok()) {
        return response.status();
    }
    if (response->status / 100 == 2) {
        return absl::OkStatus();
    }
    std::string_view body = response->body;
    body = body.substr(0, std::min<std::size_t>(body.find('\n'), 200));
    return base::unavailable("bad response status {}{}{}{}{}", response->status,
                             response->reason.empty() ? "" : " ", response->reason,
                             body.empty() ? "" : ": ", body);
}

} // namespace

std::string alertJson(const model::Alert& alert, const model::Labels& labels)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject();
    writeLabels(json, "annotations", alert.annotations);
    if (alert.endsAt) {
        json.member("endsAt", base::formatTimestamp(*alert.endsAt));
    }
    if (alert.startsAt) {
        json.member("startsAt", base::formatTimestamp(*alert.startsAt));
    }
    json.member("generatorURL", alert.generatorUrl);
    writeLabels(json, "labels", labels);
    json.endObject();
    return text;
}

SendQueue::SendQueue(std::string url, std::shared_ptr<const AlertmanagersConfig> config,
                     QueueLimits limits, const SendEnvironment& environment)
    : url_(std::move(url)),
      config_(std::move(config)),
      http_(config_, &config_->http),
      limits_(limits),
      environment_(environment)
{
    status_.url = url_;
}

void SendQueue::drop(std::size_t count)
{
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    status_.dropped += count;
}

void SendQueue::push(std::span<const AlertText> alerts)
{
    std::size_t lost = 0;
    bool start = false;
    {
        const absl::MutexLock lock(&mutex_);
        if (closed_) {
            return;
        }
        if (alerts.size() > limits_.capacity) {
            lost = alerts.size() - limits_.capacity;
            status_.dropped += lost;
            alerts = alerts.last(limits_.capacity);
        }
        const std::size_t total = waiting_.size() + alerts.size();
        if (total > limits_.capacity) {
            lost += total - limits_.capacity;
            drop(total - limits_.capacity);
        }
        waiting_.insert(waiting_.end(), alerts.begin(), alerts.end());
        start = !sending_ && !waiting_.empty();
        sending_ = sending_ || start;
    }
    if (lost > 0) {
        environment_.log->warn("notifier: queue is full, the oldest alerts are dropped "
                               "alertmanager={} dropped={}",
                               url_, lost);
    }
    if (start) {
        environment_.pool.submit([self = shared_from_this()] { self->sendNext(); });
    }
}

absl::Status SendQueue::sign(net::HttpRequest& request)
{
    if (!config_->sigv4) {
        return absl::OkStatus();
    }
    if (environment_.aws == nullptr) {
        return base::failedPrecondition("sigv4 is configured, but credentials of AWS cannot be "
                                        "looked for here");
    }
    const httpconfig::Sigv4Config& sigv4 = *config_->sigv4;
    if (!credentials_) {
        credentials_.emplace(*environment_.aws,
                             discovery::AwsAccess{.region = sigv4.region,
                                                  .endpoint = {},
                                                  .accessKey = sigv4.accessKey,
                                                  .secretKey = sigv4.secretKey,
                                                  .profile = sigv4.profile,
                                                  .roleArn = sigv4.roleArn,
                                                  .externalId = sigv4.externalId,
                                                  .http = {}},
                             config_->timeout);
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string region, credentials_->region({}));
    NARTHEX_ASSIGN_OR_RETURN(const net::SigV4Credentials keys,
                             credentials_->credentials(region, {}));
    const std::string service = sigv4.serviceName.empty() ? "aps" : sigv4.serviceName;
    return net::signSigV4(request, keys, {.region = region, .service = service},
                          environment_.clock.now());
}

void SendQueue::sendNext()
{
    std::size_t count = 0;
    std::uint64_t round = 0;
    net::HttpRequest request{.method = "POST",
                             .url = url_,
                             .headers = {{"Content-Type", "application/json"}},
                             .body = "[",
                             .timeout = config_->timeout,
                             .bodyLimitBytes = kAnswerLimit};
    {
        const absl::MutexLock lock(&mutex_);
        count = std::min(waiting_.size(), limits_.batchSize);
        if (count == 0) {
            sending_ = false;
            return;
        }
        round = ++round_;
        for (std::size_t i = 0; i < count; ++i) {
            request.body += i == 0 ? "" : ",";
            request.body += *waiting_[i];
        }
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    request.body += "]";
    const base::Duration began = environment_.clock.monotonic();
    if (const absl::Status status = sign(request); !status.ok()) {
        finished(count, began, status);
        return;
    }
    // The reply, and the next request, may come before send() returns.
    const net::RequestId id = environment_.client.send(
        std::move(request), http_,
        [self = shared_from_this(), count, began](absl::StatusOr<net::HttpResponse> response) {
            self->finished(count, began, response);
        });
    const absl::MutexLock lock(&mutex_);
    if (round == round_) {
        request_ = id;
    }
}

void SendQueue::finished(std::size_t alerts, base::Duration began,
                         const absl::StatusOr<net::HttpResponse>& response)
{
    const absl::Status status = outcomeOf(response);
    const base::Duration now = environment_.clock.monotonic();
    summary_.observe(now, (now - began).seconds());
    histogram_.observe((now - began).seconds());
    if (credentials_ && response.ok() && response->status == 403) {
        credentials_->forget();
    }
    bool more = false;
    {
        const absl::MutexLock lock(&mutex_);
        more = !waiting_.empty();
        sending_ = more;
        if (status.ok()) {
            status_.sent += alerts;
            status_.lastError.clear();
            status_.lastSuccess = environment_.clock.now();
        } else {
            status_.errors += alerts;
            status_.dropped += alerts;
            status_.lastError = base::messageOf(status);
        }
    }
    if (!status.ok()) {
        environment_.log->error("notifier: sending alerts failed alertmanager={} count={} error={}",
                                url_, alerts, base::messageOf(status));
    }
    if (more) {
        environment_.pool.submit([self = shared_from_this()] { self->sendNext(); });
    }
}

void SendQueue::close(bool drain)
{
    const absl::MutexLock lock(&mutex_);
    closed_ = true;
    if (!drain) {
        drop(waiting_.size());
    }
}

bool SendQueue::idle() const
{
    const absl::MutexLock lock(&mutex_);
    return !sending_;
}

void SendQueue::finish(base::Duration atMost)
{
    std::optional<net::RequestId> request;
    {
        const absl::MutexLock lock(&mutex_);
        const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !sending_; };
        if (mutex_.AwaitWithTimeout(absl::Condition(&done), absl::Nanoseconds(atMost.ns))) {
            return;
        }
        drop(waiting_.size());
        request = request_;
    }
    if (request) {
        environment_.client.cancel(*request);
    }
    const absl::MutexLock lock(&mutex_);
    const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !sending_; };
    mutex_.Await(absl::Condition(&done));
}

QueueStatus SendQueue::status() const
{
    const absl::MutexLock lock(&mutex_);
    QueueStatus status = status_;
    status.waiting = waiting_.size();
    return status;
}

} // namespace narthex::rules
