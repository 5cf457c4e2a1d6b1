// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/series_index.h"

#include "core/base/status.h"

#include <bit>

namespace narthex::tsdb {

SeriesIndex::SeriesIndex(const SeriesTable& table, std::uint32_t shards) : table_(table)
{
    NARTHEX_CHECK(std::has_single_bit(shards));
    for (std::uint32_t i = 0; i < shards; ++i) {
        shards_.push_back(std::make_unique<Shard>(&table));
    }
}

SeriesIndex::Result SeriesIndex::findOrCreate(std::string_view packedLabels,
                                              absl::FunctionRef<HeadRef()> create)
{
    Shard& shard = shardOf(packedLabels);
    absl::MutexLock lock(&shard.mutex);
    if (const auto found = shard.refs.find(packedLabels); found != shard.refs.end()) {
        return {*found, false};
    }
    const HeadRef ref = create();
    shard.refs.insert(ref);
    return {ref, true};
}

std::optional<HeadRef> SeriesIndex::find(std::string_view packedLabels) const
{
    const Shard& shard = shardOf(packedLabels);
    absl::ReaderMutexLock lock(&shard.mutex);
    const auto found = shard.refs.find(packedLabels);
    return found == shard.refs.end() ? std::nullopt : std::optional(*found);
}

bool SeriesIndex::removeIf(HeadRef ref, absl::FunctionRef<bool()> take)
{
    Shard& shard = shardOf(table_.labels(ref));
    absl::MutexLock lock(&shard.mutex);
    if (!take()) {
        return false;
    }
    shard.refs.erase(ref);
    return true;
}

std::uint64_t SeriesIndex::memoryBytes() const
{
    std::uint64_t bytes = 0;
    for (const auto& shard : shards_) {
        absl::ReaderMutexLock lock(&shard->mutex);
        bytes += sizeof(Shard) + shard->refs.capacity() * (sizeof(HeadRef) + 1);
    }
    return bytes;
}

} // namespace narthex::tsdb
