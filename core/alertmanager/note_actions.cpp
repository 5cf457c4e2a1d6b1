// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/note_actions.h"

#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

model::Matchers exactly(const model::Labels& labels)
{
    model::Matchers matchers;
    for (const model::LabelView label : labels) {
        matchers.push_back(model::Matcher::equal(label.name, label.value));
    }
    return matchers;
}

model::Labels inCommon(const std::vector<AlertPtr>& alerts)
{
    model::LabelsBuilder builder;
    for (const model::LabelView label : alerts.front()->labels) {
        if (std::all_of(alerts.begin(), alerts.end(), [&](const AlertPtr& each) {
                return each->labels.get(label.name) == label.value;
            })) {
            builder.set(label.name, label.value);
        }
    }
    return builder.build();
}

} // namespace

absl::Status acknowledgeFromNote(Alertmanager& manager, std::span<const Fingerprint> alerts,
                                 const std::string& author)
{
    const AckRequest request{
        .author = author, .expiresIn = base::Duration{}, .source = AckSource::DesktopNotification};
    for (const auto& ack : manager.acknowledge(alerts, request)) {
        const absl::Status status = ack.status();
        if (!status.ok() && !absl::IsNotFound(status) && !absl::IsFailedPrecondition(status)) {
            return status;
        }
    }
    return absl::OkStatus();
}

absl::Status silenceFromNote(Alertmanager& manager, std::span<const Fingerprint> alerts,
                             const std::string& author, base::Duration duration)
{
    const base::Timestamp now = manager.now();
    std::vector<AlertPtr> firing;
    for (const Fingerprint fingerprint : alerts) {
        AlertPtr alert = manager.alert(fingerprint);
        if (alert != nullptr && !alert->resolvedAt(now)) {
            firing.push_back(std::move(alert));
        }
    }
    if (firing.empty()) {
        return absl::OkStatus();
    }
    std::vector<model::Labels> subjects{inCommon(firing)};
    if (subjects.front().empty()) {
        subjects.clear();
        for (const AlertPtr& alert : firing) {
            subjects.push_back(alert->labels);
        }
    }
    for (const model::Labels& subject : subjects) {
        const auto id = manager.setSilence({.matcherSets = {exactly(subject)},
                                            .startsAt = now,
                                            .endsAt = now + duration,
                                            .createdBy = author,
                                            .comment = "From a note on the desktop"});
        NARTHEX_RETURN_IF_ERROR(id.status());
    }
    return absl::OkStatus();
}

} // namespace narthex::alertmanager
