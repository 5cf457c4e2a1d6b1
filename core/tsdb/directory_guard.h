// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sees to it that one process writes a data directory: our lock file, and a look for a Prometheus
// that does not lock (Debian's). Owner: Db. Threads: one at a time. Errors: FailedPrecondition,
// naming the process. Format: spec/tsdb.md, 11. Lock.
#pragma once

#include "core/base/file.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>

namespace narthex::tsdb {

class DirectoryGuard
{
public:
    static absl::StatusOr<DirectoryGuard> acquire(const std::filesystem::path& directory);
    DirectoryGuard(DirectoryGuard&&) = default;
    DirectoryGuard& operator=(DirectoryGuard&&) = default;
    ~DirectoryGuard();

    /// Whether a lock file of an earlier run was there: that one did not close in order.
    [[nodiscard]] bool foundLockFile() const { return foundLockFile_; }

private:
    DirectoryGuard(base::FileLock lock, std::filesystem::path path, bool found)
        : lock_(std::move(lock)), path_(std::move(path)), foundLockFile_(found)
    {}
    std::optional<base::FileLock> lock_;
    std::filesystem::path path_;
    bool foundLockFile_ = false;
};

} // namespace narthex::tsdb
