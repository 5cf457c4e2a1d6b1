// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/registry.h"

namespace narthex::alertmanager {
namespace {

// In the order in which a receiver's integrations run.
constexpr ReceiverKind kKinds[] = {
    {"webhook", makeWebhookConfig},
    {"email", makeEmailConfig},
    {"pagerduty", makePagerdutyConfig},
    {"opsgenie", makeOpsgenieConfig, true},
    {"wechat", makeWechatConfig, true},
    {"slack", makeSlackConfig, true},
    {"victorops", makeVictoropsConfig},
    {"pushover", makePushoverConfig},
    {"sns", makeSnsConfig},
    {"telegram", makeTelegramConfig},
    {"discord", makeDiscordConfig},
    {"webex", makeWebexConfig},
    {"msteams", makeMsteamsConfig},
    {"msteamsv2", makeMsteamsV2Config},
    {"jira", makeJiraConfig},
    {"incidentio", makeIncidentioConfig},
    {"rocketchat", makeRocketchatConfig, true},
    {"mattermost", makeMattermostConfig},
};

} // namespace

std::span<const ReceiverKind> receiverKinds() { return kKinds; }

} // namespace narthex::alertmanager
