// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Logging set-up: one named spdlog logger a module, all over the sinks of one LogSetup, passed in
// through constructors. Owner: the program's main creates a LogSetup; modules keep the shared
// logger. Threads: loggers from any thread.
#pragma once

#include "core/base/time.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <spdlog/logger.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::base {

using Logger = std::shared_ptr<spdlog::logger>;

struct LogLine
{
    Timestamp time;
    std::string level;
    std::string logger;
    std::string text;
};

/// The last lines, for the window's log view.
class LogRing
{
public:
    explicit LogRing(std::size_t capacity) : capacity_(capacity) {}
    void add(LogLine line);
    [[nodiscard]] std::vector<LogLine> lines() const;

private:
    const std::size_t capacity_;
    mutable absl::Mutex mutex_;
    std::deque<LogLine> lines_ ABSL_GUARDED_BY(mutex_);
};

enum class LogFormat
{
    Logfmt,
    Json
};

class LogSetup
{
public:
    /// `level` is one of debug, info, warn, error. Writes to standard error.
    /// Errors: InvalidArgument for an unknown level.
    static absl::StatusOr<LogSetup> create(std::string_view level,
                                           LogFormat format = LogFormat::Logfmt);

    /// "narthex.<module>"
    [[nodiscard]] Logger logger(std::string_view module) const;
    [[nodiscard]] const std::shared_ptr<LogRing>& ring() const { return ring_; }

private:
    LogSetup() = default;
    std::vector<spdlog::sink_ptr> sinks_;
    std::shared_ptr<LogRing> ring_;
    int level_ = 0;
};

/// A logger that drops everything, for tests and tools.
Logger nullLogger();

} // namespace narthex::base
