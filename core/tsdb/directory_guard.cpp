// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/directory_guard.h"

#include "core/base/status.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <unistd.h>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

bool isNumber(const std::string& text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Whether a process has the query log or a file of the write-ahead log open. Processes of other
/// users cannot be looked into.
bool holdsOpen(const fs::path& process, const fs::path& directory)
{
    const std::string queryLog = (directory / "queries.active").string();
    const std::string wal = (directory / "wal").string() + "/";
    std::error_code error;
    for (fs::directory_iterator it(process / "fd", error), end; !error && it != end;
         it.increment(error)) {
        std::error_code unreadable;
        const std::string target = fs::read_symlink(it->path(), unreadable).string();
        if (!unreadable && (target == queryLog || target.starts_with(wal))) {
            return true;
        }
    }
    return false;
}

absl::Status refuseForeignWriter(const fs::path& directory)
{
    std::error_code error;
    const fs::path absolute = fs::canonical(directory, error);
    if (error) {
        return base::errnoStatus(error.value(), fmt::format("resolve {}", directory.string()));
    }
    const std::string self = std::to_string(::getpid());
    for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
        const std::string pid = it->path().filename().string();
        if (!isNumber(pid) || pid == self || !holdsOpen(it->path(), absolute)) {
            continue;
        }
        auto name = base::readFile(it->path() / "comm");
        std::string text = name.ok() ? *name : "?";
        text.erase(text.find_last_not_of('\n') + 1);
        return base::failedPrecondition("{} is in use by process {} ({})", directory.string(), pid,
                                        text);
    }
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<DirectoryGuard> DirectoryGuard::acquire(const fs::path& directory)
{
    const fs::path path = directory / "lock";
    std::error_code error;
    const bool found = fs::exists(path, error);
    NARTHEX_ASSIGN_OR_RETURN(base::FileLock lock, base::FileLock::acquire(path));
    NARTHEX_RETURN_IF_ERROR(refuseForeignWriter(directory));
    return DirectoryGuard(std::move(lock), path, found);
}

DirectoryGuard::~DirectoryGuard()
{
    if (lock_ && !path_.empty()) {
        // While the lock is held: nobody else can have taken it.
        base::ignore(base::removePath(path_), "a file without holder locks nobody out");
    }
}

} // namespace narthex::tsdb
