// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/webhook_message.h"

#include "core/alertmanager/receivers/templates.h"
#include "core/gotemplate/value_json.h"

#include <fmt/format.h>

namespace narthex::alertmanager {

ShortNotification shortened(const Notification& notification, std::uint64_t most)
{
    ShortNotification result{.notification = notification};
    std::vector<NotifiedAlert>& alerts = result.notification.alerts;
    if (most != 0 && alerts.size() > most) {
        result.leftOut = alerts.size() - most;
        alerts.resize(static_cast<std::size_t>(most));
    }
    return result;
}

std::string webhookMessage(const ShortNotification& message, std::string_view version)
{
    std::string json = gotemplate::toJson(templateData(message.notification));
    json.pop_back(); // the brace: more members follow
    json += fmt::format(",\"version\":\"{}\",\"groupKey\":", version);
    gotemplate::appendJsonText(json, message.notification.groupKey);
    json += fmt::format(",\"truncatedAlerts\":{}}}\n", message.leftOut);
    return json;
}

} // namespace narthex::alertmanager
