// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Label set to series: a hash set of references in shards, each with its lock. The labels
// themselves stand in the series table. Owner: Head. Threads: any. Lock order: a shard's mutex
// before the label index' and before a page's.
#pragma once

#include "core/base/hash.h"
#include "core/tsdb/series_table.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_set.h>
#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

class SeriesIndex
{
public:
    /// `shards` is a power of two.
    SeriesIndex(const SeriesTable& table, std::uint32_t shards);

    struct Result
    {
        HeadRef ref = 0;
        bool created = false;
    };

    /// The series with these packed labels. If there is none, `create` makes one and returns its
    /// number; the shard is locked meanwhile, so that nobody makes it twice.
    Result findOrCreate(std::string_view packedLabels, absl::FunctionRef<HeadRef()> create);
    [[nodiscard]] std::optional<HeadRef> find(std::string_view packedLabels) const;

    /// Calls `take` with the shard locked: when it says yes, the series is removed. Nobody can find
    /// it meanwhile.
    bool removeIf(HeadRef ref, absl::FunctionRef<bool()> take);

    [[nodiscard]] std::uint64_t memoryBytes() const;

private:
    struct Hash
    {
        using is_transparent = void;
        const SeriesTable* table;
        std::size_t operator()(HeadRef ref) const { return base::hash64(table->labels(ref)); }
        std::size_t operator()(std::string_view packed) const { return base::hash64(packed); }
    };
    struct Equal
    {
        using is_transparent = void;
        const SeriesTable* table;
        bool operator()(HeadRef a, HeadRef b) const { return a == b; }
        bool operator()(HeadRef a, std::string_view b) const { return table->labels(a) == b; }
        bool operator()(std::string_view a, HeadRef b) const { return a == table->labels(b); }
    };
    struct alignas(64) Shard
    {
        explicit Shard(const SeriesTable* table) : refs(0, Hash{table}, Equal{table}) {}
        mutable absl::Mutex mutex;
        absl::flat_hash_set<HeadRef, Hash, Equal> refs ABSL_GUARDED_BY(mutex);
    };
    // The set uses the low bits of the hash, the shard the high ones.
    [[nodiscard]] Shard& shardOf(std::string_view packed) const
    {
        return *shards_[(base::hash64(packed) >> 40U) & (shards_.size() - 1)];
    }

    const SeriesTable& table_;
    std::vector<std::unique_ptr<Shard>> shards_;
};

} // namespace narthex::tsdb
