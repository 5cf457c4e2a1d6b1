// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/notification_log.h"

#include "core/alertmanager/json_text.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace narthex::alertmanager {
namespace {

std::string packed(const std::vector<std::uint64_t>& hashes)
{
    std::string bytes(hashes.size() * sizeof(std::uint64_t), '\0');
    if (!hashes.empty()) {
        std::memcpy(bytes.data(), hashes.data(), bytes.size());
    }
    return bytes;
}

std::vector<std::uint64_t> unpacked(const std::string& bytes)
{
    std::vector<std::uint64_t> hashes(bytes.size() / sizeof(std::uint64_t));
    if (!hashes.empty()) {
        std::memcpy(hashes.data(), bytes.data(), hashes.size() * sizeof(std::uint64_t));
    }
    return hashes;
}

/// Whether all of `part` is in `whole`; both sorted.
bool within(const std::vector<std::uint64_t>& part, const std::vector<std::uint64_t>& whole)
{
    return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

} // namespace

std::string logKey(std::string_view groupKey, std::string_view receiver,
                   std::string_view integration, std::size_t index)
{
    return fmt::format("{}:{}/{}/{}", groupKey, receiver, integration, index);
}

absl::Status NotificationLog::load(state::Connection& connection)
{
    return connection.execute(
        "SELECT key, time, expires_at, repeat_from, firing, resolved, memory FROM am_log", {},
        [this](std::span<const state::Cell> row) {
            LogEntry entry{.time = {std::get<std::int64_t>(row[1])},
                           .expiresAt = {std::get<std::int64_t>(row[2])},
                           .repeatFrom = {std::get<std::int64_t>(row[3])},
                           .firing = unpacked(std::get<std::string>(row[4])),
                           .resolved = unpacked(std::get<std::string>(row[5]))};
            for (auto& [name, value] : textMapFromJson(std::get<std::string>(row[6]))) {
                entry.memory[name] = value;
            }
            entries_[std::get<std::string>(row[0])] = std::move(entry);
        });
}

const LogEntry* NotificationLog::find(std::string_view key, base::Timestamp now) const
{
    ++counters_.queries;
    const auto found = entries_.find(key);
    return found == entries_.end() || found->second.expiresAt <= now ? nullptr : &found->second;
}

void NotificationLog::put(const std::string& key, LogEntry entry, base::Duration repeatInterval,
                          base::Timestamp now)
{
    entry.expiresAt = now + std::min(retention_, repeatInterval * 2);
    write(key, entry);
    entries_[key] = std::move(entry);
}

void NotificationLog::prolong(const std::string& key, base::Duration repeatInterval,
                              base::Timestamp now)
{
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.expiresAt < now + repeatInterval) {
        found->second.expiresAt = now + std::min(retention_, repeatInterval * 2);
        write(key, found->second);
    }
}

void NotificationLog::merge(const std::string& key, LogEntry entry)
{
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.time < entry.time) {
        std::sort(entry.firing.begin(), entry.firing.end());
        std::sort(entry.resolved.begin(), entry.resolved.end());
        write(key, entry);
        entries_[key] = std::move(entry);
    }
}

void NotificationLog::purge(base::Timestamp now)
{
    absl::erase_if(entries_, [now](const auto& each) { return each.second.expiresAt <= now; });
    writer_.post([now](state::Connection& connection) {
        return connection.execute("DELETE FROM am_log WHERE expires_at <= ?",
                                  std::array<state::Cell, 1>{now.ms});
    });
}

std::size_t NotificationLog::sizeBytes() const
{
    std::size_t bytes = 0;
    for (const auto& [key, entry] : entries_) {
        bytes += key.size() + (entry.firing.size() + entry.resolved.size()) * sizeof(std::uint64_t);
        for (const auto& [name, value] : entry.memory) {
            bytes += name.size() + value.size();
        }
    }
    return bytes;
}

void NotificationLog::bridge(base::Duration gap)
{
    for (auto& [key, entry] : entries_) {
        entry.repeatFrom = entry.repeatFrom + gap;
        entry.expiresAt = entry.expiresAt + gap;
    }
    writer_.post([gap](state::Connection& connection) {
        return connection.execute(
            "UPDATE am_log SET repeat_from = repeat_from + ?, expires_at = expires_at + ?",
            std::array<state::Cell, 2>{gap.ms(), gap.ms()});
    });
}

void NotificationLog::write(const std::string& key, const LogEntry& entry)
{
    std::map<std::string, std::string> memory(entry.memory.begin(), entry.memory.end());
    writer_.post([key, time = entry.time.ms, expires = entry.expiresAt.ms,
                  repeat = entry.repeatFrom.ms, firing = packed(entry.firing),
                  resolved = packed(entry.resolved),
                  text = textMapJson(memory)](state::Connection& connection) {
        return connection.execute(
            "INSERT OR REPLACE INTO am_log VALUES (?, ?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 7>{key, time, expires, repeat, firing, resolved, text});
    });
}

Decision decide(const DecisionInput& input)
{
    const LogEntry* entry = input.entry;
    if (entry == nullptr) {
        if (!input.unacknowledged.empty()) {
            return {.send = true, .reason = Reason::First};
        }
        return {.whyNot = input.firing.empty() ? "nothing fires and nothing was told"
                                               : "acknowledged before the first message"};
    }
    if (!within(input.unacknowledged, entry->firing)) {
        return {.send = true, .reason = entry->firing.empty() ? Reason::First : Reason::NewAlerts};
    }
    if (input.firing.empty()) {
        return entry->firing.empty() ? Decision{.whyNot = "the end was told before"}
                                     : Decision{.send = true, .reason = Reason::AllResolved};
    }
    if (input.sendResolved && !within(input.resolved, entry->resolved)) {
        return {.send = true, .reason = Reason::SomeResolved};
    }
    const bool repeatDue = entry->repeatFrom + input.repeatInterval < input.now;
    if (repeatDue && !input.unacknowledged.empty()) {
        return {.send = true, .reason = Reason::Repeat};
    }
    if (input.acknowledgementEnded) {
        return {.send = true, .reason = Reason::AcknowledgementEnded};
    }
    if (input.unacknowledged.empty()) {
        return {.prolong = true,
                .repeatHeldBack = repeatDue,
                .whyNot = "all that fires is acknowledged"};
    }
    return {.whyNot = "nothing changed and the repeat interval is not over"};
}

} // namespace narthex::alertmanager
