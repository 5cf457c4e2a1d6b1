// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// opsgenie_configs: alerts are created, changed, closed. Source: spec/alertmanager.md, 8.5;
// spec/acknowledge.md, 4.5.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/alertmanager/receivers/template_data.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kMessageRunes = 130;

struct OpsgenieResponder
{
    std::string id;
    std::string name;
    std::string username;
    std::string type;

    void describe(yaml::Fields& fields)
    {
        fields.field("id", &id);
        fields.field("name", &name);
        fields.field("username", &username);
        fields.field("type", &type);
        if (fields.reading()) {
            check(fields);
        }
    }
    void check(yaml::Fields& fields)
    {
        constexpr std::array<std::string_view, 5> kTypes{"team", "teams", "user", "escalation",
                                                         "schedule"};
        if (id.empty() && username.empty() && name.empty()) {
            fields.fail(fmt::format("opsGenieConfig responder {} has to have at least one of id, "
                                    "username or name specified",
                                    shown()));
            return;
        }
        if (type.find("{{") != std::string::npos) {
            return;
        }
        type = relabel::mapCase(type, false);
        if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
            fields.fail(fmt::format("opsGenieConfig responder {} type does not match valid options "
                                    "^(team|teams|user|escalation|schedule)$",
                                    shown()));
        }
    }
    [[nodiscard]] std::string shown() const
    {
        return fmt::format("{{{} {} {} {}}}", id, name, username, type);
    }
    friend bool operator==(const OpsgenieResponder&, const OpsgenieResponder&) = default;
};

struct OpsgenieConfig final : HttpReceiverOf<OpsgenieConfig>
{
    static constexpr std::string_view kKind = "opsgenie";
    base::Secret apiKey;
    std::string apiKeyFile;
    std::string apiUrl;
    std::string message = R"({{ template "opsgenie.default.message" . }})";
    std::string description = R"({{ template "opsgenie.default.description" . }})";
    std::string source = R"({{ template "opsgenie.default.source" . }})";
    std::map<std::string, std::string> details;
    std::string entity;
    std::vector<OpsgenieResponder> responders;
    std::string actions;
    std::string tags;
    std::string note;
    std::string priority;
    bool updateAlerts = false;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecret(fields, "api_key", apiKey, apiKeyFile);
        describeUrl(fields, "api_url", apiUrl);
        fields.field("message", &message);
        fields.field("description", &description);
        fields.field("source", &source);
        fields.field("details", &details);
        fields.field("entity", &entity);
        fields.list("responders", responders);
        fields.field("actions", &actions);
        fields.field("tags", &tags);
        fields.field("note", &note);
        fields.field("priority", &priority);
        fields.field("update_alerts", &updateAlerts);
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.opsgenieApiUrl);
        endWithSlash(apiUrl);
        inherit(apiKey, apiKeyFile, global.opsgenieApiKey, global.opsgenieApiKeyFile);
        return apiKey.empty() && apiKeyFile.empty()
                   ? base::invalidArgument(
                         "no global OpsGenie API Key set either inline or in a file")
                   : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const OpsgenieConfig&, const OpsgenieConfig&) = default;
};

std::vector<std::string> splitted(std::string_view text)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view part = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const std::size_t first = part.find_first_not_of(" \t\r\n");
        if (first != std::string_view::npos) {
            part = part.substr(first, part.find_last_not_of(" \t\r\n") - first + 1);
            parts.emplace_back(part);
        }
    }
    return parts;
}

class OpsgenieIntegration final : public HttpIntegration<OpsgenieConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;
    std::optional<SendResult> acknowledge(const Notification& notification,
                                          const AcknowledgementNote& note, base::Duration timeout,
                                          std::stop_token stop) override
    {
        JsonBody json;
        json.object().text("user", note.author).text("note", note.comment).end();
        return sendAll({{.url = addressOf(notification, "acknowledge"), .body = json.line()}},
                       {timeout, std::move(stop)});
    }

private:
    [[nodiscard]] std::string addressOf(const Notification& notification,
                                        std::string_view what) const
    {
        return fmt::format("{}v2/alerts/{}/{}?identifierType=alias", config_.apiUrl,
                           hashOfKey(notification.groupKey), what);
    }
    SendResult sendAll(std::vector<Call> calls, const Attempt& attempt) const;
    std::string creation(Renderer& r, const Notification& notification, const std::string& message,
                         const std::string& description) const;
    void responders(Renderer& r, JsonBody& json) const;
};

SendResult OpsgenieIntegration::sendAll(std::vector<Call> calls, const Attempt& attempt) const
{
    const auto key = reveal(config_.apiKey, config_.apiKeyFile);
    if (!key.ok()) {
        return refused(base::annotate(key.status(), "read key_file error"));
    }
    for (Call& call : calls) {
        call.headers.emplace_back("Authorization", "GenieKey " + *key);
        if (SendResult result = sender_.send(call, attempt, {.retryCode = 429});
            !result.status.ok()) {
            return result;
        }
    }
    return succeeded();
}

void OpsgenieIntegration::responders(Renderer& r, JsonBody& json) const
{
    std::vector<OpsgenieResponder> all;
    for (const OpsgenieResponder& responder : config_.responders) {
        OpsgenieResponder each{r.text(responder.id), r.text(responder.name),
                               r.text(responder.username), r.text(responder.type)};
        if (each == OpsgenieResponder{}) {
            continue;
        }
        if (each.type == "teams") {
            for (const std::string& team : splitted(each.name)) {
                all.push_back({.name = team, .type = "team"});
            }
        } else {
            all.push_back(std::move(each));
        }
    }
    if (all.empty()) {
        return;
    }
    json.array("responders");
    for (const OpsgenieResponder& each : all) {
        json.object()
            .optional("id", each.id)
            .optional("name", each.name)
            .optional("username", each.username)
            .text("type", each.type)
            .end();
    }
    json.endArray();
}

std::string OpsgenieIntegration::creation(Renderer& r, const Notification& notification,
                                          const std::string& message,
                                          const std::string& description) const
{
    gotemplate::TextMap details = commonPairs(notification, &NotifiedAlert::labels);
    for (const auto& [name, text] : config_.details) {
        details[name] = r.text(text);
    }
    JsonBody json;
    json.object()
        .text("alias", hashOfKey(notification.groupKey))
        .text("message", message)
        .optional("description", description)
        .value("details", details)
        .text("source", r.text(config_.source));
    responders(r, json);
    if (const auto tags = splitted(r.text(config_.tags)); !tags.empty()) {
        json.texts("tags", tags);
    }
    json.optional("note", r.text(config_.note))
        .optional("priority", r.text(config_.priority))
        .optional("entity", r.text(config_.entity));
    if (const auto actions = splitted(r.text(config_.actions)); !actions.empty()) {
        json.texts("actions", actions);
    }
    return json.end().line();
}

SendResult OpsgenieIntegration::send(const Notification& notification, base::Duration timeout,
                                     std::stop_token stop)
{
    Renderer r = renderer(notification);
    std::vector<Call> calls;
    if (notification.firing()) {
        const std::string message = truncatedRunes(r.text(config_.message), kMessageRunes);
        const std::string description = r.text(config_.description);
        calls.push_back({.url = config_.apiUrl + "v2/alerts",
                         .body = creation(r, notification, message, description)});
        if (config_.updateAlerts) {
            JsonBody first;
            first.object().optional("message", message).end();
            calls.push_back(
                {.method = "PUT", .url = addressOf(notification, "message"), .body = first.line()});
            JsonBody second;
            second.object().optional("description", description).end();
            calls.push_back({.method = "PUT",
                             .url = addressOf(notification, "description"),
                             .body = second.line()});
        }
    } else {
        JsonBody json;
        json.object().text("source", r.text(config_.source)).end();
        calls.push_back({.url = addressOf(notification, "close"), .body = json.line()});
    }
    if (!r.status().ok()) {
        return refused(base::annotate(r.status(), "templating error"), FailureReason::ClientError);
    }
    return sendAll(std::move(calls), {timeout, std::move(stop)});
}

absl::StatusOr<std::unique_ptr<Integration>>
OpsgenieConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<OpsgenieIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeOpsgenieConfig() { return std::make_unique<OpsgenieConfig>(); }

} // namespace narthex::alertmanager
