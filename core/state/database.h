// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The SQLite database for what must survive a restart and is no sample: runs of the engine now;
// silences and the like later. Owner: core/engine. Threads: every function from any thread; writes
// are done one after another by one writer thread. Errors: Unavailable and DataLoss with SQLite's
// message and the file; AlreadyExists on a constraint; InvalidArgument for a statement that SQLite
// refuses whenever it is tried.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

struct sqlite3;

namespace narthex::state {

/// A value of a column or parameter.
using Cell = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

/// A step of the schema; `version` counts from 1 without gaps.
struct Migration
{
    int version = 0;
    std::string_view sql;
};

/// One connection. Threads: one at a time.
class Connection
{
public:
    explicit Connection(sqlite3* handle) : handle_(handle) {}
    /// Runs one statement; `onRow` gets each row's cells, valid during the call.
    absl::Status execute(
        std::string_view sql, std::span<const Cell> parameters = {},
        absl::FunctionRef<void(std::span<const Cell>)> onRow = [](std::span<const Cell>) {});
    /// Runs several statements without parameters.
    absl::Status script(std::string_view sql);

private:
    sqlite3* handle_;
};

class Database
{
public:
    /// Opens or creates the file (write-ahead journal) and brings its schema up to date. A file
    /// with a newer schema is refused.
    static absl::StatusOr<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                          std::span<const Migration> migrations);
    /// Writes what is queued, closes.
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Runs `work` in a transaction on the writer's thread and waits; an error rolls back.
    absl::Status write(std::function<absl::Status(Connection&)> work);
    /// Reads on the caller's thread, beside writers.
    absl::Status read(absl::FunctionRef<absl::Status(Connection&)> work);

private:
    struct Handle;
    Database(std::unique_ptr<Handle> writer, std::unique_ptr<Handle> reader);
    void runWriter();

    const std::unique_ptr<Handle> writer_; // touched by the writer thread only
    absl::Mutex readerMutex_;
    const std::unique_ptr<Handle> reader_ ABSL_PT_GUARDED_BY(readerMutex_);
    absl::Mutex mutex_;
    std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace narthex::state
