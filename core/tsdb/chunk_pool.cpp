// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/chunk_pool.h"

#include "core/base/status.h"

#include <new>
#include <sys/mman.h>

namespace narthex::tsdb {
namespace {

/// Blocks start behind the slab's head.
constexpr std::size_t kHeadBytes = 64;

} // namespace

void ChunkPool::SlabDeleter::operator()(Slab* slab) const
{
    ::operator delete (slab, std::align_val_t{kSlabBytes});
}

void ChunkPool::linkLocked(Slab* slab, std::uint8_t sizeClass)
{
    slab->previous = nullptr;
    slab->next = withRoom_[sizeClass];
    if (slab->next != nullptr) {
        slab->next->previous = slab;
    }
    withRoom_[sizeClass] = slab;
}

void ChunkPool::unlinkLocked(Slab* slab, std::uint8_t sizeClass)
{
    if (slab->previous != nullptr) {
        slab->previous->next = slab->next;
    } else {
        withRoom_[sizeClass] = slab->next;
    }
    if (slab->next != nullptr) {
        slab->next->previous = slab->previous;
    }
    slab->previous = slab->next = nullptr;
}

ChunkPool::Slab* ChunkPool::takeSlabLocked(std::uint8_t sizeClass)
{
    static_assert(sizeof(Slab) <= kHeadBytes);
    void* memory = nullptr;
    if (!empty_.empty()) {
        memory = empty_.back();
        empty_.pop_back();
    } else if (!hollow_.empty()) {
        memory = hollow_.back();
        hollow_.pop_back();
    } else {
        memory = ::operator new (kSlabBytes, std::align_val_t{kSlabBytes});
        slabs_.emplace_back(static_cast<Slab*>(memory));
    }
    Slab* slab = ::new (memory) Slab{};
    auto* bytes = static_cast<std::uint8_t*>(memory) + kHeadBytes;
    slab->blocks = static_cast<std::uint32_t>((kSlabBytes - kHeadBytes) / bytesOf(sizeClass));
    // From the back, so that blocks are handed out in ascending order.
    for (std::size_t i = slab->blocks; i-- > 0;) {
        slab->free = ::new (bytes + i * bytesOf(sizeClass)) FreeBlock{slab->free};
    }
    linkLocked(slab, sizeClass);
    return slab;
}

std::uint8_t* ChunkPool::allocate(std::uint8_t sizeClass)
{
    NARTHEX_CHECK(sizeClass > 0 && sizeClass <= kLargestClass);
    absl::MutexLock lock(&mutex_);
    Slab* slab = withRoom_[sizeClass] != nullptr ? withRoom_[sizeClass] : takeSlabLocked(sizeClass);
    FreeBlock* block = slab->free;
    slab->free = block->next;
    if (++slab->used == slab->blocks) {
        unlinkLocked(slab, sizeClass);
    }
    return reinterpret_cast<std::uint8_t*>(block);
}

void ChunkPool::release(std::uint8_t* block, std::uint8_t sizeClass)
{
    auto* slab =
        reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(kSlabBytes - 1));
    absl::MutexLock lock(&mutex_);
    slab->free = ::new (block) FreeBlock{slab->free};
    if (slab->used-- == slab->blocks) {
        linkLocked(slab, sizeClass);
    }
    // The last slab of a size with room stays: a single series must not pass a slab back and forth.
    if (slab->used == 0 && (slab->next != nullptr || slab->previous != nullptr)) {
        unlinkLocked(slab, sizeClass);
        empty_.push_back(slab);
    }
}

void ChunkPool::trim()
{
    constexpr std::size_t kSpareFraction = 16;
    absl::MutexLock lock(&mutex_);
    const std::size_t spare = (slabs_.size() - hollow_.size()) / kSpareFraction;
    while (empty_.size() > spare) {
        Slab* slab = empty_.back();
        empty_.pop_back();
        ::madvise(slab, kSlabBytes, MADV_DONTNEED);
        hollow_.push_back(slab);
    }
}

std::uint64_t ChunkPool::memoryBytes() const
{
    absl::MutexLock lock(&mutex_);
    return (slabs_.size() - hollow_.size()) * kSlabBytes;
}

} // namespace narthex::tsdb
