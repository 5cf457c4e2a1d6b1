// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `global` of an Alertmanager configuration: defaults of the receivers. Threads:
// values. Source: spec/alertmanager.md, 1.2.
#pragma once

#include "core/base/secret.h"
#include "core/base/time.h"
#include "core/net/http_client.h"
#include "core/yaml/fields.h"

#include <optional>
#include <string>

namespace narthex::alertmanager {

using namespace base::literals;

struct GlobalConfig
{
    /// End of alerts that come without one.
    base::Duration resolveTimeout = 300_s;
    net::HttpClientConfig http;

    std::string smtpFrom;
    std::string smtpHello = "localhost";
    std::string smtpSmarthost;
    std::string smtpAuthUsername;
    base::Secret smtpAuthPassword;
    std::string smtpAuthPasswordFile;
    base::Secret smtpAuthSecret;
    std::string smtpAuthSecretFile;
    std::string smtpAuthIdentity;
    bool smtpRequireTls = true;
    std::optional<net::TlsConfig> smtpTls;
    std::optional<bool> smtpForceImplicitTls;

    base::Secret slackApiUrl;
    std::string slackApiUrlFile;
    base::Secret slackAppToken;
    std::string slackAppTokenFile;
    std::string slackAppUrl = "https://slack.com/api/chat.postMessage";
    std::string pagerdutyUrl = "https://events.pagerduty.com/v2/enqueue";
    std::string opsgenieApiUrl = "https://api.opsgenie.com/";
    base::Secret opsgenieApiKey;
    std::string opsgenieApiKeyFile;
    std::string victoropsApiUrl =
        "https://alert.victorops.com/integrations/generic/20131114/alert/";
    base::Secret victoropsApiKey;
    std::string victoropsApiKeyFile;
    std::string wechatApiUrl = "https://qyapi.weixin.qq.com/cgi-bin/";
    base::Secret wechatApiSecret;
    std::string wechatApiSecretFile;
    std::string wechatApiCorpId;
    std::string telegramApiUrl = "https://api.telegram.org";
    base::Secret telegramBotToken;
    std::string telegramBotTokenFile;
    std::string webexApiUrl = "https://webexapis.com/v1/messages";
    std::string rocketchatApiUrl = "https://open.rocket.chat/";
    base::Secret rocketchatToken;
    std::string rocketchatTokenFile;
    base::Secret rocketchatTokenId;
    std::string rocketchatTokenIdFile;
    std::string jiraApiUrl;
    base::Secret mattermostWebhookUrl;
    std::string mattermostWebhookUrlFile;

    void describe(yaml::Fields& fields);
    friend bool operator==(const GlobalConfig&, const GlobalConfig&) = default;
};

} // namespace narthex::alertmanager
