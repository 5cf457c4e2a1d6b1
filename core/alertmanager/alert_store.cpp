// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/alert_store.h"

#include "core/base/status.h"
#include "core/base/utf8.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

std::string checkNames(const model::Labels& labels, MatcherMode mode, std::string_view what)
{
    for (const model::LabelView label : labels) {
        if (!isValidLabelName(label.name, mode)) {
            return fmt::format("invalid {} set: invalid name \"{}\"", what, label.name);
        }
        if (!base::isValidUtf8(label.value)) {
            return fmt::format("invalid {} set: invalid value \"{}\"", what, label.value);
        }
    }
    return {};
}

std::int64_t cell(Fingerprint value) { return static_cast<std::int64_t>(value); }

} // namespace

Alert merged(const Alert& older, const Alert& younger)
{
    Alert result = younger;
    result.startsAt = std::min(older.startsAt, younger.startsAt);
    if (younger.resolvedAt(younger.updatedAt)) {
        // Of two explicit ends in the past the later one counts.
        if (older.resolvedAt(younger.updatedAt) && older.endsAt > younger.endsAt) {
            result.endsAt = older.endsAt;
            result.endsByTimeout = older.endsByTimeout;
        }
    } else if (older.endsAt > younger.endsAt && !older.endsByTimeout) {
        result.endsAt = older.endsAt;
        result.endsByTimeout = false;
    }
    return result;
}

absl::Status AlertStore::load(state::Connection& connection)
{
    return connection.execute(
        "SELECT labels, annotations, starts_at, ends_at, updated_at, generator_url, by_timeout "
        "FROM am_alert",
        {}, [this](std::span<const state::Cell> row) {
            auto alert = std::make_shared<Alert>();
            alert->labels = model::Labels::fromBytes(std::get<std::string>(row[0]));
            alert->annotations = model::Labels::fromBytes(std::get<std::string>(row[1]));
            alert->startsAt = {std::get<std::int64_t>(row[2])};
            alert->endsAt = {std::get<std::int64_t>(row[3])};
            alert->updatedAt = {std::get<std::int64_t>(row[4])};
            alert->generatorUrl = std::get<std::string>(row[5]);
            alert->endsByTimeout = std::get<std::int64_t>(row[6]) != 0;
            alert->fingerprint = fingerprintOf(alert->labels);
            alert->logHash = logHashOf(alert->labels);
            if (options_.perNameLimit != 0) {
                ++perName_[std::string(alert->labels.get("alertname"))];
            }
            alerts_[alert->fingerprint] = std::move(alert);
        });
}

AlertPtr AlertStore::complete(const model::Alert& alert, base::Timestamp now,
                              base::Duration resolveTimeout, std::string& error) const
{
    auto result = std::make_shared<Alert>();
    result->labels = alert.labels;
    result->annotations = alert.annotations;
    result->generatorUrl = alert.generatorUrl;
    result->updatedAt = now;
    result->startsAt = alert.startsAt.value_or(alert.endsAt.value_or(now));
    result->endsByTimeout = !alert.endsAt;
    result->endsAt = alert.endsAt.value_or(now + resolveTimeout);
    if (alert.labels.empty()) {
        error = "at least one label pair required";
    } else if (result->startsAt > result->endsAt) {
        error = "start time must be before end time";
    } else {
        error = checkNames(alert.labels, options_.mode, "label");
        if (error.empty()) {
            error = checkNames(alert.annotations, options_.mode, "annotation");
        }
    }
    result->fingerprint = fingerprintOf(result->labels);
    result->logHash = logHashOf(result->labels);
    return result;
}

bool AlertStore::limitReached(const Alert& alert)
{
    if (options_.perNameLimit == 0) {
        return false;
    }
    std::size_t& count = perName_[std::string(alert.labels.get("alertname"))];
    if (count >= options_.perNameLimit) {
        return true;
    }
    ++count;
    return false;
}

AlertStore::Outcome AlertStore::put(const model::Alerts& alerts, base::Timestamp now,
                                    base::Duration resolveTimeout)
{
    Outcome outcome;
    outcome.changes.reserve(alerts.size());
    for (const model::Alert& each : alerts) {
        std::string error;
        AlertPtr alert = complete(each, now, resolveTimeout, error);
        if (!error.empty()) {
            outcome.invalid.push_back(std::move(error));
            continue;
        }
        const auto found = alerts_.find(alert->fingerprint);
        if (found == alerts_.end()) {
            if (limitReached(*alert)) {
                ++outcome.limited;
                continue;
            }
            alerts_.emplace(alert->fingerprint, alert);
            write(*alert);
            outcome.changes.push_back({std::move(alert), nullptr});
            continue;
        }
        AlertPtr before = found->second;
        const bool overlaps =
            (alert->endsAt > before->startsAt && alert->endsAt < before->endsAt) ||
            (alert->startsAt > before->startsAt && alert->startsAt < before->endsAt) ||
            alert->startsAt == before->startsAt;
        if (overlaps) {
            alert = std::make_shared<Alert>(merged(*before, *alert));
        }
        const bool sameButEnd = alert->startsAt == before->startsAt &&
                                alert->annotations == before->annotations &&
                                alert->generatorUrl == before->generatorUrl &&
                                !alert->resolvedAt(now) && !before->resolvedAt(now);
        if (sameButEnd) {
            moved_.insert(alert->fingerprint);
        } else {
            write(*alert);
        }
        found->second = alert;
        outcome.changes.push_back({std::move(alert), std::move(before)});
    }
    return outcome;
}

void AlertStore::replace(AlertPtr alert)
{
    moved_.insert(alert->fingerprint);
    alerts_[alert->fingerprint] = std::move(alert);
}

AlertPtr AlertStore::find(Fingerprint fingerprint) const
{
    const auto found = alerts_.find(fingerprint);
    return found == alerts_.end() ? nullptr : found->second;
}

std::vector<AlertPtr> AlertStore::collect(base::Timestamp now)
{
    std::vector<AlertPtr> removed;
    absl::erase_if(alerts_, [&](const auto& entry) {
        if (entry.second->resolvedAt(now)) {
            removed.push_back(entry.second);
            return true;
        }
        return false;
    });
    for (const AlertPtr& alert : removed) {
        moved_.erase(alert->fingerprint);
        if (options_.perNameLimit != 0) {
            --perName_[std::string(alert->labels.get("alertname"))];
        }
        writer_.post([key = cell(alert->fingerprint)](state::Connection& connection) {
            return connection.execute("DELETE FROM am_alert WHERE fingerprint = ?",
                                      std::array<state::Cell, 1>{key});
        });
    }
    return removed;
}

void AlertStore::save()
{
    for (const Fingerprint fingerprint : std::exchange(moved_, {})) {
        writer_.post(
            [key = cell(fingerprint), end = alerts_.at(fingerprint)->endsAt.ms,
             updated = alerts_.at(fingerprint)->updatedAt.ms](state::Connection& connection) {
                return connection.execute(
                    "UPDATE am_alert SET ends_at = ?, updated_at = ? WHERE fingerprint = ?",
                    std::array<state::Cell, 3>{end, updated, key});
            });
    }
}

void AlertStore::write(const Alert& alert)
{
    moved_.erase(alert.fingerprint);
    writer_.post([copy = alert](state::Connection& connection) {
        return connection.execute(
            "INSERT OR REPLACE INTO am_alert VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 8>{cell(copy.fingerprint), copy.labels.bytes(),
                                       copy.annotations.bytes(), copy.startsAt.ms, copy.endsAt.ms,
                                       copy.updatedAt.ms, copy.generatorUrl,
                                       std::int64_t{copy.endsByTimeout}});
    });
}

} // namespace narthex::alertmanager
