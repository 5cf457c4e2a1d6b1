// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups in the database: a row each, and one for every family, as protobuf.
#include "core/base/status.h"
#include "core/exposition/family_protobuf.h"
#include "core/push/push_store.h"

#include <array>

namespace narthex::push {
namespace {

constexpr std::string_view kTables = R"(
CREATE TABLE push_group (
    path TEXT PRIMARY KEY, pushed_at INTEGER, failed_at INTEGER, error TEXT) WITHOUT ROWID;
CREATE TABLE push_family (
    path TEXT, name TEXT, time INTEGER, body BLOB, PRIMARY KEY (path, name)) WITHOUT ROWID;
)";

constexpr std::array<state::Migration, 1> kMigrations = {{{.version = 1, .sql = kTables}}};

state::Cell cellOf(const std::optional<base::Timestamp>& time)
{
    return time ? state::Cell(time->ms) : state::Cell(nullptr);
}

std::optional<base::Timestamp> timeOf(const state::Cell& cell)
{
    const auto* ms = std::get_if<std::int64_t>(&cell);
    return ms == nullptr ? std::nullopt : std::optional(base::Timestamp{*ms});
}

std::string textOf(const state::Cell& cell)
{
    const auto* text = std::get_if<std::string>(&cell);
    return text == nullptr ? std::string() : *text;
}

} // namespace

std::span<const state::Migration> migrations() { return kMigrations; }

void PushStore::saveGroup(const PushGroup& group, bool dropFamilies)
{
    const std::string path = pushPath(group.key);
    writer_.post([path, pushed = cellOf(group.pushed), failed = cellOf(group.failed),
                  error = group.error, dropFamilies](state::Connection& connection) {
        const std::array<state::Cell, 4> cells = {path, pushed, failed, error};
        NARTHEX_RETURN_IF_ERROR(connection.execute(
            "INSERT OR REPLACE INTO push_group (path, pushed_at, failed_at, error) VALUES "
            "(?1, ?2, ?3, ?4)",
            cells));
        if (!dropFamilies) {
            return absl::OkStatus();
        }
        return connection.execute("DELETE FROM push_family WHERE path = ?1",
                                  std::array<state::Cell, 1>{path});
    });
}

void PushStore::saveFamily(const GroupingKey& key, const StoredFamily& family)
{
    std::string body;
    exposition::appendProtobufFamily(body, family.family);
    writer_.post([path = pushPath(key), name = family.family.name, time = family.time.ms,
                  body = std::move(body)](state::Connection& connection) {
        const std::array<state::Cell, 4> cells = {path, name, time, body};
        return connection.execute(
            "INSERT OR REPLACE INTO push_family (path, name, time, body) VALUES (?1, ?2, ?3, ?4)",
            cells);
    });
}

void PushStore::erase(const GroupingKey& key)
{
    const auto found = groups_.find(key);
    if (found == groups_.end()) {
        return;
    }
    for (const auto& [name, stored] : found->second.families) {
        removeFromIndex(found->second, stored.family);
    }
    groups_.erase(found);
    writer_.post([path = pushPath(key)](state::Connection& connection) {
        const std::array<state::Cell, 1> cells = {path};
        NARTHEX_RETURN_IF_ERROR(
            connection.execute("DELETE FROM push_family WHERE path = ?1", cells));
        return connection.execute("DELETE FROM push_group WHERE path = ?1", cells);
    });
}

absl::Status PushStore::load()
{
    if (environment_.database == nullptr) {
        return absl::OkStatus();
    }
    std::map<GroupingKey, PushGroup> groups;
    const auto keyOf = [](const state::Cell& path) { return parsePushPath(textOf(path), true); };
    const absl::Status status = environment_.database->read([&](state::Connection& connection) {
        NARTHEX_RETURN_IF_ERROR(
            connection.execute("SELECT path, pushed_at, failed_at, error FROM push_group", {},
                               [&](std::span<const state::Cell> row) {
                                   if (const auto key = keyOf(row[0]); key.ok()) {
                                       groups[*key] = {.key = *key,
                                                       .pushed = timeOf(row[1]),
                                                       .failed = timeOf(row[2]),
                                                       .error = textOf(row[3])};
                                   }
                               }));
        return connection.execute(
            "SELECT path, name, time, body FROM push_family", {},
            [&](std::span<const state::Cell> row) {
                const auto key = keyOf(row[0]);
                auto families = exposition::parseProtobufFamilies(textOf(row[3]));
                if (!key.ok() || !groups.contains(*key) || !families.ok() || families->empty()) {
                    environment_.log->warn("push: a family of the database cannot be read name={}",
                                           textOf(row[1]));
                    return;
                }
                groups[*key].families[textOf(row[1])] = {
                    std::move(families->front()), timeOf(row[2]).value_or(base::Timestamp{})};
            });
    });
    NARTHEX_RETURN_IF_ERROR(status);
    absl::MutexLock lock(&mutex_);
    groups_ = std::move(groups);
    for (const auto& [key, group] : groups_) {
        for (const auto& [name, stored] : group.families) {
            addToIndex(group, stored.family);
        }
    }
    return absl::OkStatus();
}

} // namespace narthex::push
