// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How episodes and acknowledgements stand in the database.
#include "core/alertmanager/acknowledgements.h"
#include "core/base/status.h"
#include "core/tsdb/ulid.h"

#include <array>

namespace narthex::alertmanager {
namespace {

using state::Cell;

std::int64_t cell(Fingerprint value) { return static_cast<std::int64_t>(value); }

Cell cell(const std::optional<base::Timestamp>& time)
{
    return time ? Cell(time->ms) : Cell(nullptr);
}

std::optional<base::Timestamp> time(const Cell& value)
{
    const auto* ms = std::get_if<std::int64_t>(&value);
    return ms == nullptr ? std::nullopt : std::optional(base::Timestamp{*ms});
}

std::int64_t integer(const Cell& value)
{
    const auto* number = std::get_if<std::int64_t>(&value);
    return number == nullptr ? 0 : *number;
}

std::string string(const Cell& value)
{
    const auto* content = std::get_if<std::string>(&value);
    return content == nullptr ? std::string() : *content;
}

template <typename Enum>
Enum named(std::string_view name, Enum last)
{
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        if (text(static_cast<Enum>(i)) == name) {
            return static_cast<Enum>(i);
        }
    }
    return Enum{};
}

/// In the order that fromRow() reads.
constexpr std::string_view kColumns =
    "SELECT id, fingerprint, episode, labels, author, comment, created_at, expires_at, notify, "
    "sticky, source, until_worse, flag, siblings, since, ended_at, end_reason, ended_by, "
    "waiting_until FROM ";

Acknowledgement fromRow(std::span<const Cell> row)
{
    return {.id = string(row[0]),
            .fingerprint = static_cast<Fingerprint>(integer(row[1])),
            .episode = string(row[2]),
            .labels = model::Labels::fromBytes(string(row[3])),
            .author = string(row[4]),
            .comment = string(row[5]),
            .createdAt = {integer(row[6])},
            .since = {integer(row[14])},
            .expiresAt = time(row[7]),
            .notify = integer(row[8]) != 0,
            .sticky = integer(row[9]) != 0,
            .untilWorse = integer(row[11]) != 0,
            .source = named(string(row[10]), AckSource::External),
            .siblings = static_cast<std::size_t>(integer(row[13])),
            .endedAt = time(row[15]),
            .endReason = named(string(row[16]), AckEnd::Worsened),
            .endedBy = string(row[17]),
            .waitingUntil = time(row[18]),
            .returned = string(row[12]) == "returned"};
}

} // namespace

absl::Status Acknowledgements::load(state::Connection& connection)
{
    NARTHEX_RETURN_IF_ERROR(connection.execute(
        "SELECT id, fingerprint, started_at, ended_at FROM episode WHERE ended_at IS NULL OR id "
        "IN (SELECT episode FROM ack WHERE ended_at IS NULL)",
        {}, [this](std::span<const Cell> row) {
            episodes_[static_cast<Fingerprint>(integer(row[1]))] = {
                .id = string(row[0]), .startedAt = {integer(row[2])}, .endedAt = time(row[3])};
        }));
    NARTHEX_RETURN_IF_ERROR(connection.execute(
        fmt::format("{}(SELECT * FROM ack ORDER BY ended_at IS NULL DESC, id DESC LIMIT ?)",
                    kColumns),
        std::array<Cell, 1>{static_cast<std::int64_t>(kMostOpen + kMostEnded)},
        [this](std::span<const Cell> row) {
            Acknowledgement ack = fromRow(row);
            if (ack.open()) {
                open_[ack.fingerprint] = ack.id;
                watched_ += ack.untilWorse ? 1 : 0;
            } else if (ack.endReason == AckEnd::Expired || ack.endReason == AckEnd::Withdrawn ||
                       ack.endReason == AckEnd::Worsened) {
                base::Timestamp& last = lastEnd_[ack.fingerprint];
                last = std::max(last, *ack.endedAt);
            }
            all_[ack.id] = std::move(ack);
        }));
    return absl::OkStatus();
}

void Acknowledgements::write(const Acknowledgement& ack)
{
    ++version_;
    writer_.post([each = ack](state::Connection& connection) {
        return connection.execute(
            "INSERT OR REPLACE INTO ack (id, fingerprint, episode, labels, author, comment, "
            "created_at, expires_at, notify, sticky, source, until_worse, flag, siblings, "
            "since, ended_at, end_reason, ended_by, waiting_until) VALUES (?, ?, ?, ?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            std::array<Cell, 19>{
                each.id, cell(each.fingerprint), each.episode, each.labels.bytes(), each.author,
                each.comment, each.createdAt.ms, cell(each.expiresAt), std::int64_t{each.notify},
                std::int64_t{each.sticky}, std::string(text(each.source)),
                std::int64_t{each.untilWorse}, std::string(each.returned ? "returned" : ""),
                static_cast<std::int64_t>(each.siblings), each.since.ms, cell(each.endedAt),
                std::string(text(each.endReason)), each.endedBy, cell(each.waitingUntil)});
    });
}

void Acknowledgements::writeEpisode(Fingerprint fingerprint, const Episode& episode,
                                    const model::Labels& labels, std::string_view endKind)
{
    writer_.post(
        [fingerprint, episode, labels, kind = std::string(endKind)](state::Connection& connection) {
            return connection.execute(
                "INSERT OR REPLACE INTO episode (id, fingerprint, labels, started_at, ended_at, "
                "end_kind) VALUES (?, ?, ?, ?, ?, ?)",
                std::array<Cell, 6>{episode.id, cell(fingerprint), labels.bytes(),
                                    episode.startedAt.ms, cell(episode.endedAt), kind});
        });
}

void Acknowledgements::event(const Acknowledgement& ack, std::string_view kind,
                             const std::string& by, const std::string& detail, base::Timestamp now)
{
    writer_.post(
        [id = ack.id, name = std::string(kind), by, detail, now](state::Connection& connection) {
            return connection.execute(
                "INSERT INTO ack_event (ack_id, at, kind, actor, detail) VALUES (?, ?, ?, ?, ?)",
                std::array<Cell, 5>{id, now.ms, name, by, detail});
        });
}

void Acknowledgements::collect(base::Timestamp now)
{
    // Names begin with the time of their making, which is before the end: of the table only what
    // is old enough to matter is looked at.
    const base::Timestamp limit = now - settings_.retention;
    writer_.post([limit, newest = tsdb::makeUlid(limit, 0, 0)](state::Connection& connection) {
        const std::array<Cell, 2> old{newest, limit.ms};
        NARTHEX_RETURN_IF_ERROR(
            connection.execute("DELETE FROM ack WHERE id < ? AND ended_at < ?", old));
        NARTHEX_RETURN_IF_ERROR(connection.execute(
            "DELETE FROM ack_event WHERE ack_id < ? AND ack_id NOT IN (SELECT id FROM ack)",
            std::array<Cell, 1>{newest}));
        return connection.execute("DELETE FROM episode WHERE id < ? AND ended_at < ? AND id NOT IN "
                                  "(SELECT episode FROM ack WHERE ended_at IS NULL)",
                                  old);
    });
}

absl::StatusOr<std::vector<Acknowledgement>> readAcks(state::StateWriter& writer,
                                                      std::string_view after, std::size_t limit)
{
    NARTHEX_RETURN_IF_ERROR(writer.flush());
    std::vector<Acknowledgement> result;
    const absl::Status status = writer.database()->read([&](state::Connection& connection) {
        return connection.execute(
            fmt::format("{}ack WHERE id > ? ORDER BY id LIMIT ?", kColumns),
            std::array<Cell, 2>{std::string(after), static_cast<std::int64_t>(limit)},
            [&](std::span<const Cell> row) { result.push_back(fromRow(row)); });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return result;
}

absl::StatusOr<Acknowledgement> readAck(state::StateWriter& writer, std::string_view id)
{
    NARTHEX_RETURN_IF_ERROR(writer.flush());
    std::optional<Acknowledgement> result;
    const absl::Status status = writer.database()->read([&](state::Connection& connection) {
        return connection.execute(fmt::format("{}ack WHERE id = ?", kColumns),
                                  std::array<Cell, 1>{std::string(id)},
                                  [&](std::span<const Cell> row) { result = fromRow(row); });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    if (!result) {
        return base::notFound("acknowledgement not found");
    }
    return *std::move(result);
}

absl::StatusOr<std::vector<AckEvent>> readEvents(state::StateWriter& writer,
                                                 Fingerprint fingerprint)
{
    std::vector<AckEvent> result;
    if (writer.database() == nullptr) {
        return result;
    }
    NARTHEX_RETURN_IF_ERROR(writer.flush());
    const std::array<Cell, 1> parameters{cell(fingerprint)};
    const absl::Status status = writer.database()->read([&](state::Connection& connection) {
        return connection.execute(
            "SELECT ack_id, at, kind, actor, detail FROM ack_event WHERE ack_id IN (SELECT id FROM "
            "ack WHERE fingerprint = ?) ORDER BY id",
            parameters, [&](std::span<const Cell> row) {
                result.push_back({.ackId = string(row[0]),
                                  .at = {integer(row[1])},
                                  .kind = string(row[2]),
                                  .by = string(row[3]),
                                  .detail = string(row[4])});
            });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return result;
}

} // namespace narthex::alertmanager
