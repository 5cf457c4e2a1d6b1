// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/schema.h"

#include <array>

namespace narthex::alertmanager {
namespace {

// Labels and annotations stand in the packed form of model::Labels, times in milliseconds.
constexpr std::string_view kFirst = R"(
CREATE TABLE am_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE am_alert (
    fingerprint INTEGER PRIMARY KEY, labels BLOB, annotations BLOB, starts_at INTEGER,
    ends_at INTEGER, updated_at INTEGER, generator_url TEXT, by_timeout INTEGER);
CREATE TABLE am_silence (
    id TEXT PRIMARY KEY, matchers TEXT, starts_at INTEGER, ends_at INTEGER, updated_at INTEGER,
    created_by TEXT, comment TEXT, annotations TEXT) WITHOUT ROWID;
CREATE TABLE am_log (
    key TEXT PRIMARY KEY, time INTEGER, expires_at INTEGER, repeat_from INTEGER, firing BLOB,
    resolved BLOB, memory TEXT) WITHOUT ROWID;
CREATE TABLE am_notification (
    id INTEGER PRIMARY KEY, time INTEGER, group_key TEXT, receiver TEXT, integration TEXT,
    reason TEXT, firing INTEGER, resolved INTEGER, attempts INTEGER, duration_ms INTEGER,
    result TEXT, error TEXT, fingerprints BLOB);
CREATE INDEX am_notification_time ON am_notification (time);
CREATE TABLE am_transition (
    id INTEGER PRIMARY KEY, time INTEGER, fingerprint INTEGER, labels BLOB, kind TEXT,
    detail TEXT, value REAL);
CREATE INDEX am_transition_time ON am_transition (time);
CREATE INDEX am_transition_alert ON am_transition (fingerprint, time);
CREATE TABLE episode (
    id TEXT PRIMARY KEY, fingerprint INTEGER, labels BLOB, started_at INTEGER, ended_at INTEGER,
    end_kind TEXT) WITHOUT ROWID;
CREATE INDEX episode_alert ON episode (fingerprint, started_at);
CREATE TABLE ack (
    id TEXT PRIMARY KEY, fingerprint INTEGER, episode TEXT, labels BLOB, author TEXT,
    comment TEXT, created_at INTEGER, expires_at INTEGER, notify INTEGER, sticky INTEGER,
    source TEXT, until_worse INTEGER, flag TEXT, siblings INTEGER, since INTEGER,
    ended_at INTEGER, end_reason TEXT, ended_by TEXT, waiting_until INTEGER) WITHOUT ROWID;
CREATE INDEX ack_alert ON ack (fingerprint);
CREATE TABLE ack_export (
    ack_id TEXT, target TEXT, silence_id TEXT, starts_at TEXT, ends_at INTEGER,
    last_extended_at INTEGER, last_error TEXT, matchers TEXT, PRIMARY KEY (target, silence_id))
    WITHOUT ROWID;
CREATE TABLE ack_event (
    id INTEGER PRIMARY KEY, ack_id TEXT, at INTEGER, kind TEXT, actor TEXT, detail TEXT);
CREATE INDEX ack_event_ack ON ack_event (ack_id, at);
)";

constexpr std::array<state::Migration, 1> kMigrations = {{{.version = 1, .sql = kFirst}}};

} // namespace

std::span<const state::Migration> migrations() { return kMigrations; }

} // namespace narthex::alertmanager
