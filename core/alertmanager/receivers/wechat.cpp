// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// wechat_configs: messages of an application of WeChat Work, whose token is kept for two hours.
// Source: spec/alertmanager.md, 8.8.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/discovery/json.h"
#include "core/gotemplate/builtins.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr base::Duration kTokenLife = 7200_s;
constexpr std::int64_t kTokenExpired = 42001;

struct WechatConfig final : HttpReceiverOf<WechatConfig>
{
    static constexpr std::string_view kKind = "wechat";
    base::Secret apiSecret;
    std::string apiSecretFile;
    std::string corpId;
    std::string message = R"({{ template "wechat.default.message" . }})";
    std::string apiUrl;
    std::string toUser = R"({{ template "wechat.default.to_user" . }})";
    std::string toParty = R"({{ template "wechat.default.to_party" . }})";
    std::string toTag = R"({{ template "wechat.default.to_tag" . }})";
    std::string agentId = R"({{ template "wechat.default.agent_id" . }})";
    std::string messageType = "text";

    WechatConfig() { resolvedToo = false; }
    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecret(fields, "api_secret", apiSecret, apiSecretFile);
        fields.field("corp_id", &corpId);
        fields.field("message", &message);
        describeUrl(fields, "api_url", apiUrl);
        fields.field("to_user", &toUser);
        fields.field("to_party", &toParty);
        fields.field("to_tag", &toTag);
        fields.field("agent_id", &agentId);
        fields.field("message_type", &messageType);
        if (fields.reading()) {
            inherit(messageType, "text");
            if (messageType != "text" && messageType != "markdown") {
                fields.failAt("message_type",
                              fmt::format("weChat message type \"{}\" does not match valid options "
                                          "^(text|markdown)$",
                                          messageType));
            }
        }
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.wechatApiUrl);
        endWithSlash(apiUrl);
        inherit(apiSecret, apiSecretFile, global.wechatApiSecret, global.wechatApiSecretFile);
        if (apiSecret.empty() && apiSecretFile.empty()) {
            return base::invalidArgument(
                "no global Wechat Api Secret set either inline or in a file");
        }
        inherit(corpId, global.wechatApiCorpId);
        return corpId.empty() ? base::invalidArgument("no global Wechat CorpID set")
                              : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const WechatConfig&, const WechatConfig&) = default;
};

class WechatIntegration final : public HttpIntegration<WechatConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    /// The token that is kept, or a new one. Empty: see `result`.
    std::string token(Renderer& r, const Notification& notification, const Attempt& attempt,
                      SendResult& result);
    [[nodiscard]] std::string body(Renderer& r) const;

    absl::Mutex mutex_;
    std::string token_ ABSL_GUARDED_BY(mutex_);
    base::Timestamp tokenAt_ ABSL_GUARDED_BY(mutex_);
};

std::string WechatIntegration::token(Renderer& r, const Notification& notification,
                                     const Attempt& attempt, SendResult& result)
{
    {
        const absl::MutexLock lock(&mutex_);
        if (!token_.empty() && notification.now - tokenAt_ <= kTokenLife) {
            return token_;
        }
    }
    const auto secret = reveal(config_.apiSecret, config_.apiSecretFile);
    if (!secret.ok()) {
        result = refused(secret.status());
        return {};
    }
    Call call{.method = "GET", .contentType = ""};
    call.url = fmt::format("{}gettoken?corpid={}&corpsecret={}", config_.apiUrl,
                           gotemplate::escapeQuery(r.text(config_.corpId)),
                           gotemplate::escapeQuery(r.text(*secret)));
    if (!r.status().ok()) {
        result =
            refused(base::annotate(r.status(), "templating error"), FailureReason::ClientError);
        return {};
    }
    const auto answer = sender_.exchange(call, attempt);
    if (!answer.ok()) {
        result = unanswered(answer.status());
        return {};
    }
    const auto json = discovery::Json::parse(answer->body);
    std::string fresh = json.ok() ? (*json)["access_token"].text() : std::string();
    if (fresh.empty()) {
        result = refused(base::unavailable("invalid APISecret for CorpID: {}", config_.corpId),
                         FailureReason::AuthError);
        return {};
    }
    const absl::MutexLock lock(&mutex_);
    token_ = fresh;
    tokenAt_ = notification.now;
    return fresh;
}

std::string WechatIntegration::body(Renderer& r) const
{
    const bool markdown = config_.messageType == "markdown";
    const std::string message = r.message(config_.message);
    JsonBody json;
    json.object()
        .object("text")
        .text("content", markdown ? std::string() : message)
        .end()
        .optional("touser", r.text(config_.toUser))
        .optional("toparty", r.text(config_.toParty))
        .optional("totag", r.text(config_.toTag))
        .optional("agentid", r.text(config_.agentId))
        .text("safe", "0")
        .text("msgtype", config_.messageType)
        .object("markdown")
        .text("content", markdown ? message : std::string())
        .end()
        .end();
    return json.line();
}

SendResult WechatIntegration::send(const Notification& notification, base::Duration timeout,
                                   std::stop_token stop)
{
    const Attempt attempt{timeout, std::move(stop)};
    Renderer r = renderer(notification);
    SendResult result;
    const std::string accessToken = token(r, notification, attempt, result);
    if (accessToken.empty()) {
        return result;
    }
    const Call call{.url = fmt::format("{}message/send?access_token={}", config_.apiUrl,
                                       gotemplate::escapeQuery(accessToken)),
                    .body = body(r)};
    if (!r.status().ok()) {
        return refused(base::annotate(r.status(), "templating error"), FailureReason::ClientError);
    }
    net::HttpResponse response;
    result = sender_.send(call, attempt, {}, &response);
    if (!result.status.ok()) {
        result.retry = true;
        return result;
    }
    const auto json = discovery::Json::parse(response.body);
    if (!json.ok()) {
        return retryable(base::unavailable("could not unmarshal JSON response \"{}\"",
                                           truncatedBytes(response.body, 1024)));
    }
    const std::int64_t code = (*json)["errcode"].integer();
    if (code == 0) {
        return succeeded();
    }
    const absl::Status error = base::unavailable("{}", (*json)["errmsg"].text());
    if (code == kTokenExpired) {
        const absl::MutexLock lock(&mutex_);
        token_.clear();
        return retryable(error);
    }
    return refused(error, FailureReason::ClientError);
}

absl::StatusOr<std::unique_ptr<Integration>>
WechatConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<WechatIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeWechatConfig() { return std::make_unique<WechatConfig>(); }

} // namespace narthex::alertmanager
