// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/state/state_writer.h"

#include "core/base/status.h"

namespace narthex::state {
namespace {

/// Not the state of disk and file, but the change itself is at fault.
bool isRefusal(const absl::Status& status)
{
    return !absl::IsUnavailable(status) && !absl::IsResourceExhausted(status) &&
           !absl::IsDataLoss(status);
}

} // namespace

StateWriter::StateWriter(Database* database) : database_(database)
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
    const absl::Status status = database_->write([&](Connection& connection) {
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

} // namespace narthex::state
