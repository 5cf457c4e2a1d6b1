// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// victorops_configs: an alert of Splunk On-Call. Source: spec/alertmanager.md, 8.6.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"

#include <absl/functional/function_ref.h>
#include <fmt/format.h>

#include <array>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kStateMessageRunes = 20480;
constexpr std::array<std::string_view, 7> kReserved{
    "routing_key",     "message_type", "state_message", "entity_display_name",
    "monitoring_tool", "entity_id",    "entity_state"};

struct VictoropsConfig final : HttpReceiverOf<VictoropsConfig>
{
    static constexpr std::string_view kKind = "victorops";
    base::Secret apiKey;
    std::string apiKeyFile;
    std::string apiUrl;
    std::string routingKey;
    std::string messageType = "CRITICAL";
    std::string stateMessage = R"({{ template "victorops.default.state_message" . }})";
    std::string entityDisplayName = R"({{ template "victorops.default.entity_display_name" . }})";
    std::string monitoringTool = R"({{ template "victorops.default.monitoring_tool" . }})";
    std::map<std::string, std::string> customFields;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecret(fields, "api_key", apiKey, apiKeyFile);
        describeUrl(fields, "api_url", apiUrl);
        fields.field("routing_key", &routingKey);
        fields.field("message_type", &messageType);
        fields.field("state_message", &stateMessage);
        fields.field("entity_display_name", &entityDisplayName);
        fields.field("monitoring_tool", &monitoringTool);
        fields.field("custom_fields", &customFields);
        if (!fields.reading()) {
            return;
        }
        fields.check(!routingKey.empty(), "missing Routing key in VictorOps config");
        for (const std::string_view name : kReserved) {
            if (customFields.contains(std::string(name))) {
                fields.failAt(
                    "custom_fields",
                    fmt::format("victorOps config contains custom field {} which cannot be "
                                "used as it conflicts with the fixed/static fields",
                                name));
            }
        }
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.victoropsApiUrl);
        endWithSlash(apiUrl);
        inherit(apiKey, apiKeyFile, global.victoropsApiKey, global.victoropsApiKeyFile);
        return apiKey.empty() && apiKeyFile.empty()
                   ? base::invalidArgument("no global VictorOps API Key set")
                   : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const VictoropsConfig&, const VictoropsConfig&) = default;
};

class VictoropsIntegration final : public HttpIntegration<VictoropsConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        return post(notification, {timeout, std::move(stop)}, [&](Renderer& r) -> std::string {
            if (!notification.firing()) {
                return "RECOVERY";
            }
            std::string type = r.text(config_.messageType);
            return type == "INFO" || type == "WARNING" ? type : "CRITICAL";
        });
    }
    std::optional<SendResult> acknowledge(const Notification& notification,
                                          const AcknowledgementNote& /*note*/,
                                          base::Duration timeout, std::stop_token stop) override
    {
        return post(notification, {timeout, std::move(stop)},
                    [](Renderer&) -> std::string { return "ACKNOWLEDGEMENT"; });
    }

private:
    SendResult post(const Notification& notification, const Attempt& attempt,
                    absl::FunctionRef<std::string(Renderer&)> messageType)
    {
        const auto key = reveal(config_.apiKey, config_.apiKeyFile);
        if (!key.ok()) {
            return refused(base::annotate(key.status(), "failed to read API key from file"));
        }
        Renderer r = renderer(notification);
        // In the order of the names.
        std::map<std::string, std::string> message{
            {"entity_display_name", r.text(config_.entityDisplayName)},
            {"entity_id", hashOfKey(notification.groupKey)},
            {"message_type", messageType(r)},
            {"monitoring_tool", r.text(config_.monitoringTool)},
            {"state_message", truncatedRunes(r.text(config_.stateMessage), kStateMessageRunes)}};
        for (const auto& [name, value] : config_.customFields) {
            message[name] = r.text(value);
        }
        const std::string url =
            config_.apiUrl + *key + "/" + net::percentEncode(r.text(config_.routingKey));
        if (!r.status().ok()) {
            return refused(base::annotate(r.status(), "templating error"),
                           FailureReason::ClientError);
        }
        JsonBody json;
        json.object();
        for (const auto& [name, value] : message) {
            json.text(name, value);
        }
        json.end();
        return sender_.send({.url = url, .body = json.line()}, attempt);
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
VictoropsConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<VictoropsIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeVictoropsConfig()
{
    return std::make_unique<VictoropsConfig>();
}

} // namespace narthex::alertmanager
