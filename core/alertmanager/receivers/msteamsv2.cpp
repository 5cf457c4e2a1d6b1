// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// msteamsv2_configs: an adaptive card for workflows of Teams. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/chat_webhook.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

struct MsteamsV2Config final : ChatWebhookOf<MsteamsV2Config>
{
    static constexpr std::string_view kKind = "msteamsv2";
    std::string title = R"({{ template "msteamsv2.default.title" . }})";
    std::string text = R"({{ template "msteamsv2.default.text" . }})";

    void describe(yaml::Fields& fields) override
    {
        describeWebhook(fields);
        fields.field("title", &title);
        fields.field("text", &text);
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        if (http && http->proxy.url.empty()) {
            http->proxy.url = global.http.proxy.url;
        }
        return ChatWebhookOf::complete(global);
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const MsteamsV2Config&, const MsteamsV2Config&) = default;
};

class MsteamsV2Integration final : public ChatWebhook<MsteamsV2Config>
{
public:
    using ChatWebhook::ChatWebhook;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        Renderer r = renderer(notification);
        JsonBody json;
        json.object()
            .text("type", "message")
            .array("attachments")
            .object()
            .text("contentType", "application/vnd.microsoft.card.adaptive")
            .null("contentUrl")
            .object("content")
            .text("$schema", "http://adaptivecards.io/schemas/adaptive-card.json")
            .text("type", "AdaptiveCard")
            .text("version", "1.2")
            .array("body")
            .object()
            .text("type", "TextBlock")
            .text("text", r.title(config_.title))
            .text("weight", "Bolder")
            .text("size", "Medium")
            .boolean("wrap", true)
            .text("style", "heading")
            .text("color", notification.firing() ? "Attention" : "Good")
            .end()
            .object()
            .text("type", "TextBlock")
            .text("text", r.message(config_.text))
            .boolean("wrap", true)
            .end()
            .endArray()
            .object("msteams")
            .text("width", "full")
            .end()
            .end()
            .end()
            .endArray()
            .end();
        return post(r, json, timeout, std::move(stop));
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
MsteamsV2Config::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<MsteamsV2Integration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeMsteamsV2Config()
{
    return std::make_unique<MsteamsV2Config>();
}

} // namespace narthex::alertmanager
