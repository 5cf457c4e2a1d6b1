// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_list.h"

#include "core/base/status.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entriesOf(const fs::path& directory)
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
    return paths;
}

void sortByTime(BlockList::Blocks& blocks)
{
    std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
        return std::tie(a->meta().minTime, a->meta().maxTime) <
               std::tie(b->meta().minTime, b->meta().maxTime);
    });
}

} // namespace

BlockList::BlockList(fs::path directory, base::Logger log)
    : directory_(std::move(directory)),
      log_(std::move(log)),
      blocks_(std::make_shared<const Blocks>())
{}

void BlockList::removeLeftovers() const
{
    for (const fs::path& path : entriesOf(directory_)) {
        const std::string name = path.filename().string();
        for (const std::string_view suffix :
             {kCreationSuffix, kDeletionSuffix, std::string_view(".tmp")}) {
            if (name.ends_with(suffix) &&
                isUlid(std::string_view(name).substr(0, name.size() - suffix.size()))) {
                std::error_code error;
                fs::remove_all(path, error);
            }
        }
    }
}

absl::Status BlockList::load()
{
    removeLeftovers();
    std::vector<std::pair<fs::path, BlockMeta>> found;
    std::set<std::string, std::less<>> parents;
    for (const fs::path& path : entriesOf(directory_)) {
        if (!isUlid(path.filename().string())) {
            continue;
        }
        auto meta = readBlockMeta(path);
        if (!meta.ok()) {
            log_->warn("tsdb: block without readable meta.json is skipped block={} error=\"{}\"",
                       path.string(), base::messageOf(meta.status()));
            continue;
        }
        found.emplace_back(path, *std::move(meta));
    }
    Blocks blocks;
    std::vector<std::pair<fs::path, absl::Status>> broken;
    for (const auto& [path, meta] : found) {
        auto block = Block::open(path);
        if (block.ok()) {
            blocks.push_back(*std::move(block));
            for (const BlockParent& parent : meta.parents) {
                parents.insert(parent.ulid);
            }
        } else {
            broken.emplace_back(path, block.status());
        }
    }
    // A parent is in its child whole: left over from a crash between the child's rename and the
    // deletion.
    for (const auto& [path, status] : broken) {
        if (!parents.contains(path.filename().string())) {
            return status;
        }
        base::ignore(deleteBlock(path), "tried again at the next start");
    }
    std::erase_if(blocks, [&](const std::shared_ptr<const Block>& block) {
        if (!parents.contains(block->meta().ulid)) {
            return false;
        }
        base::ignore(deleteBlock(block->directory()), "tried again at the next start");
        return true;
    });
    sortByTime(blocks);
    absl::MutexLock lock(&mutex_);
    blocks_ = std::make_shared<const Blocks>(std::move(blocks));
    return absl::OkStatus();
}

std::shared_ptr<const BlockList::Blocks> BlockList::blocks() const
{
    absl::MutexLock lock(&mutex_);
    return blocks_;
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

std::int64_t BlockList::maxTime() const
{
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (const auto& block : *blocks()) {
        if (!block->meta().isLate()) {
            newest = std::max(newest, block->meta().maxTime);
        }
    }
    return newest;
}

} // namespace narthex::tsdb
