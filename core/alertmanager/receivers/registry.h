// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The makers of all kinds, each defined in its file. One a line, by name.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"

namespace narthex::alertmanager {

std::unique_ptr<ReceiverConfig> makeDiscordConfig();
std::unique_ptr<ReceiverConfig> makeEmailConfig();
std::unique_ptr<ReceiverConfig> makeIncidentioConfig();
std::unique_ptr<ReceiverConfig> makeJiraConfig();
std::unique_ptr<ReceiverConfig> makeMattermostConfig();
std::unique_ptr<ReceiverConfig> makeMsteamsConfig();
std::unique_ptr<ReceiverConfig> makeMsteamsV2Config();
std::unique_ptr<ReceiverConfig> makeOpsgenieConfig();
std::unique_ptr<ReceiverConfig> makePagerdutyConfig();
std::unique_ptr<ReceiverConfig> makePushoverConfig();
std::unique_ptr<ReceiverConfig> makeRocketchatConfig();
std::unique_ptr<ReceiverConfig> makeSlackConfig();
std::unique_ptr<ReceiverConfig> makeSnsConfig();
std::unique_ptr<ReceiverConfig> makeTelegramConfig();
std::unique_ptr<ReceiverConfig> makeVictoropsConfig();
std::unique_ptr<ReceiverConfig> makeWebexConfig();
std::unique_ptr<ReceiverConfig> makeWebhookConfig();
std::unique_ptr<ReceiverConfig> makeWechatConfig();

} // namespace narthex::alertmanager
