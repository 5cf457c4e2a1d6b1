// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/ref_cache.h"

#include <algorithm>
#include <bit>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace narthex::remote::receiver {

namespace {

constexpr std::size_t kWays = 4;
constexpr std::size_t kFirstSets = 1024;

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

RefCache::RefCache(std::size_t limit)
    : maxSets_(std::clamp<std::size_t>(std::bit_floor(limit / kWays + 1), 1,
                                       std::size_t{1} << Table::kPlaceBits)),
      secret_(randomSecret()),
      table_(std::make_shared<Table>(std::min(kFirstSets, maxSets_)))
{}

RefCache::~RefCache() = default;

Fingerprint RefCache::fingerprint(std::string_view bytes) const
{
    const XXH128_hash_t hash =
        XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), sizeof secret_);
    return {hash.low64, hash.high64};
}

std::shared_ptr<const RefCache::Table> RefCache::table() const
{
    const absl::MutexLock lock(&mutex_);
    return table_;
}

void RefCache::put(const Fingerprint& print, model::SeriesRef ref)
{
    const absl::MutexLock lock(&mutex_);
    if (table_->put(print, ref) || table_->setCount() == maxSets_) {
        return;
    }
    // Some sets are full by chance; many are when the table is half full.
    if (++overflows_ > table_->setCount() / 4) {
        auto larger = std::make_shared<Table>(table_->setCount() * 2);
        table_->copyTo(*larger);
        table_ = std::move(larger);
        overflows_ = 0;
    }
}

std::size_t RefCache::size() const { return table()->size(); }

RefCache::Table::Table(std::size_t sets) : sets_(sets) {}

bool RefCache::Table::put(const Fingerprint& print, model::SeriesRef ref)
{
    const auto number = static_cast<std::uint64_t>(ref);
    if (number > kRefMask) {
        return true; // such a store numbers its series otherwise: they are not remembered
    }
    return write(print.high, placeOf(print) << kRefBits | number);
}

bool RefCache::Table::write(std::uint64_t high, std::uint64_t second)
{
    Set& set = sets_[static_cast<std::size_t>(second >> kRefBits) & (sets_.size() - 1)];
    Entry* place = nullptr;
    bool isFree = false;
    for (Entry& entry : set.entries) {
        const std::uint64_t there = entry.second.load(std::memory_order_relaxed);
        const bool isSame = (entry.first.load(std::memory_order_relaxed) ^ there) == high &&
                            there >> kRefBits == second >> kRefBits;
        if (isSame || (there == 0 && !isFree)) {
            place = &entry;
            isFree = true;
            if (isSame) {
                break;
            }
        }
    }
    if (place == nullptr) {
        place = &set.entries[nextVictim_++ % kWays];
    }
    place->first.store(high ^ second, std::memory_order_relaxed);
    place->second.store(second, std::memory_order_relaxed);
    return isFree;
}

void RefCache::Table::copyTo(Table& other) const
{
    for (const Set& set : sets_) {
        for (const Entry& entry : set.entries) {
            const std::uint64_t second = entry.second.load(std::memory_order_relaxed);
            if (second != 0) {
                other.write(entry.first.load(std::memory_order_relaxed) ^ second, second);
            }
        }
    }
}

std::size_t RefCache::Table::size() const
{
    std::size_t count = 0;
    for (const Set& set : sets_) {
        for (const Entry& entry : set.entries) {
            count += entry.second.load(std::memory_order_relaxed) != 0 ? 1 : 0;
        }
    }
    return count;
}

} // namespace narthex::remote::receiver
