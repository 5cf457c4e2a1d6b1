// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// incidentio_configs: the message of a webhook with a token. Source: spec/alertmanager.md, 8.13.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/alertmanager/receivers/webhook_message.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kBodyBytes = 512 * 1024;

struct IncidentioConfig final : HttpReceiverOf<IncidentioConfig>
{
    static constexpr std::string_view kKind = "incidentio";
    std::string url;
    std::string urlFile;
    base::Secret alertSourceToken;
    std::string alertSourceTokenFile;
    std::uint64_t maxAlerts = 0;
    base::Duration timeout;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeUrl(fields, "url", url);
        fields.path("url_file", urlFile);
        describeSecret(fields, "alert_source_token", alertSourceToken, alertSourceTokenFile);
        fields.field("max_alerts", &maxAlerts, yaml::Printing::Always);
        fields.field("timeout", &timeout, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        const bool token = !alertSourceToken.empty() || !alertSourceTokenFile.empty();
        fields.check(!url.empty() || !urlFile.empty(), "one of url or url_file must be configured");
        atMostOne(fields, "url", !url.empty(), "url_file", !urlFile.empty());
        fields.check(!token || !http || !http->authorization,
                     "cannot specify alert_source_token or alert_source_token_file when using "
                     "http_config.authorization");
        fields.check(token || !http || http->authorization,
                     "at least one of alert_source_token, alert_source_token_file or "
                     "http_config.authorization must be configured");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const IncidentioConfig&, const IncidentioConfig&) = default;
};

class IncidentioIntegration final : public HttpIntegration<IncidentioConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    /// What it keeps is the state of alerts: a short message has no place there.
    std::optional<SendResult> acknowledge(const Notification& /*notification*/,
                                          const AcknowledgementNote& /*note*/,
                                          base::Duration /*timeout*/,
                                          std::stop_token /*stop*/) override
    {
        return std::nullopt;
    }
    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        ShortNotification message = shortened(notification, config_.maxAlerts);
        Call call{.body = webhookMessage(message, "1")};
        if (call.body.size() > kBodyBytes) {
            message.notification.alerts.resize(1);
            call.body = webhookMessage(message, "1");
        }
        const auto url = reveal(base::Secret(config_.url), config_.urlFile);
        const auto token = reveal(config_.alertSourceToken, config_.alertSourceTokenFile);
        if (!url.ok() || !token.ok()) {
            return refused(
                url.ok() ? base::annotate(token.status(), "failed to read alert_source_token_file")
                         : base::annotate(url.status(), "read url_file"));
        }
        call.url = *url;
        if (!token->empty()) {
            call.headers.emplace_back("Authorization", "Bearer " + *token);
        }
        const Attempt attempt{timeout, std::move(stop)};
        return namingTimeout(sender_.send(call, limited(attempt, config_.timeout),
                                          {.retryCode = 429, .details = describeError}),
                             "incident.io", config_.timeout, attempt);
    }

private:
    static std::string describeError(int /*status*/, std::string_view body)
    {
        const auto answer = discovery::Json::parse(body);
        if (!answer.ok()) {
            return {};
        }
        std::vector<std::string> parts{
            (*answer)["message"].text(), (*answer)["error"].text(),
            fmt::format("{}", fmt::join((*answer)["errors"].texts(), ", "))};
        std::erase(parts, "");
        return fmt::format("{}", fmt::join(parts, ": "));
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
IncidentioConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<IncidentioIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeIncidentioConfig()
{
    return std::make_unique<IncidentioConfig>();
}

} // namespace narthex::alertmanager
