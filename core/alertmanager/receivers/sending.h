// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What integrations share when they send: rendering of texts, one HTTP exchange, what an answer
// means, cutting of long texts, secrets from files. Threads: any. Errors: as results that say
// whether trying again may help; they hold the start of the answer's body and no address.
// Source: spec/alertmanager.md, 4.6.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"
#include "core/alertmanager/receivers/templates.h"
#include "core/gotemplate/value.h"
#include "core/net/parameters.h"

#include <string>
#include <string_view>

namespace narthex::alertmanager {

/// Expands the texts of one message; the first error is kept, texts behind it are empty.
class Renderer
{
public:
    Renderer(const Templates& templates, const Notification& notification)
        : templates_(templates),
          data_(templateData(notification)),
          short_(notification.reason == Reason::Acknowledged)
    {}
    std::string text(std::string_view text);
    std::string html(std::string_view text);
    /// What people read first, and what they read then: in a short message, the templates of the
    /// announcement take their place.
    std::string title(std::string_view text);
    std::string message(std::string_view text);
    std::string htmlMessage(std::string_view text);
    /// Only that somebody looks after the alerts is told: no fields, buttons and pictures.
    [[nodiscard]] bool isShort() const { return short_; }
    /// A tree whose texts are templates; what they make is read as YAML where it is no plain text.
    gotemplate::Value tree(const gotemplate::Value& tree);
    [[nodiscard]] const absl::Status& status() const { return status_; }

private:
    std::string keep(absl::StatusOr<std::string> result);

    const Templates& templates_;
    const gotemplate::Value data_;
    const bool short_;
    absl::Status status_;
};

/// Marks the cut with `…`; a limit of three or less cuts without.
std::string truncatedRunes(std::string_view text, std::size_t limit);
std::string truncatedBytes(std::string_view text, std::size_t limit);

/// Lower-case hex of SHA-256 over the key of a group.
std::string hashOfKey(std::string_view groupKey);

/// The text, or what the file has, trimmed. Errors: the file cannot be read.
absl::StatusOr<std::string> reveal(const base::Secret& secret, const std::string& file);

/// Of a fixed service; tests put their own server in its place.
std::string fixedAddress(const IntegrationEnvironment& environment, std::string_view origin,
                         std::string_view path);

/// How long and until when one attempt may last.
struct Attempt
{
    base::Duration timeout;
    std::stop_token stop;
};

struct Call
{
    std::string method = "POST";
    std::string url;
    std::string body;
    std::string contentType = "application/json";
    net::Parameters headers;
};

/// Which answer is worth another attempt besides 5xx, and what a body says in short.
struct AnswerRule
{
    /// 0: none.
    int retryCode = 0;
    /// Empty: the body itself.
    std::string (*details)(int status, std::string_view body) = nullptr;
};

SendResult succeeded();
/// Trying again will not help: a template, a file, an answer that refuses.
SendResult refused(absl::Status status, FailureReason reason = FailureReason::Other);
SendResult retryable(absl::Status status, FailureReason reason = FailureReason::Other);
/// A request that got no answer.
SendResult unanswered(const absl::Status& status);
/// 2xx is success.
SendResult judged(const net::HttpResponse& response, const AnswerRule& rule = {});

/// HTTP with the settings of one receiver. Threads: any.
class HttpSender
{
public:
    HttpSender(const IntegrationEnvironment& environment, net::HttpClientConfig config);
    [[nodiscard]] absl::StatusOr<net::HttpResponse> exchange(const Call& call,
                                                             const Attempt& attempt) const;
    /// Sends and judges. `response` (may be null) gets the answer when it is a success.
    [[nodiscard]] SendResult send(const Call& call, const Attempt& attempt,
                                  const AnswerRule& rule = {},
                                  net::HttpResponse* response = nullptr) const;

private:
    net::HttpClient& http_;
    const std::shared_ptr<const net::HttpClientConfig> config_;
};

/// The shorter of the attempt's time and the receiver's own, zero being none.
Attempt limited(const Attempt& attempt, base::Duration own);
/// Says so when the receiver's own limit ended an attempt.
SendResult namingTimeout(SendResult result, std::string_view kind, base::Duration own,
                         const Attempt& attempt);

} // namespace narthex::alertmanager
