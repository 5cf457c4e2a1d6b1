// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/verify.h"

#include "core/base/status.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/verify_parts.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<fs::path>> folders(const fs::path& directory)
{
    std::vector<fs::path> paths;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code ignored;
        if (it->is_directory(ignored)) {
            paths.push_back(it->path());
        }
    }
    if (error) {
        return base::errnoStatus(error.value(), fmt::format("list {}", directory.string()));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

bool isLeftover(std::string_view name)
{
    for (const std::string_view suffix :
         {kCreationSuffix, kDeletionSuffix, std::string_view(".tmp")}) {
        if (name.ends_with(suffix)) {
            return true;
        }
    }
    return false;
}

void verifyWal(const fs::path& directory, VerifyReport& report, const std::stop_token& stop)
{
    verifyLog(directory, LogKind::WriteAhead, report, stop);
    const auto checkpoints = listCheckpoints(directory);
    if (!checkpoints.ok()) {
        report.add(directory, std::string(base::messageOf(checkpoints.status())),
                   "check the folder's permissions");
        return;
    }
    for (const WalCheckpoint& checkpoint : *checkpoints) {
        verifyLog(checkpoint.directory, LogKind::Checkpoint, report, stop);
    }
}

} // namespace

void VerifyReport::add(fs::path path, std::string what, std::string remedy)
{
    ++damageCount;
    if (damages.size() < kDamagesKept) {
        damages.push_back({std::move(path), std::move(what), std::move(remedy)});
    }
}

absl::StatusOr<VerifyReport> verifyDirectory(const fs::path& directory, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, folders(directory));
    VerifyReport report;
    for (const fs::path& path : entries) {
        const std::string name = path.filename().string();
        if (isUlid(name)) {
            verifyBlock(path, report, stop);
        } else if (isLeftover(name)) {
            report.notes.push_back(fmt::format(
                "{}: unfinished, removed when a server opens the directory", path.string()));
        } else if (name == "wal") {
            verifyWal(path, report, stop);
        } else if (name == "wbl") {
            verifyLog(path, LogKind::OutOfOrder, report, stop);
        } else if (name == "chunks_head") {
            verifyHeadChunks(path, report, stop);
        } else if (name.starts_with("chunk_snapshot.")) {
            verifyLog(path, LogKind::HeadSnapshot, report, stop);
        }
        if (stop.stop_requested()) {
            return base::cancelled("verifying {} was stopped", directory.string());
        }
    }
    return report;
}

} // namespace narthex::tsdb
