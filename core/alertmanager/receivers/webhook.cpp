// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// webhook_configs: a POST of the notification as JSON, or of a payload of one's own.
// Source: spec/alertmanager.md, 8.1.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/alertmanager/receivers/webhook_message.h"
#include "core/gotemplate/value_json.h"

namespace narthex::alertmanager {
namespace {

struct WebhookConfig final : HttpReceiverOf<WebhookConfig>
{
    static constexpr std::string_view kKind = "webhook";
    base::Secret url;
    std::string urlFile;
    std::uint64_t maxAlerts = 0;
    base::Duration timeout;
    Tree payload;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        fields.field("url", &url);
        fields.path("url_file", urlFile);
        fields.field("max_alerts", &maxAlerts, yaml::Printing::Always);
        fields.field("timeout", &timeout, yaml::Printing::Always);
        describeTree(fields, "payload", payload);
        if (!fields.reading()) {
            return;
        }
        fields.check(!url.empty() || !urlFile.empty(), "one of url or url_file must be configured");
        atMostOne(fields, "url", !url.empty(), "url_file", !urlFile.empty());
        // What has templates in it is checked once they are expanded.
        if (!url.empty() && url.reveal().find("{{") == std::string::npos) {
            if (const absl::Status status = checkUrl(url.reveal()); !status.ok()) {
                fields.failAt("url", std::string(base::messageOf(status)));
            }
        }
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const WebhookConfig&, const WebhookConfig&) = default;
};

class WebhookIntegration final : public HttpIntegration<WebhookConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        const ShortNotification message = shortened(notification, config_.maxAlerts);
        Renderer renderer = this->renderer(message.notification);
        Call call{.body = webhookMessage(message, "4")};
        if (!config_.payload.empty()) {
            call.body = gotemplate::toJson(renderer.tree(config_.payload.value)) + "\n";
            if (!renderer.status().ok()) {
                return refused(base::annotate(renderer.status(), "failed to render custom payload"),
                               FailureReason::ClientError);
            }
        }
        const auto url = reveal(config_.url, config_.urlFile);
        if (!url.ok()) {
            return refused(base::annotate(url.status(), "read url_file"));
        }
        call.url = renderer.text(*url);
        if (!renderer.status().ok()) {
            return refused(base::annotate(renderer.status(), "failed to template webhook URL"),
                           FailureReason::ClientError);
        }
        if (call.url.empty()) {
            return refused(base::invalidArgument("webhook URL is empty after templating"));
        }
        const Attempt attempt{timeout, std::move(stop)};
        return namingTimeout(sender_.send(call, limited(attempt, config_.timeout)), "webhook",
                             config_.timeout, attempt);
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
WebhookConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<WebhookIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeWebhookConfig() { return std::make_unique<WebhookConfig>(); }

} // namespace narthex::alertmanager
