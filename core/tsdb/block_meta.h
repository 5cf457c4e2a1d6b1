// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a block says of itself: meta.json.
// Threads: values. Units: milliseconds; minTime inclusive, maxTime exclusive.
// Errors: NotFound, DataLoss (not JSON), FailedPrecondition (another version). Format:
// spec/tsdb.md, 6. meta.json.
#pragma once

#include <absl/status/statusor.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace narthex::tsdb {

struct BlockParent
{
    std::string ulid;
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    friend bool operator==(const BlockParent&, const BlockParent&) = default;
};

struct BlockStats
{
    std::uint64_t samples = 0;
    std::uint64_t series = 0;
    std::uint64_t chunks = 0;
    std::uint64_t tombstones = 0;
    friend bool operator==(const BlockStats&, const BlockStats&) = default;
};

inline constexpr std::string_view kLateHint = "from-out-of-order";

struct BlockMeta
{
    std::string ulid;
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    BlockStats stats;
    int level = 1;
    std::vector<std::string> sources;
    std::vector<BlockParent> parents;
    std::vector<std::string> hints;
    bool deletable = false;
    bool failed = false;
    friend bool operator==(const BlockMeta&, const BlockMeta&) = default;

    /// Whether it holds only a part of the series or samples of its range, cut while the head keeps
    /// the others: what came out of order, or stale or selected series.
    [[nodiscard]] bool isPartial() const { return !hints.empty(); }
};

std::string toJson(const BlockMeta& meta);
absl::StatusOr<BlockMeta> parseBlockMeta(std::string_view json);
absl::StatusOr<BlockMeta> readBlockMeta(const std::filesystem::path& blockDirectory);
/// A block of Prometheus 2.1 says version 2 and has a wrong version in its index: both are put
/// right. Nothing happens to other blocks, readable or not.
absl::Status repairOldIndex(const std::filesystem::path& blockDirectory);
absl::Status writeBlockMeta(const std::filesystem::path& blockDirectory, const BlockMeta& meta);

} // namespace narthex::tsdb
