// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// msteams_configs: a message card for connectors of Teams. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/chat_webhook.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

struct MsteamsConfig final : ChatWebhookOf<MsteamsConfig>
{
    static constexpr std::string_view kKind = "msteams";
    std::string title = R"({{ template "msteams.default.title" . }})";
    std::string summary = R"({{ template "msteams.default.summary" . }})";
    std::string text = R"({{ template "msteams.default.text" . }})";

    void describe(yaml::Fields& fields) override
    {
        describeWebhook(fields);
        fields.field("title", &title);
        fields.field("summary", &summary);
        fields.field("text", &text);
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const MsteamsConfig&, const MsteamsConfig&) = default;
};

class MsteamsIntegration final : public ChatWebhook<MsteamsConfig>
{
public:
    using ChatWebhook::ChatWebhook;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        Renderer r = renderer(notification);
        JsonBody json;
        json.object()
            .text("@context", "http://schema.org/extensions")
            .text("type", "MessageCard")
            .text("title", r.title(config_.title))
            .text("summary", r.title(config_.summary))
            .text("text", r.message(config_.text))
            .text("themeColor", notification.firing() ? "8C1A1A" : "2DC72D")
            .end();
        return post(r, json, timeout, std::move(stop));
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
MsteamsConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<MsteamsIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeMsteamsConfig() { return std::make_unique<MsteamsConfig>(); }

} // namespace narthex::alertmanager
