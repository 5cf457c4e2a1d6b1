// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a Pushgateway counts of itself, by its names. Owner: Api. Threads: any. Units: seconds,
// bytes. Source: spec/pushgateway.md, 10.
#pragma once

#include "core/exposition/instruments.h"
#include "core/exposition/text_writer.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::api {

class PushCounters
{
public:
    /// A request that was answered; `now` is monotonic, `method` one of PUT, POST, DELETE.
    void count(std::string_view method, int code, std::size_t bytes, base::Duration took,
               base::Duration now);
    void writeMetrics(exposition::TextWriter& out, base::Duration now) const;

private:
    struct Method
    {
        exposition::RecentSummary seconds;
        exposition::RecentSummary bytes;
    };
    Method put_;
    Method post_;
    mutable absl::Mutex mutex_;
    /// By method (lower case) and code.
    std::map<std::pair<std::string, int>, std::uint64_t> requests_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::api
