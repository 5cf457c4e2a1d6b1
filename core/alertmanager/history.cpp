// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/history.h"

#include "core/base/status.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace narthex::alertmanager {
namespace {

state::Cell cell(std::size_t value) { return static_cast<std::int64_t>(value); }

std::string packed(const std::vector<Fingerprint>& alerts)
{
    std::string bytes(alerts.size() * sizeof(Fingerprint), '\0');
    if (!alerts.empty()) {
        std::memcpy(bytes.data(), alerts.data(), bytes.size());
    }
    return bytes;
}

std::vector<Fingerprint> unpacked(const std::string& bytes)
{
    std::vector<Fingerprint> alerts(bytes.size() / sizeof(Fingerprint));
    if (!alerts.empty()) {
        std::memcpy(alerts.data(), bytes.data(), alerts.size() * sizeof(Fingerprint));
    }
    return alerts;
}

std::int64_t integer(const state::Cell& value) { return std::get<std::int64_t>(value); }
const std::string& text(const state::Cell& value) { return std::get<std::string>(value); }

} // namespace

void History::add(Transition transition)
{
    writer_.post([each = std::move(transition)](state::Connection& connection) {
        return connection.execute(
            "INSERT INTO am_transition (time, fingerprint, labels, kind, detail, value) VALUES "
            "(?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 6>{each.time.ms, cell(each.fingerprint), each.labels.bytes(),
                                       each.kind, each.detail,
                                       each.value ? state::Cell(*each.value) : nullptr});
    });
}

void History::add(NotificationRecord record)
{
    writer_.post([each = std::move(record)](state::Connection& connection) {
        return connection.execute(
            "INSERT INTO am_notification (time, group_key, receiver, integration, reason, firing, "
            "resolved, attempts, duration_ms, result, error, fingerprints) VALUES (?, ?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 12>{
                each.time.ms, each.groupKey, each.receiver, each.integration, each.reason,
                cell(each.firing), cell(each.resolved), cell(each.attempts), each.duration.ms(),
                each.result, each.error, packed(each.alerts)});
    });
}

absl::StatusOr<std::vector<Transition>> History::transitions(const HistoryQuery& query) const
{
    std::vector<Transition> result;
    if (writer_.database() == nullptr) {
        return result;
    }
    NARTHEX_RETURN_IF_ERROR(writer_.flush());
    std::vector<state::Cell> parameters{query.cursor, query.from.ms, query.to.ms};
    std::string sql = "SELECT id, time, fingerprint, labels, kind, detail, value FROM "
                      "am_transition WHERE id > ? AND time >= ? AND time <= ?";
    if (query.fingerprint) {
        sql += " AND fingerprint = ?";
        parameters.push_back(cell(*query.fingerprint));
    }
    sql += " ORDER BY id LIMIT ?";
    parameters.push_back(cell(query.limit));
    const absl::Status status = writer_.database()->read([&](state::Connection& connection) {
        return connection.execute(sql, parameters, [&](std::span<const state::Cell> row) {
            Transition& each = result.emplace_back();
            each.id = integer(row[0]);
            each.time = {integer(row[1])};
            each.fingerprint = static_cast<Fingerprint>(integer(row[2]));
            each.labels = model::Labels::fromBytes(text(row[3]));
            each.kind = text(row[4]);
            each.detail = text(row[5]);
            if (const double* value = std::get_if<double>(&row[6])) {
                each.value = *value;
            }
        });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return result;
}

absl::StatusOr<std::vector<NotificationRecord>>
History::notifications(const HistoryQuery& query) const
{
    std::vector<NotificationRecord> result;
    if (writer_.database() == nullptr) {
        return result;
    }
    NARTHEX_RETURN_IF_ERROR(writer_.flush());
    const std::array<state::Cell, 4> parameters{query.cursor, query.from.ms, query.to.ms,
                                                query.fingerprint ? -1 : cell(query.limit)};
    const absl::Status status = writer_.database()->read([&](state::Connection& connection) {
        return connection.execute(
            "SELECT id, time, group_key, receiver, integration, reason, firing, resolved, "
            "attempts, duration_ms, result, error, fingerprints FROM am_notification WHERE id > ? "
            "AND time >= ? AND time <= ? ORDER BY id LIMIT ?",
            parameters, [&](std::span<const state::Cell> row) {
                NotificationRecord each;
                each.alerts = unpacked(text(row[12]));
                if (result.size() >= query.limit ||
                    (query.fingerprint && std::find(each.alerts.begin(), each.alerts.end(),
                                                    *query.fingerprint) == each.alerts.end())) {
                    return;
                }
                each.id = integer(row[0]);
                each.time = {integer(row[1])};
                each.groupKey = text(row[2]);
                each.receiver = text(row[3]);
                each.integration = text(row[4]);
                each.reason = text(row[5]);
                each.firing = static_cast<std::size_t>(integer(row[6]));
                each.resolved = static_cast<std::size_t>(integer(row[7]));
                each.attempts = static_cast<std::size_t>(integer(row[8]));
                each.duration = base::Duration::fromMs(integer(row[9]));
                each.result = text(row[10]);
                each.error = text(row[11]);
                result.push_back(std::move(each));
            });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return result;
}

absl::StatusOr<std::vector<SuppressedAlert>> History::suppressedBy(const std::string& silence,
                                                                   base::Timestamp from) const
{
    std::vector<SuppressedAlert> result;
    if (writer_.database() == nullptr) {
        return result;
    }
    NARTHEX_RETURN_IF_ERROR(writer_.flush());
    const std::array<state::Cell, 3> parameters{from.ms, silence, kMostSuppressed};
    const absl::Status status = writer_.database()->read([&](state::Connection& connection) {
        return connection.execute(
            "SELECT fingerprint, labels, min(time), max(time) FROM am_transition WHERE time >= ? "
            "AND kind = 'silenced' AND instr(detail, ?) > 0 GROUP BY fingerprint ORDER BY "
            "min(time), min(id) LIMIT ?",
            parameters, [&](std::span<const state::Cell> row) {
                result.push_back({.fingerprint = static_cast<Fingerprint>(integer(row[0])),
                                  .labels = model::Labels::fromBytes(text(row[1])),
                                  .first = {integer(row[2])},
                                  .last = {integer(row[3])}});
            });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return result;
}

void History::collect(base::Timestamp now)
{
    writer_.post([limit = (now - retention_).ms](state::Connection& connection) {
        const std::array<state::Cell, 1> parameters{limit};
        NARTHEX_RETURN_IF_ERROR(
            connection.execute("DELETE FROM am_notification WHERE time < ?", parameters));
        return connection.execute("DELETE FROM am_transition WHERE time < ?", parameters);
    });
}

} // namespace narthex::alertmanager
