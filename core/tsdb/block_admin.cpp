// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_admin.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_merge.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

/// Adds what is to be hidden of the series that match; whether anything was.
absl::StatusOr<bool> addStones(const Block& block, TimeInterval wanted,
                               const model::Matchers& matchers, DeletedRanges& stones,
                               const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const Postings refs,
                             postingsForMatchers(block.index(), matchers, stop));
    bool added = false;
    model::Labels labels;
    std::vector<ChunkMeta> chunks;
    for (const PostingsRef ref : refs) {
        NARTHEX_RETURN_IF_ERROR(block.index().series(ref, labels, chunks));
        const bool touched =
            std::any_of(chunks.begin(), chunks.end(), [&wanted](const ChunkMeta& c) {
                return c.minTime <= wanted.maxTime && wanted.minTime <= c.maxTime;
            });
        if (touched) {
            TimeIntervals& intervals = stones[ref];
            const TimeIntervals before = intervals;
            addInterval(intervals, {std::max(wanted.minTime, chunks.front().minTime),
                                    std::min(wanted.maxTime, chunks.back().maxTime)});
            added = added || intervals != before;
        }
    }
    return added;
}

absl::Status deleteIn(BlockList& blocks, const std::shared_ptr<const Block>& block,
                      TimeInterval wanted, std::span<const model::Matchers> matcherSets,
                      const std::stop_token& stop)
{
    DeletedRanges stones = block->tombstones();
    bool added = false;
    for (const model::Matchers& matchers : matcherSets) {
        NARTHEX_ASSIGN_OR_RETURN(const bool some,
                                 addStones(*block, wanted, matchers, stones, stop));
        added = added || some;
    }
    if (!added) {
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(std::shared_ptr<const Block> changed,
                             block->withTombstones(std::move(stones)));
    blocks.update(std::move(changed));
    return absl::OkStatus();
}

absl::Status linkFolder(const fs::path& from, const fs::path& to)
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(to));
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored)) {
            files.push_back(it->path());
        }
    }
    if (error) {
        return base::errnoStatus(error.value(), fmt::format("list {}", from.string()));
    }
    for (const fs::path& file : files) {
        NARTHEX_RETURN_IF_ERROR(base::linkFile(file, to / file.filename()));
    }
    return base::syncDirectory(to);
}

} // namespace

absl::Status deleteInBlocks(BlockList& blocks, std::int64_t fromMs, std::int64_t toMs,
                            std::span<const model::Matchers> matcherSets,
                            const std::stop_token& stop)
{
    const std::shared_ptr<const BlockList::Blocks> all = blocks.blocks();
    for (const auto& block : *all) {
        if (!block->overlaps(fromMs, toMs)) {
            continue;
        }
        if (stop.stop_requested()) {
            return base::cancelled("deletion was stopped");
        }
        if (absl::Status status = deleteIn(blocks, block, {fromMs, toMs}, matcherSets, stop);
            !status.ok()) {
            return base::annotate(status, "block " + block->meta().ulid);
        }
    }
    return absl::OkStatus();
}

absl::Status cleanTombstones(BlockList& blocks, const base::Clock& clock,
                             const std::stop_token& stop)
{
    const std::shared_ptr<const BlockList::Blocks> all = blocks.blocks();
    for (const auto& block : *all) {
        if (block->tombstones().empty()) {
            continue;
        }
        const std::string ulid = makeUlid(clock.now());
        MergeOptions options{.ulid = ulid, .rewrites = true};
        NARTHEX_ASSIGN_OR_RETURN(
            const bool written,
            writeMergedBlock(block->directory().parent_path(), {block}, options, stop));
        std::shared_ptr<const Block> rewritten;
        if (written) {
            NARTHEX_ASSIGN_OR_RETURN(rewritten,
                                     Block::open(block->directory().parent_path() / ulid));
        }
        NARTHEX_RETURN_IF_ERROR(blocks.replace(std::move(rewritten), {block->meta().ulid}));
    }
    return absl::OkStatus();
}

absl::Status prepareSnapshot(const fs::path& dataDirectory, const fs::path& target)
{
    std::error_code error;
    if (isUlid(target.filename().string())) {
        return base::invalidArgument("snapshot folder {} has the name of a block; choose another",
                                     target.string());
    }
    if (fs::weakly_canonical(target, error) == fs::weakly_canonical(dataDirectory, error)) {
        return base::invalidArgument("a snapshot of {} cannot go into itself; choose a folder "
                                     "below it or elsewhere on its file system",
                                     dataDirectory.string());
    }
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(target));
    if (!fs::is_empty(target, error) || error) {
        return base::invalidArgument("snapshot folder {} is not empty", target.string());
    }
    return absl::OkStatus();
}

absl::Status snapshotBlock(const Block& block, const fs::path& target)
{
    const fs::path finished = target / block.meta().ulid;
    fs::path temporary = finished;
    temporary += kCreationSuffix;
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(temporary));
    NARTHEX_RETURN_IF_ERROR(linkFolder(block.directory() / "chunks", temporary / "chunks"));
    for (const char* name : {"index", "meta.json", "tombstones"}) {
        const fs::path file = block.directory() / name;
        std::error_code ignored;
        // A foreign block may have no tombstones.
        if (fs::exists(file, ignored)) {
            NARTHEX_RETURN_IF_ERROR(base::linkFile(file, temporary / name));
        }
    }
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(temporary));
    return base::renamePath(temporary, finished);
}

absl::Status snapshotBlocks(const BlockList& blocks, const fs::path& target,
                            const std::stop_token& stop)
{
    const std::shared_ptr<const BlockList::Blocks> all = blocks.blocks();
    for (const auto& block : *all) {
        if (stop.stop_requested()) {
            return base::cancelled("the snapshot was stopped");
        }
        if (absl::Status status = snapshotBlock(*block, target); !status.ok()) {
            return base::annotate(status, "block " + block->meta().ulid);
        }
    }
    return base::syncDirectory(target);
}

} // namespace narthex::tsdb
