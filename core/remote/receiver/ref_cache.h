// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which series the labels of a request mean, remembered across requests. Labels are known by 128
// random-keyed bits of their bytes: keeping the bytes would cost ten times the memory, and two
// label sets with the same bits are not met in the life of the universe.
// Owner: WriteReceiver. Threads: any. A reference may have died since: whoever uses it asks the
// store anew when that says UnknownSeries.
#pragma once

#include "core/model/sample.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace narthex::remote::receiver {

struct Fingerprint
{
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

    template <typename H>
    friend H AbslHashValue(H state, const Fingerprint& print)
    {
        return H::combine(std::move(state), print.low); // its bits are good as they are
    }
};

class RefCache
{
public:
    /// Keeps up to `limit` series that were asked for lately, and at most twice as many.
    explicit RefCache(std::size_t limit);

    [[nodiscard]] Fingerprint fingerprint(std::string_view bytes) const;
    /// Of a list of parts, the order of which counts.
    [[nodiscard]] static Fingerprint combine(const Fingerprint& list, const Fingerprint& part)
    {
        return {mix(list.low ^ part.low, 0x9E3779B97F4A7C15U) + part.high,
                mix(list.high ^ part.high, 0xC2B2AE3D27D4EB4FU) + part.low};
    }

    /// kNoSeries: not known.
    [[nodiscard]] model::SeriesRef find(const Fingerprint& print);
    void put(const Fingerprint& print, model::SeriesRef ref);
    [[nodiscard]] std::size_t size() const;

private:
    static constexpr std::size_t kShards = 16;
    using Map = absl::flat_hash_map<Fingerprint, model::SeriesRef>;

    /// When `recent` is full it becomes `older`, of which only what is asked for again survives.
    struct alignas(64) Shard
    {
        mutable absl::Mutex mutex;
        Map recent ABSL_GUARDED_BY(mutex);
        Map older ABSL_GUARDED_BY(mutex);
    };

    static std::uint64_t mix(std::uint64_t a, std::uint64_t b)
    {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    }
    Shard& shardOf(const Fingerprint& print) { return shards_[print.high % kShards]; }
    void addLocked(Shard& shard, const Fingerprint& print, model::SeriesRef ref)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

    const std::size_t shardLimit_;
    const std::array<std::uint32_t, 48> secret_;
    std::array<Shard, kShards> shards_;
};

} // namespace narthex::remote::receiver
