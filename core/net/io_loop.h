// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one event loop: outgoing HTTP, the API's connections, timers of both. One thread; handlers
// are short and hand over to the pool. Owner: the program; everything that lives on the loop dies
// before it. Threads: post() from any thread.
#pragma once

#include <functional>
#include <memory>

namespace narthex::net {

class IoLoop
{
public:
    IoLoop();
    /// Runs what is posted, stops, joins.
    ~IoLoop();
    IoLoop(const IoLoop&) = delete;
    IoLoop& operator=(const IoLoop&) = delete;

    /// Runs `task` on the loop's thread.
    void post(std::function<void()> task);
    /// Runs `task` on the loop's thread and waits for it; at once when called there.
    void run(const std::function<void()>& task);
    [[nodiscard]] bool isLoopThread() const;

    /// Asio's context, for sources of this module only.
    struct Impl;
    [[nodiscard]] Impl& impl() { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

} // namespace narthex::net
