// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How exports of acknowledgements stand in the database.
#include "core/alertmanager/ack_export.h"
#include "core/alertmanager/json_text.h"
#include "core/alertmanager/silences.h"
#include "core/base/status.h"

#include <array>

namespace narthex::alertmanager {

using discovery::Json;

absl::StatusOr<std::string> instanceId(state::Database* database)
{
    std::string id = makeUuid();
    if (database == nullptr) {
        return id;
    }
    const absl::Status status = database->write([&id](state::Connection& connection) {
        NARTHEX_RETURN_IF_ERROR(
            connection.execute("INSERT OR IGNORE INTO am_meta VALUES ('instance', ?)",
                               std::array<state::Cell, 1>{id}));
        return connection.execute(
            "SELECT value FROM am_meta WHERE name = 'instance'", {},
            [&id](std::span<const state::Cell> row) { id = std::get<std::string>(row[0]); });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return id;
}

absl::Status AckExporter::start()
{
    const absl::MutexLock lock(&mutex_);
    if (environment_.database != nullptr) {
        const absl::Status status = environment_.database->read([&](state::Connection& connection) {
            return connection.execute(
                "SELECT ack_id, target, silence_id, starts_at, ends_at, matchers, "
                "last_extended_at FROM ack_export",
                {}, [&](std::span<const state::Cell> row) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    const auto text = [&](std::size_t i) { return std::get<std::string>(row[i]); };
                    const auto json = Json::parse(text(5));
                    AckExport each{.ackIds = {text(0)},
                                   .target = text(1),
                                   .silenceId = text(2),
                                   .startsAt = text(3),
                                   .endsAt = {std::get<std::int64_t>(row[4])}};
                    if (json.ok()) {
                        const auto sets = matcherSetsFromJson((*json)["matchers"].json());
                        each.matchers = sets.empty() ? model::Matchers() : sets.front();
                        each.author = (*json)["author"].text();
                        each.comment = (*json)["comment"].text();
                        std::vector<std::string> ids = (*json)["acks"].texts();
                        each.ackIds = ids.empty() ? each.ackIds : std::move(ids);
                        if ((*json)["expires"].isNumber()) {
                            each.expiresAt = base::Timestamp{(*json)["expires"].integer()};
                        }
                    }
                    exports_[{each.target, each.silenceId}] = std::move(each);
                });
        });
        NARTHEX_RETURN_IF_ERROR(status);
    }
    schedule();
    return absl::OkStatus();
}

void AckExporter::remember(const AckExport& exported)
{
    exports_[{exported.target, exported.silenceId}] = exported;
    std::string json;
    base::JsonWriter out(json);
    out.beginObject().key("matchers").raw(matcherSetsJson({exported.matchers}));
    out.member("author", exported.author).member("comment", exported.comment);
    if (exported.expiresAt) {
        out.key("expires").integer(exported.expiresAt->ms);
    }
    if (exported.ackIds.size() > 1) {
        out.key("acks").beginArray();
        for (const std::string& id : exported.ackIds) {
            out.string(id);
        }
        out.endArray();
    }
    out.endObject();
    writer_.post([each = exported, json](state::Connection& connection) {
        return connection.execute(
            "INSERT OR REPLACE INTO ack_export (ack_id, target, silence_id, starts_at, ends_at, "
            "last_extended_at, last_error, matchers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 8>{
                each.ackIds.front(), each.target, each.silenceId, each.startsAt, each.endsAt.ms,
                each.lastExtendedAt ? state::Cell(each.lastExtendedAt->ms) : nullptr,
                each.lastError, json});
    });
}

void AckExporter::drop(const AckExport& exported)
{
    exports_.erase({exported.target, exported.silenceId});
    writer_.post(
        [target = exported.target, id = exported.silenceId](state::Connection& connection) {
            return connection.execute("DELETE FROM ack_export WHERE target = ? AND silence_id = ?",
                                      std::array<state::Cell, 2>{target, id});
        });
}

} // namespace narthex::alertmanager
