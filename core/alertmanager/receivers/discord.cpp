// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// discord_configs: a message with one embed. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kTitleRunes = 256;
constexpr std::size_t kMessageRunes = 4096;
constexpr std::size_t kContentRunes = 2000;
constexpr int kRed = 10038562;
constexpr int kGreen = 3066993;

struct DiscordConfig final : HttpReceiverOf<DiscordConfig>
{
    static constexpr std::string_view kKind = "discord";
    base::Secret webhookUrl;
    std::string webhookUrlFile;
    std::string content;
    std::string title = R"({{ template "discord.default.title" . }})";
    std::string message = R"({{ template "discord.default.message" . }})";
    std::string username;
    std::string avatarUrl;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecretUrl(fields, "webhook_url", webhookUrl, webhookUrlFile);
        fields.field("content", &content);
        fields.field("title", &title);
        fields.field("message", &message);
        fields.field("username", &username);
        fields.field("avatar_url", &avatarUrl);
        fields.check(!fields.reading() || !webhookUrl.empty() || !webhookUrlFile.empty(),
                     "one of webhook_url or webhook_url_file must be configured");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const DiscordConfig&, const DiscordConfig&) = default;
};

class DiscordIntegration final : public HttpIntegration<DiscordConfig>
{
public:
    using HttpIntegration::HttpIntegration;

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
        if (!r.status().ok()) {
            return refused(r.status(), FailureReason::ClientError);
        }
        const auto url = reveal(config_.webhookUrl, config_.webhookUrlFile);
        if (!url.ok()) {
            return refused(base::annotate(url.status(), "read webhook_url_file"));
        }
        return sender_.send({.url = *url, .body = json.line()}, {timeout, std::move(stop)});
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
