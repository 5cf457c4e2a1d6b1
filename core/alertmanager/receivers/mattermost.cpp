// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// mattermost_configs: a message with attachments for an incoming webhook.
// Source: spec/alertmanager.md, 8.13.
#include "core/alertmanager/receivers/chat_webhook.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kTextRunes = 16383;

struct Mattermost
{
    static constexpr std::string_view kName = "Mattermost";
};
using MattermostField = ChatField<Mattermost>;

struct MattermostAttachment
{
    std::string fallback;
    std::string color;
    std::string pretext;
    std::string text;
    std::string authorName;
    std::string authorLink;
    std::string authorIcon;
    std::string title;
    std::string titleLink;
    std::vector<MattermostField> fieldList;
    std::string thumbUrl;
    std::string footer;
    std::string footerIcon;
    std::string imageUrl;
    void describe(yaml::Fields& fields)
    {
        fields.field("fallback", &fallback);
        fields.field("color", &color);
        fields.field("pretext", &pretext);
        fields.field("text", &text);
        fields.field("author_name", &authorName);
        fields.field("author_link", &authorLink);
        fields.field("author_icon", &authorIcon);
        fields.field("title", &title);
        fields.field("title_link", &titleLink);
        fields.list("fields", fieldList);
        fields.field("thumb_url", &thumbUrl);
        fields.field("footer", &footer);
        fields.field("footer_icon", &footerIcon);
        fields.field("image_url", &imageUrl);
    }
    friend bool operator==(const MattermostAttachment&, const MattermostAttachment&) = default;
};

struct MattermostProps
{
    std::string card;
    void describe(yaml::Fields& fields) { fields.field("card", &card); }
    friend bool operator==(const MattermostProps&, const MattermostProps&) = default;
};

struct MattermostPriority
{
    std::string priority;
    bool requestedAck = false;
    bool persistentNotifications = false;
    void describe(yaml::Fields& fields)
    {
        fields.field("priority", &priority);
        fields.field("requested_ack", &requestedAck);
        fields.field("persistent_notifications", &persistentNotifications);
    }
    friend bool operator==(const MattermostPriority&, const MattermostPriority&) = default;
};

struct MattermostConfig final : HttpReceiverOf<MattermostConfig>
{
    static constexpr std::string_view kKind = "mattermost";
    base::Secret webhookUrl;
    std::string webhookUrlFile;
    std::string channel;
    std::string username = R"({{ template "mattermost.default.username" . }})";
    /// The single keys, of which an attachment is made when none is given.
    MattermostAttachment own{.fallback = R"({{ template "mattermost.default.fallback" . }})",
                             .color = R"({{ template "mattermost.default.color" . }})",
                             .text = R"({{ template "mattermost.default.text" . }})",
                             .title = R"({{ template "mattermost.default.title" . }})",
                             .titleLink = R"({{ template "mattermost.default.titlelink" . }})"};
    std::string iconUrl;
    std::string iconEmoji;
    std::vector<MattermostAttachment> attachments;
    std::string type;
    std::optional<MattermostProps> props;
    std::optional<MattermostPriority> priority;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecretUrl(fields, "webhook_url", webhookUrl, webhookUrlFile);
        fields.field("channel", &channel);
        fields.field("username", &username);
        own.describe(fields);
        fields.field("icon_url", &iconUrl);
        fields.field("icon_emoji", &iconEmoji);
        fields.list("attachments", attachments);
        fields.field("type", &type);
        fields.section("props", props);
        fields.section("priority", priority);
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(webhookUrl, webhookUrlFile, global.mattermostWebhookUrl,
                global.mattermostWebhookUrlFile);
        return webhookUrl.empty() && webhookUrlFile.empty()
                   ? base::invalidArgument(
                         "missing webhook_url or webhook_url_file on mattermost_config")
                   : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const MattermostConfig&, const MattermostConfig&) = default;
};

class MattermostIntegration final : public HttpIntegration<MattermostConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    static void attachment(Renderer& r, JsonBody& json, const MattermostAttachment& attachment,
                           const std::string& text);
    void priority(Renderer& r, JsonBody& json) const;
};

void MattermostIntegration::attachment(Renderer& r, JsonBody& json,
                                       const MattermostAttachment& attachment,
                                       const std::string& text)
{
    json.object()
        .optional("fallback", r.title(attachment.fallback))
        .optional("color", r.text(attachment.color))
        .optional("pretext", r.isShort() ? std::string() : r.text(attachment.pretext))
        .optional("text", text)
        .optional("author_name", r.text(attachment.authorName))
        .optional("author_link", r.text(attachment.authorLink))
        .optional("author_icon", r.text(attachment.authorIcon))
        .optional("title", r.title(attachment.title))
        .optional("title_link", r.text(attachment.titleLink));
    if (!attachment.fieldList.empty() && !r.isShort()) {
        json.array("fields");
        for (const MattermostField& field : attachment.fieldList) {
            json.object()
                .optional("title", r.text(field.title))
                .optional("value", r.text(field.value));
            if (field.isShort) {
                json.boolean("short", *field.isShort);
            }
            json.end();
        }
        json.endArray();
    }
    json.optional("thumb_url", r.text(attachment.thumbUrl))
        .optional("footer", r.text(attachment.footer))
        .optional("footer_icon", r.text(attachment.footerIcon))
        .optional("image_url", r.text(attachment.imageUrl))
        .end();
}

void MattermostIntegration::priority(Renderer& r, JsonBody& json) const
{
    if (!config_.priority || config_.priority->priority.empty()) {
        return;
    }
    std::string level = relabel::mapCase(r.text(config_.priority->priority), false);
    if (level != "urgent" && level != "important") {
        level = "standard";
    }
    json.object("priority")
        .text("priority", level)
        .flag("requested_ack", config_.priority->requestedAck && level != "standard")
        .flag("persistent_notifications",
              config_.priority->persistentNotifications && level == "urgent")
        .end();
}

SendResult MattermostIntegration::send(const Notification& notification, base::Duration timeout,
                                       std::stop_token stop)
{
    const auto url = reveal(config_.webhookUrl, config_.webhookUrlFile);
    if (!url.ok() || url->empty()) {
        return refused(url.ok() ? base::invalidArgument("webhook url missing") : url.status());
    }
    Renderer r = renderer(notification);
    const std::string text = r.message(config_.own.text);
    const std::string channel = r.text(config_.channel);
    JsonBody json;
    json.object();
    const bool several = !config_.attachments.empty() && !r.isShort();
    if (several) {
        json.optional("text", truncatedRunes(text, kTextRunes));
    }
    json.optional("channel", channel)
        .optional("username", r.text(config_.username))
        .optional("icon_url", r.text(config_.iconUrl))
        .optional("icon_emoji", r.text(config_.iconEmoji))
        .array("attachments");
    if (several) {
        for (const MattermostAttachment& each : config_.attachments) {
            attachment(r, json, each, r.text(each.text));
        }
    } else {
        attachment(r, json, config_.own, truncatedRunes(text, kTextRunes));
    }
    json.endArray().optional("type", r.text(config_.type));
    if (config_.props && !config_.props->card.empty()) {
        json.object("props").optional("card", r.text(config_.props->card)).end();
    }
    priority(r, json);
    json.end();
    if (!r.status().ok()) {
        return refused(r.status(), FailureReason::ClientError);
    }
    SendResult result =
        sender_.send({.url = *url, .body = json.line()}, {timeout, std::move(stop)});
    if (!result.status.ok()) {
        result.status = base::annotate(result.status, fmt::format("channel \"{}\"", channel));
    }
    return result;
}

absl::StatusOr<std::unique_ptr<Integration>>
MattermostConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<MattermostIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeMattermostConfig()
{
    return std::make_unique<MattermostConfig>();
}

} // namespace narthex::alertmanager
