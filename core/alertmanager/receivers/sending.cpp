// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/sending.h"

#include "core/alertmanager/receivers/config_keys.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/net/blocking_call.h"
#include "core/net/crypto.h"
#include "core/net/small_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kCutMark = "…";
constexpr std::string_view kAckTitle = R"({{ template "narthex.ack.title" . }})";
constexpr std::string_view kAckText = R"({{ template "narthex.ack.text" . }})";
/// Of an answer's body in a message.
constexpr std::size_t kShownBodyBytes = 1024;
constexpr std::uint64_t kAnswerLimitBytes = 4U << 20U;

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    const std::size_t first = text.find_first_not_of(kBlanks);
    const std::size_t last = text.find_last_not_of(kBlanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, last - first + 1);
}

FailureReason reasonOf(int status)
{
    if (status == 429) {
        return FailureReason::RateLimited;
    }
    if (status == 401 || status == 403) {
        return FailureReason::AuthError;
    }
    return status / 100 == 4   ? FailureReason::ClientError
           : status / 100 == 5 ? FailureReason::ServerError
                               : FailureReason::Other;
}

/// Addresses are often secrets: of `Post "http://…": connection refused` the end is shown.
absl::Status withoutAddress(std::string_view method, const absl::Status& status)
{
    std::string_view message = base::messageOf(status);
    constexpr std::string_view kEndOfAddress = "\": ";
    const std::size_t end = message.find(kEndOfAddress);
    if (end != std::string_view::npos) {
        message.remove_prefix(end + kEndOfAddress.size());
    } else if (message.find('"') != std::string_view::npos) {
        message = "the URL is not valid";
    }
    return {status.code(), fmt::format("{} \"<redacted>\": {}", method, message)};
}

std::optional<base::Duration> retryAfter(const net::HttpResponse& response)
{
    const auto seconds = base::parseUint(response.header("Retry-After"));
    constexpr std::uint64_t kLongest = 3600;
    return seconds ? std::optional(base::Duration::fromMs(
                         static_cast<std::int64_t>(std::min(*seconds, kLongest)) * 1000))
                   : std::nullopt;
}

} // namespace

std::string Renderer::keep(absl::StatusOr<std::string> result)
{
    if (!status_.ok()) {
        return {};
    }
    status_ = result.status();
    return result.ok() ? *std::move(result) : std::string();
}

std::string Renderer::text(std::string_view text) { return keep(templates_.text(text, data_)); }

std::string Renderer::html(std::string_view text) { return keep(templates_.html(text, data_)); }

std::string Renderer::title(std::string_view text) { return this->text(short_ ? kAckTitle : text); }

std::string Renderer::message(std::string_view text)
{
    return this->text(short_ ? kAckText : text);
}

std::string Renderer::htmlMessage(std::string_view text) { return html(short_ ? kAckText : text); }

gotemplate::Value Renderer::tree(const gotemplate::Value& tree)
{
    if (const auto template_ = tree.text()) {
        std::string rendered = text(*template_);
        auto structure = readInline(rendered);
        return structure ? *std::move(structure) : gotemplate::Value(std::move(rendered));
    }
    if (const auto elements = tree.elements()) {
        gotemplate::List list;
        for (const gotemplate::Value& each : *elements) {
            list.push_back(this->tree(each));
        }
        return list;
    }
    if (const auto* entries = tree.as<std::shared_ptr<const gotemplate::Map>>()) {
        gotemplate::Map map;
        for (const auto& [name, each] : **entries) {
            map.insert_or_assign(text(name), this->tree(each));
        }
        return map;
    }
    return tree;
}

std::string truncatedRunes(std::string_view text, std::size_t limit)
{
    if (text.size() <= limit || base::runeCount(text) <= limit) {
        return std::string(text);
    }
    if (limit <= 3) {
        return std::string(base::firstRunes(text, limit));
    }
    return std::string(base::firstRunes(text, limit - 1)) + std::string(kCutMark);
}

std::string truncatedBytes(std::string_view text, std::size_t limit)
{
    if (text.size() <= limit) {
        return std::string(text);
    }
    if (limit < kCutMark.size()) {
        return std::string(limit, '.');
    }
    std::size_t end = limit - kCutMark.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return std::string(text.substr(0, end)) + std::string(kCutMark);
}

std::string hashOfKey(std::string_view groupKey) { return net::hex(net::sha256(groupKey)); }

absl::StatusOr<std::string> reveal(const base::Secret& secret, const std::string& file)
{
    if (!secret.empty() || file.empty()) {
        return secret.reveal();
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, net::readSmallFile(file));
    return std::string(trimmed(text));
}

std::string fixedAddress(const IntegrationEnvironment& environment, std::string_view origin,
                         std::string_view path)
{
    return (environment.apiBase.empty() ? std::string(origin) : environment.apiBase) +
           std::string(path);
}

std::optional<SendResult> Integration::acknowledge(const Notification& notification,
                                                   const AcknowledgementNote& /*note*/,
                                                   base::Duration timeout, std::stop_token stop)
{
    if (notification.reason != Reason::Acknowledged) {
        return std::nullopt;
    }
    Notification message = notification;
    message.memory.clear(); // it takes no earlier message's place
    SendResult result = send(message, timeout, std::move(stop));
    result.memory.clear();
    return result;
}

SendResult succeeded() { return {.status = absl::OkStatus()}; }

SendResult refused(absl::Status status, FailureReason reason)
{
    return {.status = std::move(status), .retry = false, .reason = reason};
}

SendResult retryable(absl::Status status, FailureReason reason)
{
    return {.status = std::move(status), .retry = true, .reason = reason};
}

SendResult unanswered(const absl::Status& status)
{
    const FailureReason reason = status.code() == absl::StatusCode::kCancelled
                                     ? FailureReason::ContextCanceled
                                 : status.code() == absl::StatusCode::kDeadlineExceeded
                                     ? FailureReason::ContextDeadlineExceeded
                                     : FailureReason::Other;
    return retryable(status, reason);
}

SendResult judged(const net::HttpResponse& response, const AnswerRule& rule)
{
    if (response.status / 100 == 2) {
        return succeeded();
    }
    std::string details =
        rule.details != nullptr ? rule.details(response.status, response.body) : std::string();
    if (details.empty()) {
        details = truncatedBytes(trimmed(response.body), kShownBodyBytes);
    }
    std::string text = fmt::format("unexpected status code {}", response.status);
    if (!details.empty()) {
        text += ": " + details;
    }
    SendResult result{.status = base::unavailable("{}", text)};
    result.retry = response.status / 100 == 5 || response.status == rule.retryCode;
    result.reason = reasonOf(response.status);
    result.retryAfter = retryAfter(response);
    return result;
}

HttpSender::HttpSender(const IntegrationEnvironment& environment, net::HttpClientConfig config)
    : http_(environment.http),
      config_(std::make_shared<const net::HttpClientConfig>(std::move(config)))
{}

absl::StatusOr<net::HttpResponse> HttpSender::exchange(const Call& call,
                                                       const Attempt& attempt) const
{
    net::HttpRequest request{.method = call.method,
                             .url = call.url,
                             .headers = call.headers,
                             .body = call.body,
                             .timeout = attempt.timeout,
                             .bodyLimitBytes = kAnswerLimitBytes};
    if (!call.contentType.empty()) {
        request.headers.emplace_back("Content-Type", call.contentType);
    }
    auto response = net::sendAndWait(http_, std::move(request), config_, attempt.stop);
    return response.ok() ? std::move(response) : withoutAddress(call.method, response.status());
}

SendResult HttpSender::send(const Call& call, const Attempt& attempt, const AnswerRule& rule,
                            net::HttpResponse* response) const
{
    auto answer = exchange(call, attempt);
    if (!answer.ok()) {
        return unanswered(answer.status());
    }
    SendResult result = judged(*answer, rule);
    if (result.status.ok() && response != nullptr) {
        *response = *std::move(answer);
    }
    return result;
}

Attempt limited(const Attempt& attempt, base::Duration own)
{
    const bool shorter = own.ns > 0 && (attempt.timeout.ns <= 0 || own.ns < attempt.timeout.ns);
    return {.timeout = shorter ? own : attempt.timeout, .stop = attempt.stop};
}

SendResult namingTimeout(SendResult result, std::string_view kind, base::Duration own,
                         const Attempt& attempt)
{
    const bool ownLimit = limited(attempt, own).timeout != attempt.timeout;
    if (ownLimit && result.reason == FailureReason::ContextDeadlineExceeded) {
        result.status =
            absl::Status(result.status.code(), fmt::format("{}: configured {} timeout reached ({})",
                                                           base::messageOf(result.status), kind,
                                                           base::formatDuration(own)));
    }
    return result;
}

} // namespace narthex::alertmanager
