// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which series the labels of a request mean, remembered across requests. Labels are known by 88
// bits of a hash with a random secret: keeping their bytes would cost twenty times the memory, and
// among a million label sets two with the same bits are met once in 2^49 servers.
// Sets of four entries fill a cache line each, so that a look-up costs one miss, which prefetch()
// hides; an entry that is read while it is written matches nothing. A hash map with a lock took a
// quarter of the time of a request.
// Owner: WriteReceiver. Threads: any. A reference may have died since: whoever uses it asks the
// store anew when that says UnknownSeries.
#pragma once

#include "core/model/sample.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace narthex::remote::receiver {

struct Fingerprint
{
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

class RefCache
{
public:
    class Table;

    /// Keeps at most `limit` series, of those that were asked for lately.
    explicit RefCache(std::size_t limit);
    ~RefCache();

    [[nodiscard]] Fingerprint fingerprint(std::string_view bytes) const;
    /// Of a list of parts, the order of which counts.
    [[nodiscard]] static Fingerprint combine(const Fingerprint& list, const Fingerprint& part)
    {
        return {mix(list.low ^ part.low, 0x9E3779B97F4A7C15U) + part.high,
                mix(list.high ^ part.high, 0xC2B2AE3D27D4EB4FU) + part.low};
    }

    /// What is looked things up in for the time of a request. What is put in meanwhile may not be
    /// found there.
    [[nodiscard]] std::shared_ptr<const Table> table() const;
    void put(const Fingerprint& print, model::SeriesRef ref);
    [[nodiscard]] std::size_t size() const;

private:
    static std::uint64_t mix(std::uint64_t a, std::uint64_t b)
    {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    }

    const std::size_t maxSets_;
    const std::array<std::uint32_t, 48> secret_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<Table> table_ ABSL_GUARDED_BY(mutex_);
    std::size_t overflows_ ABSL_GUARDED_BY(mutex_) = 0; // since the table was made
};

/// Threads: find() and prefetch() any; put() one at a time.
class RefCache::Table
{
public:
    /// `sets`: a power of two, at most 2^kPlaceBits.
    explicit Table(std::size_t sets);

    void prefetch(const Fingerprint& print) const { __builtin_prefetch(&sets_[setOf(print)]); }
    /// kNoSeries: not known.
    [[nodiscard]] model::SeriesRef find(const Fingerprint& print) const
    {
        for (const Entry& entry : sets_[setOf(print)].entries) {
            const std::uint64_t second = entry.second.load(std::memory_order_relaxed);
            const std::uint64_t first = entry.first.load(std::memory_order_relaxed);
            if ((first ^ second) == print.high && second >> kRefBits == placeOf(print)) {
                return model::SeriesRef{second & kRefMask};
            }
        }
        return model::kNoSeries;
    }
    /// False when it took the place of another one.
    bool put(const Fingerprint& print, model::SeriesRef ref);
    void copyTo(Table& other) const;
    [[nodiscard]] std::size_t setCount() const { return sets_.size(); }
    [[nodiscard]] std::size_t size() const;

    static constexpr unsigned kPlaceBits = 24;

private:
    static constexpr unsigned kRefBits = 64 - kPlaceBits;
    static constexpr std::uint64_t kRefMask = (std::uint64_t{1} << kRefBits) - 1;

    /// `second`: 24 bits of the fingerprint, 40 of the reference. `first`: its other 64 bits, XOR
    /// `second`: halves of two writes do not fit together.
    struct Entry
    {
        std::atomic<std::uint64_t> first{0};
        std::atomic<std::uint64_t> second{0};
    };
    struct alignas(64) Set
    {
        std::array<Entry, 4> entries;
    };

    static std::uint64_t placeOf(const Fingerprint& print)
    {
        return print.low >> (64 - kPlaceBits);
    }
    [[nodiscard]] std::size_t setOf(const Fingerprint& print) const
    {
        return static_cast<std::size_t>(placeOf(print)) & (sets_.size() - 1);
    }
    bool write(std::uint64_t high, std::uint64_t second);

    std::vector<Set> sets_;
    std::size_t nextVictim_ = 0;
};

} // namespace narthex::remote::receiver
