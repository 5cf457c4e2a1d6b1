// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The JSON message that webhooks and services like them get. Threads: pure functions.
// Source: spec/alertmanager.md, 8.1.
#pragma once

#include "core/alertmanager/receivers/notification.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::alertmanager {

/// A notification with the first alerts alone, and how many were left out. `most` 0: all.
struct ShortNotification
{
    Notification notification;
    std::uint64_t leftOut = 0;
};
ShortNotification shortened(const Notification& notification, std::uint64_t most);

/// One line with its newline.
std::string webhookMessage(const ShortNotification& message, std::string_view version);

} // namespace narthex::alertmanager
