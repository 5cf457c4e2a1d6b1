// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/chunk_pool.h"

#include "core/base/status.h"

#include <new>

namespace narthex::tsdb {

std::uint8_t* ChunkPool::allocate(std::uint8_t sizeClass)
{
    NARTHEX_CHECK(sizeClass > 0 && sizeClass <= kLargestClass);
    absl::MutexLock lock(&mutex_);
    if (free_[sizeClass] == nullptr) {
        addSlabLocked(sizeClass);
    }
    FreeBlock* block = free_[sizeClass];
    free_[sizeClass] = block->next;
    return reinterpret_cast<std::uint8_t*>(block);
}

void ChunkPool::release(std::uint8_t* block, std::uint8_t sizeClass)
{
    auto* freed = ::new (block) FreeBlock{nullptr};
    absl::MutexLock lock(&mutex_);
    freed->next = free_[sizeClass];
    free_[sizeClass] = freed;
}

void ChunkPool::addSlabLocked(std::uint8_t sizeClass)
{
    const std::size_t blockBytes = bytesOf(sizeClass);
    auto slab = std::make_unique_for_overwrite<std::uint8_t[]>(kSlabBytes);
    // From the back, so that blocks are handed out in ascending order.
    for (std::size_t i = kSlabBytes / blockBytes; i-- > 0;) {
        free_[sizeClass] = ::new (slab.get() + i * blockBytes) FreeBlock{free_[sizeClass]};
    }
    slabs_.push_back(std::move(slab));
}

std::uint64_t ChunkPool::memoryBytes() const
{
    absl::MutexLock lock(&mutex_);
    return slabs_.size() * kSlabBytes;
}

} // namespace narthex::tsdb
