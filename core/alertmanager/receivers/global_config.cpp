// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/global_config.h"

#include "core/alertmanager/receivers/config_keys.h"
#include "core/alertmanager/receivers/mail_address.h"
#include "core/base/status.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

void describeMail(yaml::Fields& fields, GlobalConfig& global)
{
    fields.field("smtp_from", &global.smtpFrom);
    fields.field("smtp_hello", &global.smtpHello);
    describeSmarthost(fields, "smtp_smarthost", global.smtpSmarthost);
    fields.field("smtp_auth_username", &global.smtpAuthUsername);
    describeSecret(fields, "smtp_auth_password", global.smtpAuthPassword,
                   global.smtpAuthPasswordFile);
    describeSecret(fields, "smtp_auth_secret", global.smtpAuthSecret, global.smtpAuthSecretFile);
    fields.field("smtp_auth_identity", &global.smtpAuthIdentity);
    fields.field("smtp_require_tls", &global.smtpRequireTls, yaml::Printing::Always);
    describeTls(fields, "smtp_tls_config", global.smtpTls);
    fields.field("smtp_force_implicit_tls", global.smtpForceImplicitTls, yaml::Printing::Always);
}

void describeSlack(yaml::Fields& fields, GlobalConfig& global)
{
    describeSecretUrl(fields, "slack_api_url", global.slackApiUrl, global.slackApiUrlFile);
    describeSecret(fields, "slack_app_token", global.slackAppToken, global.slackAppTokenFile);
    describeUrl(fields, "slack_app_url", global.slackAppUrl);
    // The address of the app in the key for webhooks is an old way to say the same.
    const bool token = !global.slackAppToken.empty() || !global.slackAppTokenFile.empty();
    const bool url = !global.slackApiUrl.empty() || !global.slackApiUrlFile.empty();
    fields.check(!token || !url || global.slackApiUrl.reveal() == global.slackAppUrl,
                 "at most one of slack_app_token/slack_app_token_file & "
                 "slack_api_url/slack_api_url_file must be configured");
}

} // namespace

void GlobalConfig::describe(yaml::Fields& fields)
{
    fields.field("resolve_timeout", &resolveTimeout, yaml::Printing::Always);
    std::optional<net::HttpClientConfig> section = http;
    describeHttp(fields, section);
    if (section) {
        http = *section;
    }
    describeMail(fields, *this);
    describeSlack(fields, *this);
    describeUrl(fields, "pagerduty_url", pagerdutyUrl);
    describeUrl(fields, "opsgenie_api_url", opsgenieApiUrl);
    describeSecret(fields, "opsgenie_api_key", opsgenieApiKey, opsgenieApiKeyFile);
    describeUrl(fields, "wechat_api_url", wechatApiUrl);
    describeSecret(fields, "wechat_api_secret", wechatApiSecret, wechatApiSecretFile);
    fields.field("wechat_api_corp_id", &wechatApiCorpId);
    describeUrl(fields, "victorops_api_url", victoropsApiUrl);
    describeSecret(fields, "victorops_api_key", victoropsApiKey, victoropsApiKeyFile);
    describeUrl(fields, "telegram_api_url", telegramApiUrl);
    describeSecret(fields, "telegram_bot_token", telegramBotToken, telegramBotTokenFile);
    describeUrl(fields, "webex_api_url", webexApiUrl);
    describeUrl(fields, "rocketchat_api_url", rocketchatApiUrl);
    describeSecret(fields, "rocketchat_token", rocketchatToken, rocketchatTokenFile);
    describeSecret(fields, "rocketchat_token_id", rocketchatTokenId, rocketchatTokenIdFile);
    describeUrl(fields, "jira_api_url", jiraApiUrl);
    describeSecretUrl(fields, "mattermost_webhook_url", mattermostWebhookUrl,
                      mattermostWebhookUrlFile);
}

} // namespace narthex::alertmanager
