// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/ref_cache.h"

#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace narthex::remote::receiver {

namespace {

/// A seed instead would be spread over such a table for every long text anew.
std::array<std::uint32_t, 48> randomSecret()
{
    std::random_device device;
    std::array<std::uint32_t, 48> secret{};
    for (std::uint32_t& word : secret) {
        word = device();
    }
    return secret;
}

} // namespace

RefCache::RefCache(std::size_t limit) : shardLimit_(limit / kShards + 1), secret_(randomSecret()) {}

Fingerprint RefCache::fingerprint(std::string_view bytes) const
{
    const XXH128_hash_t hash =
        XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), sizeof secret_);
    return {hash.low64, hash.high64};
}

model::SeriesRef RefCache::find(const Fingerprint& print)
{
    Shard& shard = shardOf(print);
    const absl::MutexLock lock(&shard.mutex);
    if (const auto found = shard.recent.find(print); found != shard.recent.end()) {
        return found->second;
    }
    const auto found = shard.older.find(print);
    if (found == shard.older.end()) {
        return model::kNoSeries;
    }
    const model::SeriesRef ref = found->second;
    addLocked(shard, print, ref);
    return ref;
}

void RefCache::put(const Fingerprint& print, model::SeriesRef ref)
{
    Shard& shard = shardOf(print);
    const absl::MutexLock lock(&shard.mutex);
    addLocked(shard, print, ref);
}

void RefCache::addLocked(Shard& shard, const Fingerprint& print, model::SeriesRef ref)
{
    if (shard.recent.size() >= shardLimit_) {
        shard.older = std::move(shard.recent);
        shard.recent = Map();
    }
    shard.recent[print] = ref;
}

std::size_t RefCache::size() const
{
    std::size_t size = 0;
    for (const Shard& shard : shards_) {
        const absl::MutexLock lock(&shard.mutex);
        size += shard.recent.size() + shard.older.size();
    }
    return size;
}

} // namespace narthex::remote::receiver
