// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_plan.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace narthex::tsdb {
namespace {

using Plan = std::vector<BlockMeta>;

bool anyFailed(const Plan& blocks)
{
    return std::any_of(blocks.begin(), blocks.end(), [](const BlockMeta& b) { return b.failed; });
}

/// Blocks of late samples may reach to where the head still holds others in order. Merged with one
/// in order they would say that all of that is in blocks, and a restart would drop it from the log.
bool claimsTooMuch(const Plan& blocks)
{
    std::int64_t inOrder = std::numeric_limits<std::int64_t>::min();
    std::int64_t late = inOrder;
    for (const BlockMeta& block : blocks) {
        std::int64_t& end = block.isPartial() ? late : inOrder;
        end = std::max(end, block.maxTime);
    }
    return inOrder != std::numeric_limits<std::int64_t>::min() && late > inOrder;
}

/// The first chain of blocks that overlap. One that failed is passed over: it would fail again,
/// and hold up everything else.
Plan overlappingChain(const Plan& blocks)
{
    for (std::size_t begin = 0; begin < blocks.size();) {
        std::int64_t end = blocks[begin].maxTime;
        std::size_t next = begin + 1;
        for (; next < blocks.size() && blocks[next].minTime < end; ++next) {
            end = std::max(end, blocks[next].maxTime);
        }
        if (next - begin > 1) {
            Plan chain(blocks.begin() + static_cast<std::ptrdiff_t>(begin),
                       blocks.begin() + static_cast<std::ptrdiff_t>(next));
            if (!anyFailed(chain) && !claimsTooMuch(chain)) {
                return chain;
            }
        }
        begin = next;
    }
    return {};
}

/// The blocks that lie whole in one aligned stretch of `range`, starting at `at`, which moves on.
Plan nextGroup(const Plan& blocks, std::int64_t range, std::size_t& at)
{
    const std::int64_t start = alignedStart(blocks[at].minTime, range);
    if (blocks[at].maxTime > start + range) {
        ++at; // spans the border of this range: belongs to a larger one
        return {};
    }
    Plan group;
    while (at < blocks.size() && blocks[at].minTime >= start &&
           blocks[at].maxTime <= start + range) {
        group.push_back(blocks[at++]);
    }
    return group;
}

Plan fullGroup(const Plan& settled, std::span<const std::int64_t> ranges)
{
    if (settled.empty()) {
        return {};
    }
    const std::int64_t newestStart = settled.back().minTime;
    for (std::size_t r = 1; r < ranges.size(); ++r) {
        for (std::size_t at = 0; at < settled.size();) {
            Plan group = nextGroup(settled, ranges[r], at);
            if (group.size() < 2 || anyFailed(group) || claimsTooMuch(group)) {
                continue;
            }
            const bool isFull = group.back().maxTime - group.front().minTime == ranges[r];
            if (isFull || group.back().maxTime <= newestStart) {
                return group;
            }
        }
    }
    return {};
}

/// Newest first: a large block of which a twentieth is deleted, or a block of any size of which all
/// is.
Plan worthRewriting(const Plan& settled, std::span<const std::int64_t> ranges)
{
    constexpr double kDeletedShare = 0.05;
    const std::int64_t large = ranges.empty() ? 0 : ranges[ranges.size() / 2];
    for (auto block = settled.rbegin(); block != settled.rend(); ++block) {
        const auto stones = block->stats.tombstones;
        if (block->maxTime - block->minTime < large) {
            if (stones > 0 && stones >= block->stats.series && !block->failed) {
                return {*block};
            }
            break;
        }
        const double share =
            static_cast<double>(stones) / static_cast<double>(block->stats.series + 1);
        if (share > kDeletedShare && !block->failed) {
            return {*block};
        }
    }
    return {};
}

Plan planKind(Plan blocks, std::span<const std::int64_t> ranges)
{
    if (Plan chain = overlappingChain(blocks); !chain.empty()) {
        return chain;
    }
    if (blocks.empty()) {
        return {};
    }
    blocks.pop_back(); // the newest block may still get neighbours
    if (Plan group = fullGroup(blocks, ranges); !group.empty()) {
        return group;
    }
    return worthRewriting(blocks, ranges);
}

} // namespace

bool hasHint(const BlockMeta& meta, std::string_view hint)
{
    return std::find(meta.hints.begin(), meta.hints.end(), hint) != meta.hints.end();
}

std::int64_t alignedStart(std::int64_t timeMs, std::int64_t rangeMs)
{
    return (timeMs >= 0 ? timeMs / rangeMs : -((-(timeMs + 1)) / rangeMs) - 1) * rangeMs;
}

std::vector<std::int64_t> compactionRanges(std::int64_t blockRangeMs, std::int64_t retentionMs,
                                           std::int64_t maxBlockRangeMs)
{
    constexpr std::int64_t kMonthMs = 31 * 24 * 3'600'000LL;
    constexpr int kSteps = 10;
    constexpr int kFactor = 3;
    std::int64_t largest = maxBlockRangeMs;
    if (largest <= 0) {
        largest = retentionMs > 0 ? std::min(kMonthMs, retentionMs / 10) : kMonthMs;
    }
    std::vector<std::int64_t> ranges{blockRangeMs};
    while (ranges.size() < kSteps && ranges.back() <= largest / kFactor) {
        ranges.push_back(ranges.back() * kFactor);
    }
    return ranges;
}

std::vector<BlockMeta> planCompaction(std::vector<BlockMeta> blocks,
                                      std::span<const std::int64_t> ranges)
{
    std::sort(blocks.begin(), blocks.end(), [](const BlockMeta& a, const BlockMeta& b) {
        return std::tie(a.minTime, a.maxTime) < std::tie(b.minTime, b.maxTime);
    });
    Plan kinds[3];
    for (BlockMeta& block : blocks) {
        const std::size_t kind = hasHint(block, kStaleHint)            ? 1
                                 : hasHint(block, kFromSelectedSeries) ? 2
                                                                       : 0;
        kinds[kind].push_back(std::move(block));
    }
    for (Plan& kind : kinds) {
        if (Plan plan = planKind(std::move(kind), ranges); !plan.empty()) {
            return plan;
        }
    }
    return {};
}

std::uint64_t byteLimit(const RetentionLimits& limits, std::uint64_t fileSystemBytes)
{
    if (limits.percent > 0) {
        const double share = static_cast<double>(fileSystemBytes) * limits.percent / 100;
        // 0 would mean no limit.
        return std::max<std::uint64_t>(static_cast<std::uint64_t>(share), 1);
    }
    return limits.bytes;
}

std::vector<std::string> beyondRetention(std::span<const BlockMeta> blocks,
                                         std::int64_t retentionMs)
{
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (const BlockMeta& block : blocks) {
        newest = std::max(newest, block.maxTime);
    }
    std::vector<std::string> doomed;
    for (const BlockMeta& block : blocks) {
        if (retentionMs > 0 && newest - block.maxTime >= retentionMs) {
            doomed.push_back(block.ulid);
        }
    }
    return doomed;
}

std::vector<std::string> beyondSize(std::vector<SizedBlock> blocks, std::uint64_t headBytes,
                                    std::uint64_t limitBytes)
{
    std::vector<std::string> doomed;
    if (limitBytes == 0) {
        return doomed;
    }
    std::stable_sort(blocks.begin(), blocks.end(), [](const SizedBlock& a, const SizedBlock& b) {
        return a.maxTime > b.maxTime;
    });
    std::uint64_t sum = headBytes;
    for (const SizedBlock& block : blocks) {
        sum += block.bytes;
        if (sum > limitBytes) {
            doomed.push_back(block.ulid);
        }
    }
    return doomed;
}

} // namespace narthex::tsdb
