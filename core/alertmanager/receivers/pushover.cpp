// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// pushover_configs: everything in the parameters of the address. Source: spec/alertmanager.md, 8.7.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/gotemplate/builtins.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kTitleRunes = 250;
constexpr std::size_t kMessageRunes = 1024;
constexpr std::size_t kUrlRunes = 512;

struct PushoverConfig final : HttpReceiverOf<PushoverConfig>
{
    static constexpr std::string_view kKind = "pushover";
    base::Secret userKey;
    std::string userKeyFile;
    base::Secret token;
    std::string tokenFile;
    std::string title = R"({{ template "pushover.default.title" . }})";
    std::string message = R"({{ template "pushover.default.message" . }})";
    std::string url = R"({{ template "pushover.default.url" . }})";
    std::string urlTitle;
    std::string device;
    std::string sound;
    std::string priority = R"({{ if eq .Status "firing" }}2{{ else }}0{{ end }})";
    base::Duration retry = 60_s;
    base::Duration expire = 3600_s;
    base::Duration ttl;
    bool html = false;
    bool monospace = false;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeSecret(fields, "user_key", userKey, userKeyFile);
        describeSecret(fields, "token", token, tokenFile);
        fields.field("title", &title);
        fields.field("message", &message);
        fields.field("url", &url);
        fields.field("url_title", &urlTitle);
        fields.field("device", &device);
        fields.field("sound", &sound);
        fields.field("priority", &priority);
        fields.field("retry", &retry);
        fields.field("expire", &expire);
        fields.field("ttl", &ttl);
        fields.field("html", &html);
        fields.field("monospace", &monospace);
        if (!fields.reading()) {
            return;
        }
        fields.check(!userKey.empty() || !userKeyFile.empty(),
                     "one of user_key or user_key_file must be configured");
        fields.check(!token.empty() || !tokenFile.empty(),
                     "one of token or token_file must be configured");
        atMostOne(fields, "monospace", monospace, "html", html);
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const PushoverConfig&, const PushoverConfig&) = default;
};

class PushoverIntegration final : public HttpIntegration<PushoverConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        const auto token = reveal(config_.token, config_.tokenFile);
        const auto user = reveal(config_.userKey, config_.userKeyFile);
        if (!token.ok() || !user.ok()) {
            return refused(token.ok() ? base::annotate(user.status(), "read user_key_file")
                                      : base::annotate(token.status(), "read token_file"));
        }
        Renderer r = renderer(notification);
        net::Parameters parameters{{"token", r.text(*token)},
                                   {"user", r.text(*user)},
                                   {"title", truncatedRunes(r.title(config_.title), kTitleRunes)},
                                   {"message", message(r)},
                                   {"url", truncatedRunes(r.text(config_.url), kUrlRunes)},
                                   {"url_title", r.text(config_.urlTitle)},
                                   {"priority", r.text(config_.priority)},
                                   {"retry", seconds(config_.retry)},
                                   {"expire", seconds(config_.expire)},
                                   {"device", r.text(config_.device)},
                                   {"sound", r.text(config_.sound)}};
        if (config_.html) {
            parameters.emplace_back("html", "1");
        }
        if (config_.monospace) {
            parameters.emplace_back("monospace", "1");
        }
        if (config_.ttl.ns >= base::Duration(1_s).ns) {
            parameters.emplace_back("ttl", seconds(config_.ttl));
        }
        if (!r.status().ok()) {
            return refused(r.status(), FailureReason::ClientError);
        }
        std::sort(parameters.begin(), parameters.end());
        Call call{.url = fixedAddress(environment_, "https://api.pushover.net", "/1/messages.json"),
                  .contentType = "text/plain"};
        char separator = '?';
        for (const auto& [name, value] : parameters) {
            call.url += separator + name + "=" + gotemplate::escapeQuery(value);
            separator = '&';
        }
        return sender_.send(call, {timeout, std::move(stop)});
    }

private:
    static std::string seconds(base::Duration duration)
    {
        return std::to_string(duration.ns / base::Duration(1_s).ns);
    }
    [[nodiscard]] std::string message(Renderer& r) const
    {
        std::string text = truncatedRunes(config_.html ? r.htmlMessage(config_.message)
                                                       : r.message(config_.message),
                                          kMessageRunes);
        text.erase(0, text.find_first_not_of(" \t\r\n"));
        text.erase(text.find_last_not_of(" \t\r\n") + 1);
        return text.empty() ? "(no details)" : text;
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
PushoverConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<PushoverIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makePushoverConfig() { return std::make_unique<PushoverConfig>(); }

} // namespace narthex::alertmanager
