// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/series_table.h"

#include <algorithm>
#include <cstring>

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

std::uint64_t memoryOf(const HistogramValue& value)
{
    const auto add = [](const auto& h, std::size_t buckets) {
        return sizeof(h) + buckets * 8 +
               (h.positiveSpans.size() + h.negativeSpans.size()) * sizeof(model::Span);
    };
    return value.floats
               ? add(*value.floats,
                     value.floats->positiveBuckets.size() + value.floats->negativeBuckets.size())
               : add(*value.integers,
                     value.integers->positiveDeltas.size() + value.integers->negativeDeltas.size());
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

std::uint64_t SeriesTable::memoryBytes() const { return pages_.load() * sizeof(SeriesPage); }

} // namespace narthex::tsdb
