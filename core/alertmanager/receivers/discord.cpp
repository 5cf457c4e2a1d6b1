// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// discord_configs: a message with one embed. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/chat_webhook.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kTitleRunes = 256;
constexpr std::size_t kMessageRunes = 4096;
constexpr std::size_t kContentRunes = 2000;
constexpr int kRed = 10038562;
constexpr int kGreen = 3066993;

struct DiscordConfig final : ChatWebhookOf<DiscordConfig>
{
    static constexpr std::string_view kKind = "discord";
    std::string content;
    std::string title = R"({{ template "discord.default.title" . }})";
    std::string message = R"({{ template "discord.default.message" . }})";
    std::string username;
    std::string avatarUrl;

    void describe(yaml::Fields& fields) override
    {
        describeWebhook(fields);
        fields.field("content", &content);
        fields.field("title", &title);
        fields.field("message", &message);
        fields.field("username", &username);
        fields.field("avatar_url", &avatarUrl);
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const DiscordConfig&, const DiscordConfig&) = default;
};

class DiscordIntegration final : public ChatWebhook<DiscordConfig>
{
public:
    using ChatWebhook::ChatWebhook;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        Renderer r = renderer(notification);
        JsonBody json;
        json.object()
            .text("content", truncatedRunes(r.isShort() ? std::string() : r.text(config_.content),
                                            kContentRunes))
            .array("embeds")
            .object()
            .text("title", truncatedRunes(r.title(config_.title), kTitleRunes))
            .text("description", truncatedRunes(r.message(config_.message), kMessageRunes))
            .integer("color", notification.firing() ? kRed : kGreen)
            .end()
            .endArray()
            .optional("username", config_.username)
            .optional("avatar_url", config_.avatarUrl)
            .end();
        return post(r, json, timeout, std::move(stop));
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
DiscordConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<DiscordIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeDiscordConfig() { return std::make_unique<DiscordConfig>(); }

} // namespace narthex::alertmanager
