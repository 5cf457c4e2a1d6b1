// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a target's pages have contained: series by their raw text, the lines of the last page in
// order, metadata of families. Owner: a PageAppender. Threads: one at a time.
#pragma once

#include "core/base/string_map.h"
#include "core/model/sample.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

/// Kept small: a page touches every one of them.
struct CachedSeries
{
    static constexpr std::uint32_t kNoFamily = 0xFFFFFFFF;

    model::SeriesRef ref = model::kNoSeries;
    /// Iteration in which the page had it last; 0 never.
    std::uint64_t seen = 0;
    /// Iteration in which its sample was accepted without an own timestamp: what gets a stale
    /// marker when it is gone.
    std::uint64_t tracked = 0;
    /// Position in the last page's lines, to fall back into step after a difference.
    std::uint32_t line = 0;
    /// Index of the family whose metadata is its own.
    std::uint32_t family = kNoFamily;
    /// In force when the page showed it first.
    model::MetricType type = model::MetricType::Unknown;
    bool dropped = false;
    bool used = false;
    /// Only grows: a counter, a part of a histogram.
    bool cumulative = false;
};

struct CachedFamily
{
    std::string name;
    model::Metadata metadata;
    std::uint64_t seen = 0;
    /// Iteration in which the metadata changed last.
    std::uint64_t changed = 0;
};

/// One line of the last page, in the order of the page.
struct CachedLine
{
    static constexpr std::uint32_t kMetadata = 0xFFFFFFFF;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    /// Of the series' text; 0 for metadata.
    std::uint32_t seriesLength = 0;
    /// Index of the series, or kMetadata.
    std::uint32_t series = kMetadata;
    double value = 0;
    /// For metadata: index of the family. For series with a timestamp of their own: no fast path.
    std::uint32_t family = 0;
    model::MetricType type = model::MetricType::Unknown;
    bool hasTimestamp = false;
};

class SeriesCache
{
public:
    /// Index of the series with this raw text, or absent.
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view raw) const
    {
        const auto found = byRaw_.find(raw);
        return found == byRaw_.end() ? std::nullopt : std::optional(found->second);
    }
    std::uint32_t add(std::string_view raw);
    void remove(std::uint32_t index);
    /// Valid until the next add().
    [[nodiscard]] CachedSeries& at(std::uint32_t index) { return series_[index]; }
    /// Name and labels as the page has them.
    [[nodiscard]] const std::string& rawOf(std::uint32_t index) const { return raw_[index]; }
    /// All slots; those with `used` false are free.
    [[nodiscard]] std::vector<CachedSeries>& all() { return series_; }
    [[nodiscard]] std::size_t size() const { return byRaw_.size(); }

    std::uint32_t family(std::string_view name);
    /// Forgets families that were not seen since `iteration`; no line of the last page may be one
    /// of them.
    void forgetFamilies(std::uint64_t iteration);
    [[nodiscard]] CachedFamily& familyAt(std::uint32_t index) { return families_[index]; }
    /// All slots; those without a name are free.
    [[nodiscard]] const std::deque<CachedFamily>& families() const { return families_; }
    [[nodiscard]] std::size_t familyCount() const { return familyIndex_.size(); }

private:
    std::vector<CachedSeries> series_;
    std::deque<std::string> raw_; // addresses stay: keys of byRaw_ are views into these
    base::StringViewMap<std::uint32_t> byRaw_;
    std::vector<std::uint32_t> free_;
    std::deque<CachedFamily> families_;
    std::vector<std::uint32_t> freeFamilies_;
    base::StringMap<std::uint32_t> familyIndex_;
};

} // namespace narthex::scrape
