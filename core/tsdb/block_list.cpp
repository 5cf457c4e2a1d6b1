// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_list.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_plan.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kReasonSuffix = ".reason";

std::vector<fs::path> foldersOf(const fs::path& directory)
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
    std::sort(paths.begin(), paths.end());
    return paths;
}

void sortByTime(BlockList::Blocks& blocks)
{
    std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
        return std::tie(a->meta().minTime, a->meta().maxTime) <
               std::tie(b->meta().minTime, b->meta().maxTime);
    });
}

bool isUnfinished(std::string_view name)
{
    constexpr std::string_view kSuffixes[] = {kCreationSuffix, kDeletionSuffix, ".tmp"};
    return std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [name](std::string_view suffix) {
        return name.ends_with(suffix) && isUlid(name.substr(0, name.size() - suffix.size()));
    });
}

} // namespace

/// One folder with a block's name, and what came of opening it.
struct BlockList::Candidate
{
    fs::path path;
    absl::Status status;
    std::shared_ptr<const Block> block;
    /// Whether meta.json could be read: only then damage elsewhere is the block's own.
    bool hasMeta = false;

    [[nodiscard]] std::string ulid() const { return path.filename().string(); }
};

BlockList::BlockList(fs::path directory, base::Logger log)
    : directory_(std::move(directory)),
      damagedDirectory_(directory_ / "narthex.d" / "damaged"),
      log_(std::move(log)),
      blocks_(std::make_shared<const Blocks>())
{}

absl::Status BlockList::removeLeftovers() const
{
    for (const fs::path& path : foldersOf(directory_)) {
        if (isUnfinished(path.filename().string())) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(path));
        }
    }
    return absl::OkStatus();
}

void BlockList::openAll(std::vector<Candidate>& candidates, base::WorkerPool* pool) const
{
    const auto open = [&candidates](std::size_t i) {
        Candidate& candidate = candidates[i];
        candidate.status = repairOldIndex(candidate.path);
        if (candidate.status.ok()) {
            candidate.status = readBlockMeta(candidate.path).status();
        }
        candidate.hasMeta = candidate.status.ok();
        if (candidate.hasMeta) {
            auto block = Block::open(candidate.path);
            candidate.status = block.status();
            candidate.block = block.ok() ? *std::move(block) : nullptr;
        }
    };
    if (pool != nullptr) {
        pool->parallelFor(candidates.size(), open);
        return;
    }
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        open(i);
    }
}

absl::Status BlockList::load(base::WorkerPool* pool)
{
    NARTHEX_RETURN_IF_ERROR(removeLeftovers());
    std::vector<Candidate> candidates;
    for (const fs::path& path : foldersOf(directory_)) {
        if (isUlid(path.filename().string())) {
            candidates.push_back({path, {}, nullptr, false});
        }
    }
    openAll(candidates, pool);
    // A parent is in its child whole: left over from a crash between the child's rename and the
    // deletion. A block that is marked deletable was merged and gave nothing.
    std::set<std::string, std::less<>> gone;
    for (const Candidate& candidate : candidates) {
        if (candidate.block == nullptr) {
            continue;
        }
        for (const BlockParent& parent : candidate.block->meta().parents) {
            gone.insert(parent.ulid);
        }
        if (candidate.block->meta().deletable) {
            gone.insert(candidate.ulid());
        }
    }
    listEarlier();
    Blocks blocks;
    for (Candidate& candidate : candidates) {
        if (gone.contains(candidate.ulid())) {
            base::ignore(deleteBlock(candidate.path), "tried again at the next start");
        } else if (candidate.block != nullptr) {
            blocks.push_back(std::move(candidate.block));
        } else if (candidate.hasMeta && candidate.status.code() == absl::StatusCode::kDataLoss) {
            moveAside(candidate);
        } else {
            refuse(candidate);
        }
    }
    sortByTime(blocks);
    absl::MutexLock lock(&mutex_);
    blocks_ = std::make_shared<const Blocks>(std::move(blocks));
    return absl::OkStatus();
}

/// What we cannot read may be fine for somebody else: it stays where it is.
void BlockList::refuse(const Candidate& candidate)
{
    log_->warn("tsdb: block is not served and left as it is block={} error=\"{}\"",
               candidate.path.string(), base::messageOf(candidate.status));
    note({candidate.ulid(), candidate.path, std::string(base::messageOf(candidate.status))});
}

void BlockList::moveAside(const Candidate& candidate)
{
    const std::string reason(base::messageOf(candidate.status));
    const fs::path target = damagedDirectory_ / candidate.path.filename();
    const auto move = [&]() -> absl::Status {
        NARTHEX_RETURN_IF_ERROR(base::makeDirectories(damagedDirectory_));
        fs::path reasonFile = target;
        reasonFile += kReasonSuffix;
        NARTHEX_RETURN_IF_ERROR(base::writeFileAtomically(reasonFile, reason + "\n"));
        NARTHEX_RETURN_IF_ERROR(base::renamePath(candidate.path, target));
        NARTHEX_RETURN_IF_ERROR(base::syncDirectory(damagedDirectory_));
        return base::syncDirectory(directory_);
    };
    if (const absl::Status moved = move(); !moved.ok()) {
        log_->error("tsdb: damaged block cannot be moved aside, it is not served block={} "
                    "damage=\"{}\" error=\"{}\"",
                    candidate.path.string(), reason, base::messageOf(moved));
        note({candidate.ulid(), candidate.path, reason});
        return;
    }
    log_->error("tsdb: damaged block is set aside, the others are served block={} moved_to={} "
                "error=\"{}\"",
                candidate.ulid(), target.string(), reason);
    note({candidate.ulid(), target, reason});
}

void BlockList::listEarlier()
{
    {
        absl::MutexLock lock(&mutex_);
        setAside_.clear();
    }
    for (const fs::path& path : foldersOf(damagedDirectory_)) {
        fs::path reasonFile = path;
        reasonFile += kReasonSuffix;
        constexpr std::uint64_t kReasonBytesMax = 64U << 10U;
        std::string reason =
            base::readFile(reasonFile, kReasonBytesMax).value_or("set aside by an earlier run");
        reason.erase(reason.find_last_not_of('\n') + 1);
        note({path.filename().string(), path, std::move(reason)});
    }
}

void BlockList::note(SetAsideBlock block)
{
    absl::MutexLock lock(&mutex_);
    setAside_.push_back(std::move(block));
}

std::shared_ptr<const BlockList::Blocks> BlockList::blocks() const
{
    absl::MutexLock lock(&mutex_);
    return blocks_;
}

std::vector<SetAsideBlock> BlockList::setAside() const
{
    absl::MutexLock lock(&mutex_);
    return setAside_;
}

absl::Status BlockList::replace(std::shared_ptr<const Block> added,
                                const std::vector<std::string>& removedUlids)
{
    Blocks removed;
    {
        absl::MutexLock lock(&mutex_);
        Blocks blocks;
        for (const auto& block : *blocks_) {
            const bool leaves = std::find(removedUlids.begin(), removedUlids.end(),
                                          block->meta().ulid) != removedUlids.end();
            (leaves ? removed : blocks).push_back(block);
        }
        if (added != nullptr) {
            blocks.push_back(std::move(added));
        }
        sortByTime(blocks);
        blocks_ = std::make_shared<const Blocks>(std::move(blocks));
    }
    absl::Status status;
    for (const auto& block : removed) {
        status.Update(deleteBlock(block->directory()));
    }
    return status;
}

void BlockList::update(std::shared_ptr<const Block> changed)
{
    absl::MutexLock lock(&mutex_);
    Blocks blocks = *blocks_;
    for (auto& block : blocks) {
        if (block->meta().ulid == changed->meta().ulid) {
            block = changed;
        }
    }
    blocks_ = std::make_shared<const Blocks>(std::move(blocks));
}

std::int64_t BlockList::maxTime() const
{
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    const std::shared_ptr<const Blocks> all = blocks();
    for (const auto& block : *all) {
        if (!block->meta().isPartial()) {
            newest = std::max(newest, block->meta().maxTime);
        }
    }
    return newest;
}

std::uint64_t BlockList::sizeBytes() const
{
    std::uint64_t bytes = 0;
    const std::shared_ptr<const Blocks> all = blocks();
    for (const auto& block : *all) {
        bytes += block->sizeBytes();
    }
    return bytes;
}

} // namespace narthex::tsdb
