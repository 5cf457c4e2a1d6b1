// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/directory_watch.h"

#include "core/base/status.h"
#include "core/discovery/provider.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace narthex::discovery {
namespace {

// Everything but changes of attributes and reading.
constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MODIFY |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR;

// Writers change a file in several steps: after the first event this long is waited for the others.
constexpr base::Duration kSettle = base::Duration::fromMs(50);

} // namespace

DirectoryWatch::DirectoryWatch()
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify"),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")
{}

absl::Status DirectoryWatch::watch(const std::set<std::string>& folders)
{
    if (!inotify_.isOpen()) {
        return absl::UnavailableError("the system gives no more inotify instances");
    }
    std::erase_if(watches_, [&](const auto& entry) {
        if (folders.contains(entry.first)) {
            return false;
        }
        inotify_rm_watch(inotify_.descriptor(), entry.second);
        return true;
    });
    absl::Status result;
    for (const std::string& folder : folders) {
        // Adding again costs little, and finds a folder that was replaced.
        const int id = inotify_add_watch(inotify_.descriptor(), folder.c_str(), kEvents);
        if (id < 0) {
            result.Update(base::errnoStatus(errno, folder));
            watches_.erase(folder);
        } else {
            watches_[folder] = id;
        }
    }
    return result;
}

DirectoryWatch::Woken DirectoryWatch::wait(base::Duration atMost, const std::stop_token& stop)
{
    const std::stop_callback onStop(stop, [this] { eventfd_write(wake_.descriptor(), 1); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(atMost.ns);
    while (!stop.stop_requested()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                              end - std::chrono::steady_clock::now())
                              .count();
        if (left < 0) {
            return Woken::TimeOver;
        }
        std::array<pollfd, 2> ready{pollfd{wake_.descriptor(), POLLIN, 0},
                                    pollfd{inotify_.descriptor(), POLLIN, 0}};
        constexpr std::int64_t kMost = std::numeric_limits<int>::max();
        if (poll(ready.data(), ready.size(), static_cast<int>(std::min(left + 1, kMost))) <= 0) {
            continue;
        }
        if ((ready[1].revents & POLLIN) != 0 && drain()) {
            if (!waitFor(kSettle, stop)) {
                break;
            }
            drain();
            return Woken::Changed;
        }
    }
    return Woken::Stopped;
}

bool DirectoryWatch::drain()
{
    bool changed = false;
    alignas(inotify_event) std::array<char, 16384> buffer{};
    ssize_t length = 0;
    while ((length = read(inotify_.descriptor(), buffer.data(), buffer.size())) > 0) {
        std::size_t at = 0;
        while (at + sizeof(inotify_event) <= static_cast<std::size_t>(length)) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            changed = changed || (event.mask & IN_IGNORED) == 0;
            at += sizeof(inotify_event) + event.len;
        }
    }
    return changed;
}

} // namespace narthex::discovery
