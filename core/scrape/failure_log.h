// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// scrape_failure_log_file: failed fetches, one JSON object a line. One file handle for each path,
// opened again at each reload, so that whoever rotates logs gets a new file. Owner: the manager.
// Threads: any. Source: spec/scrape.md, section 5.
#pragma once

#include "core/base/time.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace narthex::scrape {

class FailureLog
{
public:
    explicit FailureLog(std::string path) : path_(std::move(path)) {}
    /// Closes the file and opens it for appending. Errors: of the file system; lines are then lost.
    absl::Status open();
    void write(base::Timestamp time, std::string_view message, std::string_view job,
               std::string_view url);

private:
    struct Close
    {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::string path_;
    absl::Mutex mutex_;
    std::unique_ptr<std::FILE, Close> file_ ABSL_GUARDED_BY(mutex_);
};

/// The logs of all jobs.
class FailureLogs
{
public:
    /// Opens these files (again), closes all others. Errors: of all files that do not open, joined.
    absl::Status open(const std::set<std::string>& paths);
    /// Null for an empty path.
    [[nodiscard]] std::shared_ptr<FailureLog> find(const std::string& path) const;

private:
    mutable absl::Mutex mutex_;
    std::map<std::string, std::shared_ptr<FailureLog>> logs_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::scrape
