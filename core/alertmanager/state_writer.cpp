// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/state_writer.h"

#include "core/base/status.h"

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

/// Not the state of disk and file, but the change itself is at fault.
bool isRefusal(const absl::Status& status)
{
    return !absl::IsUnavailable(status) && !absl::IsResourceExhausted(status) &&
           !absl::IsDataLoss(status);
}

} // namespace

std::span<const state::Migration> migrations() { return kMigrations; }

StateWriter::StateWriter(state::Database* database) : database_(database)
{
    if (database_ != nullptr) {
        thread_ = std::jthread([this] { run(); });
    }
}

StateWriter::~StateWriter()
{
    {
        const absl::MutexLock lock(&mutex_);
        stopping_ = true;
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void StateWriter::post(Change change)
{
    if (database_ == nullptr) {
        return;
    }
    const absl::MutexLock lock(&mutex_);
    queue_.push_back(std::move(change));
    ++posted_;
    if (queue_.size() > kMostQueued) {
        queue_.pop_front();
        ++dropped_.count;
    }
}

absl::Status StateWriter::flush()
{
    if (database_ == nullptr) {
        return absl::OkStatus();
    }
    struct Goal
    {
        StateWriter* self;
        std::uint64_t count;
    };
    absl::MutexLock lock(&mutex_);
    Goal goal{this, posted_};
    mutex_.Await(absl::Condition(
        +[](Goal* g) ABSL_NO_THREAD_SAFETY_ANALYSIS { return g->self->tried_ >= g->count; },
        &goal));
    return error_;
}

absl::Status StateWriter::lastError() const
{
    const absl::MutexLock lock(&mutex_);
    return error_;
}

StateWriter::Dropped StateWriter::dropped() const
{
    const absl::MutexLock lock(&mutex_);
    return dropped_;
}

void StateWriter::run()
{
    while (true) {
        std::deque<Change> batch;
        std::uint64_t upTo = 0;
        bool last = false;
        {
            absl::MutexLock lock(&mutex_);
            mutex_.Await(absl::Condition(
                +[](StateWriter* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    return self->stopping_ || self->tried_ < self->posted_;
                },
                this));
            last = stopping_;
            upTo = posted_;
            batch.swap(queue_);
        }
        absl::Status status = writeAll(batch);
        const absl::MutexLock lock(&mutex_);
        error_ = std::move(status);
        tried_ = upTo;
        // What failed waits for the next change and is tried again with it.
        queue_.insert(queue_.begin(), std::make_move_iterator(batch.begin()),
                      std::make_move_iterator(batch.end()));
        if (last && tried_ == posted_) {
            return;
        }
    }
}

absl::Status StateWriter::writeAll(std::deque<Change>& batch)
{
    absl::Status refusal;
    int tries = 0; // of the first
    std::size_t count = batch.size();
    while (!batch.empty()) {
        std::optional<std::size_t> failed;
        const absl::Status status = writeFirst(batch, count, failed);
        if (status.ok()) {
            tries = 0;
            count = batch.size();
        } else if (!failed || !isRefusal(status)) {
            return status; // the disk is full, say: all of it waits
        } else if (*failed != 0) {
            count = *failed; // what stands before it is written, then it comes first
        } else if (++tries < kMostTries) {
            count = 1;
        } else {
            batch.pop_front();
            drop(status);
            refusal = status;
            tries = 0;
            count = batch.size();
        }
    }
    return refusal;
}

absl::Status StateWriter::writeFirst(std::deque<Change>& batch, std::size_t count,
                                     std::optional<std::size_t>& failed)
{
    const absl::Status status = database_->write([&](state::Connection& connection) {
        for (std::size_t i = 0; i < count; ++i) {
            absl::Status each = batch[i](connection);
            if (!each.ok()) {
                failed = i;
                return each;
            }
        }
        return absl::OkStatus();
    });
    if (status.ok()) {
        batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return status;
}

void StateWriter::drop(const absl::Status& why)
{
    const absl::MutexLock lock(&mutex_);
    ++dropped_.count;
    dropped_.error = why;
}

} // namespace narthex::alertmanager
