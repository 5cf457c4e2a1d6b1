// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the chats have in common that take one JSON message at one secret address.
// Threads: as Integration. Source: spec/alertmanager.md, 8.3, 8.10, 8.13.
#pragma once

#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"

#include <fmt/format.h>

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace narthex::alertmanager {

/// Settings with `webhook_url` or `webhook_url_file`, one of which is needed.
template <typename T>
struct ChatWebhookOf : HttpReceiverOf<T>
{
    base::Secret webhookUrl;
    std::string webhookUrlFile;

    absl::Status complete(const GlobalConfig& global) override
    {
        this->inheritHttp(global);
        return absl::OkStatus();
    }
    friend bool operator==(const ChatWebhookOf&, const ChatWebhookOf&) = default;

protected:
    void describeWebhook(yaml::Fields& fields)
    {
        this->describeCommon(fields);
        describeSecretUrl(fields, "webhook_url", webhookUrl, webhookUrlFile);
        fields.check(!fields.reading() || !webhookUrl.empty() || !webhookUrlFile.empty(),
                     "one of webhook_url or webhook_url_file must be configured");
    }
};

/// `Config`: derived from ChatWebhookOf.
template <typename Config>
class ChatWebhook : public HttpIntegration<Config>
{
public:
    using HttpIntegration<Config>::HttpIntegration;

protected:
    /// Sends what `renderer` made, if it could.
    SendResult post(const Renderer& renderer, const JsonBody& message, base::Duration timeout,
                    std::stop_token stop) const
    {
        if (!renderer.status().ok()) {
            return refused(renderer.status(), FailureReason::ClientError);
        }
        const auto url = reveal(this->config_.webhookUrl, this->config_.webhookUrlFile);
        if (!url.ok()) {
            return refused(base::annotate(url.status(), "read webhook_url_file"));
        }
        return this->sender_.send({.url = *url, .body = message.line()},
                                  {timeout, std::move(stop)});
    }
};

/// An entry of `fields`. `Chat::kName` stands in the messages.
template <typename Chat>
struct ChatField
{
    std::string title;
    std::string value;
    std::optional<bool> isShort;

    void describe(yaml::Fields& fields)
    {
        fields.field("title", &title);
        fields.field("value", &value);
        fields.field("short", isShort, yaml::Printing::Always);
        if (fields.reading()) {
            fields.check(!title.empty(),
                         fmt::format("missing title in {} field configuration", Chat::kName));
            fields.check(title.empty() || !value.empty(),
                         fmt::format("missing value in {} field configuration", Chat::kName));
        }
    }
    friend bool operator==(const ChatField&, const ChatField&) = default;
};

} // namespace narthex::alertmanager
