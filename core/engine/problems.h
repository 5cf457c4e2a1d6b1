// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The list of what is wrong right now, and the hub that tells listeners what has changed.
// Owner: Engine. Threads: any.
#pragma once

#include "core/base/status.h"
#include "core/base/timers.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::engine {

enum class Severity : std::uint8_t
{
    Warning,
    Error
};

/// Something a user should know and can act on; gone when it is over.
struct Problem
{
    std::string id;
    Severity severity = Severity::Warning;
    /// "configuration", "storage", "listener", "targets", "discovery", "rules",
    /// "notifier", "alertmanager", "remote"
    std::string source;
    std::string message;
    std::optional<base::Position> position;
    base::Timestamp since;
};

class ProblemBoard
{
public:
    /// Adds the problem or replaces the one with its id, whose `since` stays. True if something
    /// changed.
    bool set(Problem problem);
    /// True if it was there.
    bool clear(std::string_view id);
    /// Removes all of a source.
    bool clearSource(std::string_view source);
    [[nodiscard]] std::vector<Problem> list() const;

private:
    mutable absl::Mutex mutex_;
    std::map<std::string, Problem, std::less<>> problems_ ABSL_GUARDED_BY(mutex_);
};

enum class Change : std::uint8_t
{
    Status,
    Targets,
    Samples,
    Configuration,
    Alerts
};

/// Tells listeners about changes, each kind at most four times a second.
class ChangeHub
{
public:
    explicit ChangeHub(base::Timers& timers) : timers_(timers) {}
    ~ChangeHub();
    void post(Change change);
    using Listener = std::function<void(Change)>;
    std::uint64_t add(Listener listener);
    /// The listener does not run after this returns.
    void remove(std::uint64_t id);

private:
    void flush();

    base::Timers& timers_;
    absl::Mutex mutex_;
    unsigned pending_ ABSL_GUARDED_BY(mutex_) = 0;
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t nextId_ ABSL_GUARDED_BY(mutex_) = 1;
    /// Held while listeners run, so that remove() can wait for them.
    absl::Mutex callMutex_;
    std::map<std::uint64_t, Listener> listeners_ ABSL_GUARDED_BY(callMutex_);
};

} // namespace narthex::engine
