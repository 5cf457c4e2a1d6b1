// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// rocketchat_configs: a message with one attachment. Source: spec/alertmanager.md, 8.13.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kTitleRunes = 1024;

struct RocketchatField
{
    std::optional<bool> isShort;
    std::string title;
    std::string value;
    void describe(yaml::Fields& fields)
    {
        fields.field("short", isShort, yaml::Printing::Always);
        fields.field("title", &title);
        fields.field("value", &value);
    }
    friend bool operator==(const RocketchatField&, const RocketchatField&) = default;
};

struct RocketchatAction
{
    std::string type;
    std::string text;
    std::string url;
    std::string msg;
    void describe(yaml::Fields& fields)
    {
        fields.field("type", &type);
        fields.field("text", &text);
        fields.field("url", &url);
        fields.field("msg", &msg);
    }
    friend bool operator==(const RocketchatAction&, const RocketchatAction&) = default;
};

struct RocketchatConfig final : HttpReceiverOf<RocketchatConfig>
{
    static constexpr std::string_view kKind = "rocketchat";
    std::string apiUrl;
    base::Secret tokenId;
    std::string tokenIdFile;
    base::Secret token;
    std::string tokenFile;
    std::string channel;
    std::string color = R"({{ if eq .Status "firing" }}red{{ else }}green{{ end }})";
    std::string title = R"({{ template "rocketchat.default.title" . }})";
    std::string titleLink = R"({{ template "rocketchat.default.titlelink" . }})";
    std::string text = R"({{ template "rocketchat.default.text" . }})";
    std::vector<RocketchatField> fieldList;
    bool shortFields = false;
    std::string emoji = R"({{ template "rocketchat.default.emoji" . }})";
    std::string iconUrl = R"({{ template "rocketchat.default.iconurl" . }})";
    std::string imageUrl;
    std::string thumbUrl;
    bool linkNames = false;
    std::vector<RocketchatAction> actions;

    RocketchatConfig() { resolvedToo = false; }
    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeUrl(fields, "api_url", apiUrl);
        describeSecret(fields, "token_id", tokenId, tokenIdFile);
        describeSecret(fields, "token", token, tokenFile);
        fields.field("channel", &channel);
        fields.field("color", &color);
        fields.field("title", &title);
        fields.field("title_link", &titleLink);
        fields.field("text", &text);
        fields.list("fields", fieldList);
        fields.field("short_fields", &shortFields, yaml::Printing::Always);
        fields.field("emoji", &emoji);
        fields.field("icon_url", &iconUrl);
        fields.field("image_url", &imageUrl);
        fields.field("thumb_url", &thumbUrl);
        fields.field("link_names", &linkNames, yaml::Printing::Always);
        fields.list("actions", actions);
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.rocketchatApiUrl);
        inherit(tokenId, tokenIdFile, global.rocketchatTokenId, global.rocketchatTokenIdFile);
        if (tokenId.empty() && tokenIdFile.empty()) {
            return base::invalidArgument(
                "no global Rocketchat TokenID set either inline or in a file");
        }
        inherit(token, tokenFile, global.rocketchatToken, global.rocketchatTokenFile);
        return token.empty() && tokenFile.empty()
                   ? base::invalidArgument(
                         "no global Rocketchat Token set either inline or in a file")
                   : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const RocketchatConfig&, const RocketchatConfig&) = default;
};

class RocketchatIntegration final : public HttpIntegration<RocketchatConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    void attachment(Renderer& r, JsonBody& json) const;
};

void RocketchatIntegration::attachment(Renderer& r, JsonBody& json) const
{
    json.object()
        .optional("title", truncatedRunes(r.title(config_.title), kTitleRunes))
        .optional("title_link", r.text(config_.titleLink))
        .optional("text", r.message(config_.text))
        .optional("image_url", r.text(config_.imageUrl))
        .optional("thumb_url", r.text(config_.thumbUrl))
        .optional("color", r.text(config_.color));
    if (!config_.fieldList.empty() && !r.isShort()) {
        json.array("fields");
        for (const RocketchatField& field : config_.fieldList) {
            json.object()
                .boolean("short", field.isShort.value_or(config_.shortFields))
                .optional("title", r.text(field.title))
                .optional("value", r.text(field.value))
                .end();
        }
        json.endArray();
    }
    if (!config_.actions.empty() && !r.isShort()) {
        json.array("actions");
        for (const RocketchatAction& action : config_.actions) {
            json.object()
                .text("type", "button")
                .optional("text", r.text(action.text))
                .optional("url", r.text(action.url))
                .boolean("is_webview", false)
                .optional("msg", r.text(action.msg))
                .boolean("msg_in_chat_window", false)
                .end();
        }
        json.endArray();
    }
    json.end();
}

SendResult RocketchatIntegration::send(const Notification& notification, base::Duration timeout,
                                       std::stop_token stop)
{
    const auto token = reveal(config_.token, config_.tokenFile);
    const auto tokenId = reveal(config_.tokenId, config_.tokenIdFile);
    if (!token.ok() || !tokenId.ok()) {
        return refused(token.ok() ? tokenId.status() : token.status());
    }
    Renderer r = renderer(notification);
    const std::string channel = r.text(config_.channel);
    JsonBody json;
    json.object()
        .optional("channel", channel)
        .optional("emoji", r.text(config_.emoji))
        .optional("avatar", r.text(config_.iconUrl))
        .array("attachments");
    attachment(r, json);
    json.endArray().end();
    if (!r.status().ok()) {
        return refused(r.status(), FailureReason::ClientError);
    }
    std::string url = config_.apiUrl;
    endWithSlash(url);
    net::HttpResponse response;
    SendResult result =
        sender_.send({.url = url + "api/v1/chat.postMessage",
                      .body = json.line(),
                      .headers = {{"X-Auth-Token", *token}, {"X-User-Id", *tokenId}}},
                     {timeout, std::move(stop)}, {}, &response);
    if (result.status.ok()) {
        const auto answer = discovery::Json::parse(response.body);
        if (!answer.ok()) {
            result = retryable(base::unavailable("could not unmarshal JSON response \"{}\"",
                                                 truncatedBytes(response.body, 1024)),
                               FailureReason::ClientError);
        } else if (!(*answer)["success"].boolean()) {
            result = refused(
                base::unavailable("error response from Rocketchat: {}", (*answer)["error"].text()),
                FailureReason::ClientError);
        }
    }
    if (!result.status.ok()) {
        result.status = base::annotate(result.status, fmt::format("channel \"{}\"", channel));
    }
    return result;
}

absl::StatusOr<std::unique_ptr<Integration>>
RocketchatConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<RocketchatIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeRocketchatConfig()
{
    return std::make_unique<RocketchatConfig>();
}

} // namespace narthex::alertmanager
