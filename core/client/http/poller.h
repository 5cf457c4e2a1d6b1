// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Asks a server again and again, less often while it does not answer. Owner: the subscription; its
// end is the poller's. Threads: `ask` is called on the timers' thread and must be short; `onAnswer`
// on the thread of the reply. Source: spec/ui.md, 6.9.
#pragma once

#include "core/base/timers.h"
#include "core/client/monitoring_client.h"

#include <functional>

namespace narthex::client {

using namespace base::literals;

struct PollerOptions
{
    base::Duration interval = 15_s;
    /// Without an answer the interval doubles up to this.
    base::Duration longest = 5_min;
};

/// `ask` asks and passes on how it went; `onAnswer(status)` hears of it, never after the
/// subscription ended. `timers` outlives the subscription.
Subscription poll(base::Timers& timers, PollerOptions options,
                  std::function<void(std::stop_token, Reply<bool>)> ask,
                  std::function<void(const absl::Status&)> onAnswer);

} // namespace narthex::client
