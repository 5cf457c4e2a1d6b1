// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/isolation.h"

namespace narthex::tsdb {

Isolation::Reader::Reader(Isolation& isolation, std::int64_t fromMs)
    : isolation_(isolation), fromMs_(fromMs)
{
    absl::MutexLock lock(&isolation_.mutex_);
    view_.newest = isolation_.last_;
    view_.open = isolation_.open_;
    place_ = isolation_.readers_.insert(isolation_.readers_.end(), this);
}

Isolation::Reader::~Reader()
{
    absl::MutexLock lock(&isolation_.mutex_);
    isolation_.readers_.erase(place_);
    isolation_.updateLocked();
}

CommitId Isolation::beginCommit()
{
    absl::MutexLock lock(&mutex_);
    open_.push_back(++last_);
    return last_;
}

void Isolation::endCommit(CommitId id)
{
    absl::MutexLock lock(&mutex_);
    open_.erase(std::find(open_.begin(), open_.end(), id));
    updateLocked();
}

void Isolation::updateLocked()
{
    CommitId settled = open_.empty() ? last_ + 1 : *std::min_element(open_.begin(), open_.end());
    for (const Reader* reader : readers_) {
        settled = std::min(settled, reader->view_.seesAllBelow());
    }
    settledBelow_.store(settled, std::memory_order_release);
}

bool Isolation::waitForReadersBefore(std::int64_t beforeMs, absl::Duration atMost)
{
    const auto none = [this, beforeMs]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return std::none_of(readers_.begin(), readers_.end(), [beforeMs](const Reader* reader) {
            return reader->fromMs_ < beforeMs;
        });
    };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&none), atMost);
}

} // namespace narthex::tsdb
