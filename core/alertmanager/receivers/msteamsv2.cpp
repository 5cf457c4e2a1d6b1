// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// msteamsv2_configs: an adaptive card for workflows of Teams. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

struct MsteamsV2Config final : HttpReceiverOf<MsteamsV2Config>
{
    static constexpr std::string_view kKind = "msteamsv2";
    base::Secret webhookUrl;
    std::string webhookUrlFile;
    std::string title = R"({{ template "msteamsv2.default.title" . }})";
    std::string text = R"({{ template "msteamsv2.default.text" . }})";

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecretUrl(fields, "webhook_url", webhookUrl, webhookUrlFile);
        fields.field("title", &title);
        fields.field("text", &text);
        fields.check(!fields.reading() || !webhookUrl.empty() || !webhookUrlFile.empty(),
                     "one of webhook_url or webhook_url_file must be configured");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        if (http && http->proxy.url.empty()) {
            http->proxy.url = global.http.proxy.url;
        }
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const MsteamsV2Config&, const MsteamsV2Config&) = default;
};

class MsteamsV2Integration final : public HttpIntegration<MsteamsV2Config>
{
public:
    using HttpIntegration::HttpIntegration;

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
