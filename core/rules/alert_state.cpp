// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/alert_state.h"

#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::rules {

SampleValue valueOf(const promql::VectorElement& element)
{
    return element.histogram ? SampleValue(element.histogram) : SampleValue(element.value);
}

std::string_view alertStateText(AlertState state)
{
    constexpr std::array<std::string_view, 4> kTexts{"unknown", "inactive", "pending", "firing"};
    return kTexts[static_cast<std::size_t>(state)];
}

absl::Status AlertTable::enter(std::vector<AlertElement>& elements)
{
    ++run_;
    absl::Status status;
    for (AlertElement& element : elements) {
        auto& entry = entries_[element.labels.hash()];
        if (!entry) {
            entry = std::make_unique<Entry>();
            entry->alert.state = AlertState::Unknown;
        } else if (entry->seen == run_) {
            status = base::invalidArgument("vector contains metrics with the same labelset after "
                                           "applying alert labels: {}",
                                           element.labels.toString());
            break;
        }
        entry->seen = run_;
    }
    if (!status.ok()) {
        absl::erase_if(entries_, [](const auto& item) {
            return item.second->alert.state == AlertState::Unknown;
        });
    }
    return status;
}

void AlertTable::accept(std::vector<AlertElement>& elements, base::Timestamp time)
{
    for (AlertElement& element : elements) {
        ActiveAlert& alert = entries_[element.labels.hash()]->alert;
        if (alert.state == AlertState::Unknown || alert.state == AlertState::Inactive) {
            // One that comes back is another alert than the one that was resolved.
            alert = {.labels = std::move(element.labels), .activeAt = time};
        }
        alert.annotations = std::move(element.annotations);
        alert.value = std::move(element.value);
    }
}

bool AlertTable::advance(ActiveAlert& alert, bool present, const AlertPolicy& policy,
                         base::Timestamp time, bool settling) const
{
    if (settling) {
        return true;
    }
    if (present) {
        alert.keepFiringSince.reset();
    } else if (alert.state == AlertState::Pending) {
        return false;
    } else if (alert.state == AlertState::Inactive) {
        return !(alert.resolvedAt && time - *alert.resolvedAt > kResolvedRetention);
    } else {
        if (policy.keepFiringFor.ns > 0 && !alert.keepFiringSince) {
            alert.keepFiringSince = time;
        }
        if (!alert.keepFiringSince || time - *alert.keepFiringSince >= policy.keepFiringFor) {
            alert.state = AlertState::Inactive;
            alert.resolvedAt = time;
            return true;
        }
    }
    if (alert.state == AlertState::Pending && time - alert.activeAt >= policy.holdFor) {
        alert.state = AlertState::Firing;
        alert.firedAt = time;
    }
    if (alert.state == AlertState::Firing && time - alert.activeAt < policy.holdFor) {
        alert.state = AlertState::Pending;
        alert.firedAt.reset();
        alert.lastSentAt.reset();
        alert.keepFiringSince.reset();
    }
    return true;
}

absl::Status AlertTable::apply(std::vector<AlertElement> elements, const AlertPolicy& policy,
                               base::Timestamp time, bool settling)
{
    NARTHEX_RETURN_IF_ERROR(enter(elements));
    accept(elements, time);
    active_ = 0;
    absl::erase_if(entries_, [&](const auto& item) {
        Entry& entry = *item.second;
        const bool keep = advance(entry.alert, entry.seen == run_, policy, time, settling);
        active_ += keep && entry.alert.isActive() ? 1U : 0U;
        return !keep;
    });
    if (policy.limit > 0 && active_ > static_cast<std::size_t>(policy.limit)) {
        const std::size_t count = active_;
        entries_.clear();
        active_ = 0;
        return base::resourceExhausted("exceeded limit of {} with {} alerts", policy.limit, count);
    }
    return absl::OkStatus();
}

void AlertTable::skip(base::Duration gap)
{
    const auto move = [gap](std::optional<base::Timestamp>& time) {
        if (time) {
            *time = *time + gap;
        }
    };
    for (auto& [hash, entry] : entries_) {
        ActiveAlert& alert = entry->alert;
        if (alert.state == AlertState::Pending || gap.ns < 0) {
            alert.activeAt = alert.activeAt + gap;
        }
        move(alert.keepFiringSince);
        if (gap.ns < 0) { // times ahead of the clock would never come to their turn
            move(alert.firedAt);
            move(alert.resolvedAt);
            move(alert.lastSentAt);
            move(alert.validUntil);
        }
    }
}

void AlertTable::collect(base::Timestamp time, const SendPolicy& policy,
                         absl::FunctionRef<void(const ActiveAlert&)> send)
{
    for (auto& [hash, entry] : entries_) {
        ActiveAlert& alert = entry->alert;
        if (alert.state == AlertState::Pending) {
            continue;
        }
        const bool isNews =
            !alert.lastSentAt || (alert.resolvedAt && *alert.resolvedAt > *alert.lastSentAt);
        if (isNews || *alert.lastSentAt + policy.resendDelay < time) {
            alert.lastSentAt = time;
            alert.validUntil = time + policy.validity();
            send(alert);
        }
    }
}

void AlertTable::forEach(absl::FunctionRef<void(Entry&)> visit)
{
    for (auto& [hash, entry] : entries_) {
        visit(*entry);
    }
}

void AlertTable::forEach(absl::FunctionRef<void(const Entry&)> visit) const
{
    for (const auto& [hash, entry] : entries_) {
        visit(*entry);
    }
}

AlertState AlertTable::state() const
{
    AlertState highest = AlertState::Inactive;
    for (const auto& [hash, entry] : entries_) {
        highest = std::max(highest, entry->alert.state);
    }
    return highest;
}

} // namespace narthex::rules
