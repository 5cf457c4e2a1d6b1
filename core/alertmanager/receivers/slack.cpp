// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// slack_configs: incoming webhooks, and apps with a token. Source: spec/alertmanager.md, 8.3.
#include "core/alertmanager/receivers/chat_webhook.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kPostMessage = "https://slack.com/api/chat.postMessage";
constexpr std::size_t kTitleRunes = 1024;

struct Slack
{
    static constexpr std::string_view kName = "Slack";
};
using SlackField = ChatField<Slack>;

struct SlackConfirmation
{
    std::string text;
    std::string title;
    std::string okText;
    std::string dismissText;

    void describe(yaml::Fields& fields)
    {
        fields.field("text", &text);
        fields.field("title", &title);
        fields.field("ok_text", &okText);
        fields.field("dismiss_text", &dismissText);
        fields.check(!fields.reading() || !text.empty(),
                     "missing text in Slack confirmation configuration");
    }
    friend bool operator==(const SlackConfirmation&, const SlackConfirmation&) = default;
};

struct SlackAction
{
    std::string type;
    std::string text;
    std::string url;
    std::string style;
    std::string name;
    std::string value;
    std::optional<SlackConfirmation> confirm;

    void describe(yaml::Fields& fields)
    {
        fields.field("type", &type);
        fields.field("text", &text);
        fields.field("url", &url);
        fields.field("style", &style);
        fields.field("name", &name);
        fields.field("value", &value);
        fields.section("confirm", confirm);
        if (!fields.reading()) {
            return;
        }
        if (type.empty()) {
            fields.fail("missing type in Slack action configuration");
        } else if (text.empty()) {
            fields.fail("missing text in Slack action configuration");
        } else if (!url.empty()) {
            name.clear();
            value.clear();
            confirm.reset();
        } else if (name.empty()) {
            fields.fail("missing name or url in Slack action configuration");
        }
    }
    friend bool operator==(const SlackAction&, const SlackAction&) = default;
};

struct SlackConfig final : HttpReceiverOf<SlackConfig>
{
    static constexpr std::string_view kKind = "slack";
    base::Secret apiUrl;
    std::string apiUrlFile;
    base::Secret appToken;
    std::string appTokenFile;
    std::string appUrl;
    std::string channel;
    std::string username = R"({{ template "slack.default.username" . }})";
    std::string color = R"({{ template "slack.default.color" . }})";
    std::string title = R"({{ template "slack.default.title" . }})";
    std::string titleLink = R"({{ template "slack.default.titlelink" . }})";
    std::string pretext = R"({{ template "slack.default.pretext" . }})";
    std::string text = R"({{ template "slack.default.text" . }})";
    std::string messageText;
    std::vector<SlackField> fieldList;
    bool shortFields = false;
    std::string footer = R"({{ template "slack.default.footer" . }})";
    std::string fallback = R"({{ template "slack.default.fallback" . }})";
    std::string callbackId = R"({{ template "slack.default.callbackid" . }})";
    std::string iconEmoji = R"({{ template "slack.default.iconemoji" . }})";
    std::string iconUrl = R"({{ template "slack.default.iconurl" . }})";
    std::string imageUrl;
    std::string thumbUrl;
    bool linkNames = false;
    std::vector<std::string> mrkdwnIn;
    std::vector<SlackAction> actions;
    bool updateMessage = false;
    base::Duration timeout;

    SlackConfig() { resolvedToo = false; }
    void describe(yaml::Fields& fields) override;
    absl::Status complete(const GlobalConfig& global) override;
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    [[nodiscard]] bool hasToken() const { return !appToken.empty() || !appTokenFile.empty(); }
    [[nodiscard]] bool hasUrl() const { return !apiUrl.empty() || !apiUrlFile.empty(); }
    friend bool operator==(const SlackConfig&, const SlackConfig&) = default;
};

void SlackConfig::describe(yaml::Fields& fields)
{
    describeCommon(fields);
    describeSecretUrl(fields, "api_url", apiUrl, apiUrlFile);
    describeSecret(fields, "app_token", appToken, appTokenFile);
    describeUrl(fields, "app_url", appUrl);
    fields.field("channel", &channel);
    fields.field("username", &username);
    fields.field("color", &color);
    fields.field("title", &title);
    fields.field("title_link", &titleLink);
    fields.field("pretext", &pretext);
    fields.field("text", &text);
    fields.field("message_text", &messageText);
    fields.list("fields", fieldList);
    fields.field("short_fields", &shortFields, yaml::Printing::Always);
    fields.field("footer", &footer);
    fields.field("fallback", &fallback);
    fields.field("callback_id", &callbackId);
    fields.field("icon_emoji", &iconEmoji);
    fields.field("icon_url", &iconUrl);
    fields.field("image_url", &imageUrl);
    fields.field("thumb_url", &thumbUrl);
    fields.field("link_names", &linkNames, yaml::Printing::Always);
    fields.field("mrkdwn_in", &mrkdwnIn);
    fields.list("actions", actions);
    fields.field("update_message", &updateMessage, yaml::Printing::Always);
    fields.field("timeout", &timeout, yaml::Printing::Always);
    if (fields.reading()) {
        fields.check(!hasUrl() || !hasToken(), "at most one of api_url/api_url_file & "
                                               "app_token/app_token_file must be configured");
        fields.check(!updateMessage || apiUrl.reveal() == kPostMessage,
                     "update_message can only be used with bot tokens. api_url must be set to "
                     "https://slack.com/api/chat.postMessage");
    }
}

absl::Status SlackConfig::complete(const GlobalConfig& global)
{
    inherit(appUrl, global.slackAppUrl);
    const bool ownAuthorization = http && http->authorization;
    if (!ownAuthorization && apiUrl.empty()) {
        inherit(appToken, appTokenFile, global.slackAppToken, global.slackAppTokenFile);
    }
    inheritHttp(global);
    if (hasToken()) {
        return http->authorization
                   ? base::invalidArgument(
                         "http authorization can't be set when using Slack App tokens")
                   : absl::OkStatus();
    }
    inherit(apiUrl, apiUrlFile, global.slackApiUrl, global.slackApiUrlFile);
    return hasUrl() ? absl::OkStatus()
                    : base::invalidArgument(
                          "no Slack API URL nor App token set either inline or in a file");
}

class SlackIntegration final : public HttpIntegration<SlackConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    [[nodiscard]] std::string body(Renderer& r, const std::string& channel,
                                   const std::string& thread) const;
    void attachment(Renderer& r, JsonBody& json) const;
    [[nodiscard]] SendResult judgeAnswer(const net::HttpResponse& response) const;
};

void SlackIntegration::attachment(Renderer& r, JsonBody& json) const
{
    json.optional("title", truncatedRunes(r.title(config_.title), kTitleRunes))
        .optional("title_link", r.text(config_.titleLink))
        .optional("pretext", r.isShort() ? std::string() : r.text(config_.pretext))
        .text("text", r.message(config_.text))
        .text("fallback", r.title(config_.fallback))
        .text("callback_id", r.text(config_.callbackId));
    if (!config_.fieldList.empty() && !r.isShort()) {
        json.array("fields");
        for (const SlackField& field : config_.fieldList) {
            json.object()
                .optional("title", r.text(field.title))
                .optional("value", r.text(field.value))
                .boolean("short", field.isShort.value_or(config_.shortFields))
                .end();
        }
        json.endArray();
    }
    if (!config_.actions.empty() && !r.isShort()) {
        json.array("actions");
        for (const SlackAction& action : config_.actions) {
            json.object()
                .optional("type", r.text(action.type))
                .optional("text", r.text(action.text))
                .optional("url", r.text(action.url))
                .optional("style", r.text(action.style))
                .optional("name", r.text(action.name))
                .optional("value", r.text(action.value));
            if (action.confirm) {
                json.object("confirm")
                    .optional("text", r.text(action.confirm->text))
                    .optional("title", r.text(action.confirm->title))
                    .optional("ok_text", r.text(action.confirm->okText))
                    .optional("dismiss_text", r.text(action.confirm->dismissText))
                    .end();
            }
            json.end();
        }
        json.endArray();
    }
    json.optional("image_url", r.text(config_.imageUrl))
        .optional("thumb_url", r.text(config_.thumbUrl))
        .text("footer", r.text(config_.footer))
        .optional("color", r.text(config_.color));
    static const std::vector<std::string> kMarkdownIn{"fallback", "pretext", "text"};
    json.texts("mrkdwn_in", config_.mrkdwnIn.empty() ? kMarkdownIn : config_.mrkdwnIn);
}

std::string SlackIntegration::body(Renderer& r, const std::string& channel,
                                   const std::string& thread) const
{
    JsonBody json;
    json.object()
        .optional("channel", channel)
        .optional("ts", thread)
        .optional("username", r.text(config_.username))
        .optional("icon_emoji", r.text(config_.iconEmoji))
        .optional("icon_url", r.text(config_.iconUrl))
        .flag("link_names", config_.linkNames)
        .optional("text", r.isShort() ? std::string() : r.text(config_.messageText))
        .array("attachments")
        .object();
    attachment(r, json);
    return json.end().endArray().end().line();
}

SendResult SlackIntegration::send(const Notification& notification, base::Duration timeout,
                                  std::stop_token stop)
{
    Renderer r = renderer(notification);
    const auto url = reveal(config_.apiUrl, config_.apiUrlFile);
    if (!url.ok()) {
        return refused(url.status());
    }
    Call call{.url = *url};
    std::string channel = r.text(config_.channel);
    std::string thread;
    const auto remembered = [&](std::string_view name) {
        const auto found = notification.memory.find(name);
        return found == notification.memory.end() ? std::string() : found->second;
    };
    if (config_.updateMessage && !remembered("threadTs").empty() &&
        !remembered("channelId").empty()) {
        call.url = fixedAddress(environment_, "https://slack.com", "/api/chat.update");
        thread = remembered("threadTs");
        channel = remembered("channelId");
    }
    call.body = body(r, channel, thread);
    if (!r.status().ok()) {
        return refused(r.status(), FailureReason::ClientError);
    }
    const Attempt attempt{timeout, std::move(stop)};
    net::HttpResponse response;
    SendResult result = namingTimeout(
        sender_.send(call, limited(attempt, config_.timeout), {.retryCode = 429}, &response),
        "slack", config_.timeout, attempt);
    if (result.status.ok()) {
        result = judgeAnswer(response);
    }
    if (!result.status.ok()) {
        result.status = base::annotate(result.status, fmt::format("channel \"{}\"", channel));
    }
    return result;
}

SendResult SlackIntegration::judgeAnswer(const net::HttpResponse& response) const
{
    if (!response.header("Content-Type").starts_with("application/json")) {
        return response.body == "ok"
                   ? succeeded()
                   : refused(base::unavailable("received an error response from Slack: {}",
                                               truncatedBytes(response.body, 1024)),
                             FailureReason::ClientError);
    }
    const auto answer = discovery::Json::parse(response.body);
    if (!answer.ok()) {
        return retryable(base::unavailable("could not unmarshal JSON response \"{}\"",
                                           truncatedBytes(response.body, 1024)),
                         FailureReason::ClientError);
    }
    if (!(*answer)["ok"].boolean()) {
        return refused(
            base::unavailable("error response from Slack: {}", (*answer)["error"].text()),
            FailureReason::ClientError);
    }
    SendResult result = succeeded();
    const std::string thread = (*answer)["ts"].text();
    const std::string channel = (*answer)["channel"].text();
    if (config_.updateMessage && !thread.empty() && !channel.empty()) {
        result.memory = {{"threadTs", thread}, {"channelId", channel}};
    }
    return result;
}

absl::StatusOr<std::unique_ptr<Integration>>
SlackConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    SlackConfig effective = *this;
    if (hasToken()) {
        if (!effective.http) {
            effective.http.emplace();
        }
        net::Authorization& authorization = effective.http->authorization.emplace();
        authorization.credentials = appToken;
        authorization.credentialsFile = appTokenFile;
        effective.apiUrl = base::Secret(appUrl);
        effective.apiUrlFile.clear();
    }
    return makeHttpIntegration<SlackIntegration>(effective, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeSlackConfig() { return std::make_unique<SlackConfig>(); }

} // namespace narthex::alertmanager
