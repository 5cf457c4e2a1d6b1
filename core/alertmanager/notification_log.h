// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What was told to whom: an entry for each group and integration, and what follows from it for the
// next message. Owner: the Alertmanager, whose lock guards the log. Threads: one at a time;
// decide() is pure. Source: spec/alertmanager.md, 4.5 and 7; spec/acknowledge.md, 4.2.
#pragma once

#include "core/alertmanager/receivers/notification.h"
#include "core/base/string_map.h"
#include "core/state/state_writer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

struct LogEntry
{
    /// When the flush began that was told.
    base::Timestamp time;
    base::Timestamp expiresAt;
    /// From when the repeat interval counts: when the message was out; later after a gap of the
    /// clock.
    base::Timestamp repeatFrom;
    /// Hashes of alerts, sorted.
    std::vector<std::uint64_t> firing;
    std::vector<std::uint64_t> resolved;
    NotificationMemory memory;
};

/// `<group key>:<receiver>/<integration>/<index>`
std::string logKey(std::string_view groupKey, std::string_view receiver,
                   std::string_view integration, std::size_t index);

class NotificationLog
{
public:
    struct Counters
    {
        std::uint64_t queries = 0;
    };

    NotificationLog(base::Duration retention, state::StateWriter& writer)
        : retention_(retention), writer_(writer)
    {}

    absl::Status load(state::Connection& connection);
    /// Null: none, or it has expired.
    [[nodiscard]] const LogEntry* find(std::string_view key, base::Timestamp now) const;
    /// Writes the entry; its expiry follows from `now` and the repeat interval.
    void put(const std::string& key, LogEntry entry, base::Duration repeatInterval,
             base::Timestamp now);
    /// Lets an entry live on that says what still fires.
    void prolong(const std::string& key, base::Duration repeatInterval, base::Timestamp now);
    /// Takes an entry from elsewhere unless the own one is younger.
    void merge(const std::string& key, LogEntry entry);
    void purge(base::Timestamp now);
    /// The clock stood still for so long: nothing becomes due because of it.
    void bridge(base::Duration gap);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Of all that is kept.
    [[nodiscard]] std::size_t sizeBytes() const;
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    void write(const std::string& key, const LogEntry& entry);

    const base::Duration retention_;
    state::StateWriter& writer_;
    base::StringMap<LogEntry> entries_;
    mutable Counters counters_;
};

/// What reached the last stage before an integration.
struct DecisionInput
{
    /// Null: none.
    const LogEntry* entry = nullptr;
    /// Hashes of what fires, sorted; all of it, acknowledged or not.
    std::vector<std::uint64_t> firing;
    /// Of these, the ones that are not acknowledged, sorted.
    std::vector<std::uint64_t> unacknowledged;
    std::vector<std::uint64_t> resolved;
    bool sendResolved = true;
    base::Duration repeatInterval = 4_h;
    base::Timestamp now;
    /// An acknowledgement of an alert that still fires ended since the entry.
    bool acknowledgementEnded = false;
};

struct Decision
{
    bool send = false;
    Reason reason = Reason::Unknown;
    /// Nothing to send, but the entry has to live on.
    bool prolong = false;
    /// A repeat was due and is not sent, for all is acknowledged.
    bool repeatHeldBack = false;
    /// Why nothing is sent, in words.
    std::string_view whyNot;
};

Decision decide(const DecisionInput& input);

} // namespace narthex::alertmanager
