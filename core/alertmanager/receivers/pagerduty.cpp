// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// pagerduty_configs: events of both versions of the API. Source: spec/alertmanager.md, 8.4;
// spec/acknowledge.md, 4.5.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kSummaryRunes = 1024;
constexpr std::size_t kEventBytes = 512'000;
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kDetails{
    {{"firing", "{{ toJson .Alerts.Firing }}"},
     {"resolved", "{{ toJson .Alerts.Resolved }}"},
     {"num_firing", "{{ len .Alerts.Firing }}"},
     {"num_resolved", "{{ len .Alerts.Resolved }}"}}};

struct PagerdutyImage
{
    std::string src;
    std::string alt;
    std::string href;
    void describe(yaml::Fields& fields)
    {
        fields.field("src", &src);
        fields.field("alt", &alt);
        fields.field("href", &href);
    }
    friend bool operator==(const PagerdutyImage&, const PagerdutyImage&) = default;
};

struct PagerdutyLink
{
    std::string href;
    std::string text;
    void describe(yaml::Fields& fields)
    {
        fields.field("href", &href);
        fields.field("text", &text);
    }
    friend bool operator==(const PagerdutyLink&, const PagerdutyLink&) = default;
};

struct PagerdutyConfig final : HttpReceiverOf<PagerdutyConfig>
{
    static constexpr std::string_view kKind = "pagerduty";
    base::Secret serviceKey;
    std::string serviceKeyFile;
    base::Secret routingKey;
    std::string routingKeyFile;
    std::string url;
    std::string client = R"({{ template "pagerduty.default.client" . }})";
    std::string clientUrl = R"({{ template "pagerduty.default.clientURL" . }})";
    std::string description = R"({{ template "pagerduty.default.description" . }})";
    Tree details;
    std::vector<PagerdutyImage> images;
    std::vector<PagerdutyLink> links;
    std::string source;
    std::string severity;
    std::string eventClass;
    std::string component;
    std::string group;
    base::Duration timeout;

    void describe(yaml::Fields& fields) override;
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(url, global.pagerdutyUrl);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    [[nodiscard]] bool isFirstVersion() const
    {
        return !serviceKey.empty() || !serviceKeyFile.empty();
    }
    friend bool operator==(const PagerdutyConfig&, const PagerdutyConfig&) = default;

private:
    void check(yaml::Fields& fields);
};

void PagerdutyConfig::describe(yaml::Fields& fields)
{
    describeCommon(fields);
    describeSecret(fields, "service_key", serviceKey, serviceKeyFile);
    describeSecret(fields, "routing_key", routingKey, routingKeyFile);
    describeUrl(fields, "url", url);
    fields.field("client", &client);
    fields.field("client_url", &clientUrl);
    fields.field("description", &description);
    describeTree(fields, "details", details);
    fields.list("images", images);
    fields.list("links", links);
    fields.field("source", &source);
    fields.field("severity", &severity);
    fields.field("class", &eventClass);
    fields.field("component", &component);
    fields.field("group", &group);
    fields.field("timeout", &timeout, yaml::Printing::Always);
    if (fields.reading()) {
        check(fields);
    }
}

void PagerdutyConfig::check(yaml::Fields& fields)
{
    fields.check(isFirstVersion() || !routingKey.empty() || !routingKeyFile.empty(),
                 "missing service or routing key in PagerDuty config");
    inherit(source, client);
    const auto* own = details.value.as<std::shared_ptr<const gotemplate::Map>>();
    if (own == nullptr && !details.empty()) {
        fields.failAt("details", "cannot unmarshal details: a mapping is needed here");
        return;
    }
    gotemplate::Map all = own == nullptr ? gotemplate::Map() : **own;
    for (const auto& [name, text] : kDetails) {
        all.emplace(name, text);
    }
    details.value = std::move(all);
}

class PagerdutyIntegration final : public HttpIntegration<PagerdutyConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        return event(notification, notification.firing() ? "trigger" : "resolve",
                     {timeout, std::move(stop)});
    }
    std::optional<SendResult> acknowledge(const Notification& notification,
                                          const AcknowledgementNote& /*note*/,
                                          base::Duration timeout, std::stop_token stop) override
    {
        return event(notification, "acknowledge", {timeout, std::move(stop)});
    }

private:
    /// Everything of an event but its details.
    using Write = std::string (PagerdutyIntegration::*)(Renderer&, const std::string& key,
                                                        const Notification&,
                                                        std::string_view action,
                                                        const gotemplate::Value& details) const;

    SendResult event(const Notification& notification, std::string_view action,
                     const Attempt& attempt) const;
    std::string first(Renderer& r, const std::string& key, const Notification& notification,
                      std::string_view action, const gotemplate::Value& details) const;
    std::string second(Renderer& r, const std::string& key, const Notification& notification,
                       std::string_view action, const gotemplate::Value& details) const;
    void imagesAndLinks(Renderer& r, JsonBody& json) const;

    static std::string describeError(int status, std::string_view body)
    {
        const auto answer = discovery::Json::parse(body);
        if (status != 400 || !answer.ok()) {
            return {};
        }
        return fmt::format("{}: {}", (*answer)["message"].text(),
                           fmt::join((*answer)["errors"].texts(), ","));
    }
};

std::string PagerdutyIntegration::first(Renderer& r, const std::string& key,
                                        const Notification& notification, std::string_view action,
                                        const gotemplate::Value& details) const
{
    JsonBody json;
    json.object()
        .optional("service_key", r.text(key))
        .optional("incident_key", hashOfKey(notification.groupKey))
        .optional("event_type", action)
        .optional("description", truncatedRunes(r.text(config_.description), kSummaryRunes));
    if (action == "trigger") {
        json.optional("client", r.text(config_.client))
            .optional("client_url", r.text(config_.clientUrl));
    }
    return json.value("details", details).end().line();
}

void PagerdutyIntegration::imagesAndLinks(Renderer& r, JsonBody& json) const
{
    std::vector<PagerdutyImage> images;
    for (const PagerdutyImage& image : config_.images) {
        images.push_back({r.text(image.src), r.text(image.alt), r.text(image.href)});
    }
    std::erase_if(images, [](const PagerdutyImage& image) { return image.src.empty(); });
    if (!images.empty()) {
        json.array("images");
        for (const PagerdutyImage& image : images) {
            json.object()
                .text("src", image.src)
                .text("alt", image.alt)
                .text("href", image.href)
                .end();
        }
        json.endArray();
    }
    std::vector<PagerdutyLink> links;
    for (const PagerdutyLink& link : config_.links) {
        links.push_back({r.text(link.href), r.text(link.text)});
    }
    std::erase_if(links, [](const PagerdutyLink& link) { return link.href.empty(); });
    if (!links.empty()) {
        json.array("links");
        for (const PagerdutyLink& link : links) {
            json.object().text("href", link.href).text("text", link.text).end();
        }
        json.endArray();
    }
}

std::string PagerdutyIntegration::second(Renderer& r, const std::string& key,
                                         const Notification& notification, std::string_view action,
                                         const gotemplate::Value& details) const
{
    JsonBody json;
    json.object()
        .optional("routing_key", r.text(key))
        .optional("dedup_key", hashOfKey(notification.groupKey))
        .text("event_action", action)
        .object("payload")
        .text("summary", truncatedRunes(r.text(config_.description), kSummaryRunes))
        .text("source", r.text(config_.source))
        .text("severity", r.text(config_.severity.empty() ? "error" : config_.severity))
        .optional("class", r.text(config_.eventClass))
        .optional("component", r.text(config_.component))
        .optional("group", r.text(config_.group))
        .value("custom_details", details)
        .end()
        .optional("client", r.text(config_.client))
        .optional("client_url", r.text(config_.clientUrl));
    imagesAndLinks(r, json);
    return json.end().line();
}

SendResult PagerdutyIntegration::event(const Notification& notification, std::string_view action,
                                       const Attempt& attempt) const
{
    const bool old = config_.isFirstVersion();
    const auto key = old ? reveal(config_.serviceKey, config_.serviceKeyFile)
                         : reveal(config_.routingKey, config_.routingKeyFile);
    if (!key.ok()) {
        return refused(base::annotate(key.status(), old ? "failed to read service key from file"
                                                        : "failed to read routing key from file"));
    }
    Renderer r = renderer(notification);
    const gotemplate::Value details = r.tree(config_.details.value);
    const Write write = old ? &PagerdutyIntegration::first : &PagerdutyIntegration::second;
    if (r.text(*key).empty() && r.status().ok()) {
        return refused(
            base::invalidArgument("{} key cannot be empty", old ? "service" : "routing"));
    }
    Call call{.url = old ? fixedAddress(environment_, "https://events.pagerduty.com",
                                        "/generic/2010-04-15/create_event.json")
                         : config_.url,
              .body = (this->*write)(r, *key, notification, action, details)};
    if (call.body.size() > kEventBytes) {
        gotemplate::Map instead;
        instead.emplace("error",
                        fmt::format("Custom details have been removed because the original "
                                    "event exceeds the maximum size of {} bytes",
                                    kEventBytes));
        call.body = (this->*write)(r, *key, notification, action, std::move(instead));
    }
    if (!r.status().ok()) {
        return refused(
            base::annotate(r.status(), fmt::format("failed to template PagerDuty {} message",
                                                   old ? "v1" : "v2")),
            FailureReason::ClientError);
    }
    AnswerRule rule{.retryCode = 429, .details = describeError};
    if (old) {
        rule.retryCode = 403;
    }
    return namingTimeout(sender_.send(call, limited(attempt, config_.timeout), rule), "pagerduty",
                         config_.timeout, attempt);
}

absl::StatusOr<std::unique_ptr<Integration>>
PagerdutyConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<PagerdutyIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makePagerdutyConfig()
{
    return std::make_unique<PagerdutyConfig>();
}

} // namespace narthex::alertmanager
