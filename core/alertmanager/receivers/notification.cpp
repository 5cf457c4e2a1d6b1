// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/notification.h"

#include <algorithm>

namespace narthex::alertmanager {

std::string_view text(Reason reason)
{
    switch (reason) {
    case Reason::Unknown:
        return "unknown";
    case Reason::First:
        return "first notification";
    case Reason::NewAlerts:
        return "new alerts added";
    case Reason::AllResolved:
        return "all alerts resolved";
    case Reason::SomeResolved:
        return "some alerts resolved";
    case Reason::Repeat:
        return "repeat interval elapsed";
    case Reason::AcknowledgementEnded:
        return "acknowledgement ended";
    case Reason::Acknowledged:
        return "acknowledged";
    }
    return {};
}

std::string_view text(FailureReason reason)
{
    switch (reason) {
    case FailureReason::Other:
        return "other";
    case FailureReason::ClientError:
        return "clientError";
    case FailureReason::ServerError:
        return "serverError";
    case FailureReason::ContextCanceled:
        return "contextCanceled";
    case FailureReason::ContextDeadlineExceeded:
        return "contextDeadlineExceeded";
    case FailureReason::AuthError:
        return "authError";
    case FailureReason::RateLimited:
        return "rateLimited";
    }
    return {};
}

bool Notification::firing() const
{
    return std::any_of(alerts.begin(), alerts.end(),
                       [](const NotifiedAlert& alert) { return !alert.resolved(); });
}

} // namespace narthex::alertmanager
