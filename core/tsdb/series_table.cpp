// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/series_table.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace narthex::tsdb {

void SeriesPage::setLabels(std::uint32_t position, std::string_view bytes)
{
    labels_[position] = std::make_unique_for_overwrite<char[]>(bytes.size());
    std::memcpy(labels_[position].get(), bytes.data(), bytes.size());
    labelBytes_[position] = static_cast<std::uint32_t>(bytes.size());
}

void SeriesPage::dropLabels(std::uint32_t position)
{
    labels_[position].reset();
    labelBytes_[position] = 0;
}

void SeriesPage::releaseMemory()
{
    static_assert(sizeof(hot) % 4096 == 0 && sizeof(cold) % 4096 == 0);
    // A series that is not alive owns nothing: its vector is empty, its pointer null. Zeros say the
    // same, and the system's fresh pages are zeros.
    ::madvise(&hot, sizeof(hot), MADV_DONTNEED);
    ::madvise(&cold, sizeof(cold), MADV_DONTNEED);
    decltype(unsettled)().swap(unsettled);
    decltype(late)().swap(late);
    decltype(deleted)().swap(deleted);
    decltype(starts)().swap(starts);
    released_ = true;
}

void appendStartTimes(const StartChanges& changes, std::span<const std::int64_t> times,
                      std::vector<std::int64_t>& out)
{
    std::size_t next = 0;
    std::int64_t start = changes.empty() ? 0 : changes.front().start;
    for (const std::int64_t time : times) {
        while (next < changes.size() && changes[next].time <= time) {
            start = changes[next++].start;
        }
        out.push_back(start);
    }
}

SeriesTable::~SeriesTable()
{
    for (auto& slot : directories_) {
        const std::unique_ptr<Directory> directory(slot.load());
        if (directory == nullptr) {
            continue;
        }
        for (auto& page : directory->pages) {
            const std::unique_ptr<SeriesPage> owned(page.load());
        }
    }
}

SeriesPage& SeriesTable::makePage(std::uint32_t pageNumber)
{
    if (SeriesPage* existing = page(pageNumber); existing != nullptr) {
        return *existing;
    }
    absl::MutexLock lock(&growMutex_);
    auto& slot = directories_[pageNumber / kPagesADirectory];
    if (slot.load(std::memory_order_relaxed) == nullptr) {
        slot.store(std::make_unique<Directory>().release(), std::memory_order_release);
    }
    auto& page = slot.load(std::memory_order_relaxed)->pages[pageNumber % kPagesADirectory];
    if (page.load(std::memory_order_relaxed) == nullptr) {
        page.store(std::make_unique<SeriesPage>().release(), std::memory_order_release);
        pages_.fetch_add(1, std::memory_order_relaxed); // a counter
    }
    pageEnd_.store(std::max(pageEnd_.load(std::memory_order_relaxed), pageNumber + 1),
                   std::memory_order_release);
    return *page.load(std::memory_order_relaxed);
}

std::uint64_t SeriesTable::memoryBytes() const
{
    constexpr std::uint64_t kRest =
        sizeof(SeriesPage) - SeriesPage::kSeries * (sizeof(HotSeries) + sizeof(ColdSeries));
    const std::uint64_t released = releasedPages_.load();
    return (pages_.load() - released) * sizeof(SeriesPage) + released * kRest;
}

} // namespace narthex::tsdb
