// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// webex_configs: a message in a room. Source: spec/alertmanager.md, 8.10.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kMessageBytes = 7439;

struct WebexConfig final : HttpReceiverOf<WebexConfig>
{
    static constexpr std::string_view kKind = "webex";
    std::string apiUrl;
    std::string message = R"({{ template "webex.default.message" . }})";
    std::string roomId;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeUrl(fields, "api_url", apiUrl);
        fields.field("message", &message);
        fields.field("room_id", &roomId);
        if (!fields.reading()) {
            return;
        }
        fields.check(!roomId.empty(), "missing room_id on webex_config");
        fields.check(roomId.empty() || (http && http->authorization),
                     "missing webex_configs.http_config.authorization");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.webexApiUrl);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const WebexConfig&, const WebexConfig&) = default;
};

class WebexIntegration final : public HttpIntegration<WebexConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        Renderer r = renderer(notification);
        JsonBody json;
        json.object()
            .text("markdown", truncatedBytes(r.message(config_.message), kMessageBytes))
            .optional("roomId", r.text(config_.roomId))
            .end();
        if (!r.status().ok()) {
            return refused(r.status(), FailureReason::ClientError);
        }
        return sender_.send({.url = config_.apiUrl, .body = json.line()},
                            {timeout, std::move(stop)});
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
WebexConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<WebexIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeWebexConfig() { return std::make_unique<WebexConfig>(); }

} // namespace narthex::alertmanager
