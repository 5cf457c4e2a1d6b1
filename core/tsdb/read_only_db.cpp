// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/read_only_db.h"

#include "core/base/status.h"
#include "core/tsdb/head_chunk_files.h"
#include "core/tsdb/merged_querier.h"
#include "core/tsdb/replay.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

/// The folders that are named like blocks, ascending in age.
absl::StatusOr<std::vector<fs::path>> blockFolders(const fs::path& directory)
{
    std::vector<fs::path> paths;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code ignored;
        if (isUlid(it->path().filename().string()) && it->is_directory(ignored)) {
            paths.push_back(it->path());
        }
    }
    if (error) {
        return base::errnoStatus(error.value(),
                                 fmt::format("opening the db dir: {}", directory.string()));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

/// The lowest name in a folder, which changes when a log is shortened; its other end grows all the
/// time.
std::string lowestIn(const fs::path& folder)
{
    std::string lowest;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::string name = it->path().filename().string();
        if (lowest.empty() || name < lowest) {
            lowest = std::move(name);
        }
    }
    return lowest;
}

/// What changes when samples move from one place of the directory to another.
std::string shapeOf(const fs::path& directory)
{
    std::string shape;
    if (const auto folders = blockFolders(directory); folders.ok()) {
        for (const fs::path& folder : *folders) {
            shape += folder.filename().string() + "\n";
        }
    }
    if (const auto checkpoints = listCheckpoints(directory / "wal"); checkpoints.ok()) {
        for (const WalCheckpoint& checkpoint : *checkpoints) {
            shape += checkpoint.directory.string() + "\n";
        }
    }
    for (const char* log : {"wal", "wbl", "chunks_head"}) {
        shape += lowestIn(directory / log) + "\n";
    }
    return shape;
}

} // namespace

absl::StatusOr<std::unique_ptr<ReadOnlyDb>> ReadOnlyDb::open(const fs::path& directory,
                                                             const ReadOnlyOptions& options,
                                                             const Environment& environment,
                                                             std::stop_token stop)
{
    // A server may move samples from the log into a block, or blocks into a larger one, between
    // two looks: what was read then belongs to no one moment. It does so once in minutes.
    constexpr int kAttempts = 10;
    for (int attempt = 1;; ++attempt) {
        const std::string before = shapeOf(directory);
        std::unique_ptr<ReadOnlyDb> db(new ReadOnlyDb(directory));
        const absl::Status status = db->load(options, environment, stop);
        if (stop.stop_requested() || shapeOf(directory) == before) {
            return status.ok() ? absl::StatusOr<std::unique_ptr<ReadOnlyDb>>(std::move(db))
                               : status;
        }
        if (attempt == kAttempts) {
            return base::unavailable("{} changed each of the {} times that it was read; try again",
                                     directory.string(), kAttempts);
        }
    }
}

absl::Status ReadOnlyDb::load(const ReadOnlyOptions& options, const Environment& environment,
                              const std::stop_token& stop)
{
    NARTHEX_RETURN_IF_ERROR(loadBlocks(environment.log));
    return options.withHead ? loadHead(options, environment, stop) : absl::OkStatus();
}

absl::Status ReadOnlyDb::loadBlocks(const base::Logger& log)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<fs::path> folders, blockFolders(directory_));
    std::set<std::string, std::less<>> parents;
    std::vector<std::pair<fs::path, absl::Status>> broken;
    for (const fs::path& path : folders) {
        const auto meta = readBlockMeta(path);
        if (!meta.ok()) {
            log->warn("tsdb: block without readable meta.json is skipped block={} error=\"{}\"",
                      path.string(), base::messageOf(meta.status()));
            continue;
        }
        auto block = Block::open(path);
        if (!block.ok()) {
            broken.emplace_back(path, block.status());
            continue;
        }
        for (const BlockParent& parent : meta->parents) {
            parents.insert(parent.ulid);
        }
        blocks_.push_back(*std::move(block));
    }
    // A parent is in its child whole: the writer has yet to delete it.
    for (const auto& [path, status] : broken) {
        if (!parents.contains(path.filename().string())) {
            return base::annotate(status,
                                  fmt::format("block {} cannot be opened (narthexctl tsdb verify "
                                              "tells what is damaged; move the folder away to go "
                                              "on without it)",
                                              path.string()));
        }
    }
    std::erase_if(blocks_, [&parents](const std::shared_ptr<const Block>& block) {
        return parents.contains(block->meta().ulid);
    });
    std::stable_sort(blocks_.begin(), blocks_.end(), [](const auto& a, const auto& b) {
        return std::tie(a->meta().minTime, a->meta().maxTime) <
               std::tie(b->meta().minTime, b->meta().maxTime);
    });
    return absl::OkStatus();
}

absl::Status ReadOnlyDb::loadHead(const ReadOnlyOptions& options, const Environment& environment,
                                  std::stop_token stop)
{
    std::int64_t blocksEnd = std::numeric_limits<std::int64_t>::min();
    for (const auto& block : blocks_) {
        blocksEnd = std::max(blocksEnd, block->meta().maxTime);
    }
    head_ = std::make_shared<Head>(HeadOptions{.blockRangeMs = options.blockRangeMs});
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<HeadChunkFiles> chunks,
        HeadChunkFiles::open(directory_ / "chunks_head", true, environment.log));
    head_->setChunkFiles(std::move(chunks));
    head_->raiseMinValidTime(blocksEnd);
    NARTHEX_RETURN_IF_ERROR(head_->loadChunks(blocksEnd));
    Replayer replayer(*head_, environment.pool, environment.log, {});
    replayer.leaveDamage();
    const auto result = replayer.run(directory_ / "wal", blocksEnd, stop);
    if (!result.ok()) {
        return base::annotate(result.status(), "the log cannot be read");
    }
    const auto late = replayer.runLate(directory_ / "wbl", std::move(stop));
    if (!late.ok()) {
        return base::annotate(late.status(), "the log of late samples cannot be read");
    }
    logCorruptions_ = result->corruptions + late->corruptions;
    head_->dropUnclaimedChunks();
    return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<storage::Querier>> ReadOnlyDb::querier(base::Timestamp from,
                                                                      base::Timestamp to) const
{
    std::vector<std::unique_ptr<storage::Querier>> parts;
    for (const auto& block : blocks_) {
        if (block->overlaps(from.ms, to.ms)) {
            parts.push_back(makeBlockQuerier(block, from.ms, to.ms));
        }
    }
    if (head_ != nullptr) {
        parts.push_back(head_->querier(from.ms, to.ms));
    }
    return mergeQueriers(std::move(parts));
}

} // namespace narthex::tsdb
