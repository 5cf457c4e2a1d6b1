// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// telegram_configs: a message of a bot. Source: spec/alertmanager.md, 8.9.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/base/number.h"
#include "core/base/utf8.h"
#include "core/discovery/json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kMessageRunes = 4096;
constexpr std::string_view kTooLong =
    "This notification is longer than Telegram allows and cannot be shown. Please shorten the "
    "template of the message.";

struct TelegramConfig final : HttpReceiverOf<TelegramConfig>
{
    static constexpr std::string_view kKind = "telegram";
    std::string apiUrl;
    base::Secret botToken;
    std::string botTokenFile;
    std::int64_t chatId = 0;
    std::string chatIdFile;
    std::int64_t messageThreadId = 0;
    std::string message = R"({{ template "telegram.default.message" . }})";
    bool disableNotifications = false;
    std::string parseMode = "HTML";

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        describeUrl(fields, "api_url", apiUrl);
        describeSecret(fields, "bot_token", botToken, botTokenFile);
        fields.field("chat_id", &chatId);
        fields.path("chat_id_file", chatIdFile);
        fields.field("message_thread_id", &messageThreadId);
        fields.field("message", &message);
        fields.field("disable_notifications", &disableNotifications);
        // An empty one means something.
        fields.field("parse_mode", &parseMode, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(chatId != 0 || !chatIdFile.empty(),
                     "missing chat_id or chat_id_file on telegram_config");
        atMostOne(fields, "chat_id", chatId != 0, "chat_id_file", !chatIdFile.empty());
        fields.check(parseMode.empty() || parseMode == "Markdown" || parseMode == "MarkdownV2" ||
                         parseMode == "HTML",
                     "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or "
                     "empty string");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        inherit(apiUrl, global.telegramApiUrl);
        inherit(botToken, botTokenFile, global.telegramBotToken, global.telegramBotTokenFile);
        return botToken.empty() && botTokenFile.empty()
                   ? base::invalidArgument("missing bot_token or bot_token_file on telegram_config")
                   : absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const TelegramConfig&, const TelegramConfig&) = default;
};

class TelegramIntegration final : public HttpIntegration<TelegramConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        Renderer r = renderer(notification);
        const std::string message = text(r);
        if (!r.status().ok()) {
            return refused(r.status(), FailureReason::ClientError);
        }
        const auto token = reveal(config_.botToken, config_.botTokenFile);
        const auto chat = chatId();
        if (!token.ok() || !chat.ok()) {
            return retryable(token.ok() ? chat.status() : token.status());
        }
        JsonBody json;
        json.object()
            .text("chat_id", std::to_string(*chat))
            .text("text", message)
            .optional("parse_mode", config_.parseMode);
        if (config_.disableNotifications) {
            json.boolean("disable_notification", true);
        }
        json.boolean("disable_web_page_preview", true);
        if (config_.messageThreadId != 0) {
            json.integer("message_thread_id", config_.messageThreadId);
        }
        json.end();
        SendResult result =
            sender_.send({.url = fmt::format("{}/bot{}/sendMessage", config_.apiUrl, *token),
                          .body = json.line()},
                         {timeout, std::move(stop)}, {.details = describeError});
        result.retry = true;
        return result;
    }

private:
    static std::string describeError(int /*status*/, std::string_view body)
    {
        const auto answer = discovery::Json::parse(body);
        return answer.ok() ? (*answer)["description"].text() : std::string();
    }
    [[nodiscard]] std::string text(Renderer& r) const
    {
        if (config_.parseMode != "HTML") {
            return truncatedRunes(r.message(config_.message), kMessageRunes);
        }
        // A cut could fall into a tag, and Telegram would refuse the whole.
        const std::string html = r.htmlMessage(config_.message);
        return base::runeCount(html) > kMessageRunes ? std::string(kTooLong) : html;
    }
    [[nodiscard]] absl::StatusOr<std::int64_t> chatId() const
    {
        if (config_.chatIdFile.empty()) {
            return config_.chatId;
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string text, reveal({}, config_.chatIdFile));
        const auto id = base::parseInt(text);
        return id ? absl::StatusOr<std::int64_t>(*id)
                  : base::invalidArgument("could not parse chat_id from {}", config_.chatIdFile);
    }
};

absl::StatusOr<std::unique_ptr<Integration>>
TelegramConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<TelegramIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeTelegramConfig() { return std::make_unique<TelegramConfig>(); }

} // namespace narthex::alertmanager
