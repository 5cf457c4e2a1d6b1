// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Waits until something happens in some folders (inotify): files written, created, renamed,
// removed. Owner: a mechanism that follows files. Threads: one; a stop token may be requested from
// any. Errors: where the kernel gives no (more) watches, waiting is for the time alone.
#pragma once

#include "core/base/file.h"
#include "core/base/time.h"

#include <map>
#include <set>
#include <stop_token>
#include <string>

namespace narthex::discovery {

class DirectoryWatch
{
public:
    DirectoryWatch();

    /// Watches exactly these folders; one that came back is watched anew. Not recursive. Errors:
    /// the first folder that cannot be watched, the others are.
    absl::Status watch(const std::set<std::string>& folders);

    enum class Woken
    {
        Changed,
        TimeOver,
        Stopped
    };
    /// Waits for a change since the last call; changes that come together are one.
    [[nodiscard]] Woken wait(base::Duration atMost, const std::stop_token& stop);

private:
    /// Whether there was anything but the news of a watch that ended.
    bool drain();

    base::File inotify_;
    base::File wake_;
    std::map<std::string, int> watches_; // by folder
};

} // namespace narthex::discovery
