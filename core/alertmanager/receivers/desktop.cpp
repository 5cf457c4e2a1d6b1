// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/desktop.h"

#include "core/alertmanager/receivers/sending.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

/// Longer texts do not fit on a note.
constexpr std::size_t kTitleRunes = 200;
constexpr std::size_t kBodyRunes = 1000;

class DesktopIntegration final : public Integration
{
public:
    DesktopIntegration(DesktopConfig config, const IntegrationEnvironment& environment,
                       DesktopNotifier& notifier)
        : config_(std::move(config)), templates_(environment.templates), notifier_(notifier)
    {}

    SendResult send(const Notification& notification, base::Duration /*timeout*/,
                    std::stop_token /*stop*/) override
    {
        Renderer r(*templates_, notification);
        DesktopNote note{.key = notification.groupKey,
                         .title = truncatedRunes(r.title(config_.title), kTitleRunes),
                         .body = truncatedRunes(r.message(config_.body), kBodyRunes),
                         .urgency = urgencyOf(notification),
                         .sound = config_.sound && notification.firing(),
                         .resolved = !notification.firing()};
        if (!r.status().ok()) {
            return refused(r.status(), FailureReason::ClientError);
        }
        for (const NotifiedAlert& alert : notification.alerts) {
            if (!alert.resolved() && !alert.acknowledgement) {
                note.fingerprints.push_back(alert.fingerprint);
            }
        }
        note.canAcknowledge = !note.fingerprints.empty();
        const absl::Status status = notifier_.show(note);
        return status.ok() ? succeeded() : retryable(status);
    }

private:
    const DesktopConfig config_;
    const std::shared_ptr<const Templates> templates_;
    DesktopNotifier& notifier_;
};

} // namespace

Urgency urgencyOf(const Notification& notification)
{
    Urgency highest = Urgency::Low;
    for (const NotifiedAlert& alert : notification.alerts) {
        if (alert.resolved()) {
            continue;
        }
        const std::string_view severity = alert.labels.get("severity");
        const bool critical = severity == "critical" || severity == "page" ||
                              severity == "emergency" || severity == "error";
        const bool low = severity == "info" || severity == "none" || severity == "debug";
        highest = std::max(highest, critical ? Urgency::Critical
                                    : low    ? Urgency::Low
                                             : Urgency::Normal);
    }
    return highest;
}

std::unique_ptr<Integration> makeDesktopIntegration(const DesktopConfig& config,
                                                    const IntegrationEnvironment& environment,
                                                    DesktopNotifier& notifier)
{
    return std::make_unique<DesktopIntegration>(config, environment, notifier);
}

} // namespace narthex::alertmanager
