// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/series_cache.h"

namespace narthex::scrape {

std::uint32_t SeriesCache::add(std::string_view raw)
{
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(series_.size());
        series_.emplace_back();
        raw_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    series_[index] = CachedSeries{.used = true};
    raw_[index] = raw;
    byRaw_.emplace(raw_[index], index);
    return index;
}

void SeriesCache::remove(std::uint32_t index)
{
    byRaw_.erase(raw_[index]);
    series_[index] = CachedSeries{};
    raw_[index].clear();
    free_.push_back(index);
}

std::uint32_t SeriesCache::family(std::string_view name)
{
    if (const auto found = familyIndex_.find(name); found != familyIndex_.end()) {
        return found->second;
    }
    std::uint32_t index = 0;
    if (freeFamilies_.empty()) {
        index = static_cast<std::uint32_t>(families_.size());
        families_.emplace_back();
    } else {
        index = freeFamilies_.back();
        freeFamilies_.pop_back();
    }
    families_[index].name = name;
    familyIndex_.emplace(std::string(name), index);
    return index;
}

void SeriesCache::forgetFamilies(std::uint64_t iteration)
{
    const std::size_t before = freeFamilies_.size();
    for (std::uint32_t i = 0; i < families_.size(); ++i) {
        CachedFamily& family = families_[i];
        if (!family.name.empty() && family.seen < iteration) {
            familyIndex_.erase(family.name);
            family = CachedFamily{};
            freeFamilies_.push_back(i);
        }
    }
    if (freeFamilies_.size() == before) {
        return;
    }
    for (CachedSeries& series : series_) {
        if (series.family != CachedSeries::kNoFamily && families_[series.family].name.empty()) {
            series.family = CachedSeries::kNoFamily;
        }
    }
}

} // namespace narthex::scrape
