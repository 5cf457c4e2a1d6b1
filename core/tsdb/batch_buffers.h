// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The large buffers of a batch, lent for as long as it is open: a thousand appenders, of which a
// few work at a time, need the memory of a few. Owner: Head. Threads: the pool any; buffers whoever
// borrowed them.
#pragma once

#include "core/tsdb/pending.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace narthex::tsdb {

struct BatchBuffers
{
    std::vector<PendingSample> samples;
    /// Log records, one behind the other.
    std::unique_ptr<char[]> log;
    std::size_t logCapacity = 0;
    std::vector<std::string> compressed;
};

class BatchBufferPool
{
public:
    BatchBuffers take()
    {
        absl::MutexLock lock(&mutex_);
        if (free_.empty()) {
            return {};
        }
        BatchBuffers buffers = std::move(free_.back());
        free_.pop_back();
        return buffers;
    }
    void give(BatchBuffers buffers)
    {
        // One for each core of a large machine would do.
        constexpr std::size_t kKept = 8;
        absl::MutexLock lock(&mutex_);
        if (free_.size() < kKept) {
            free_.push_back(std::move(buffers));
        }
    }

private:
    absl::Mutex mutex_;
    std::vector<BatchBuffers> free_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
