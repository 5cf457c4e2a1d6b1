// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Memory for the bytes of head chunks: blocks of a few sizes out of slabs, so that a million small
// chunks cost neither a malloc nor its header each. An empty slab serves another size: chunks of
// many series grow together and leave a size behind together (with free lists alone half of the
// memory stood in blocks of outgrown sizes). Owner: Head. Threads: any. Units: bytes; a size class
// counts 32-byte units.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace narthex::tsdb {

class ChunkPool
{
public:
    static constexpr std::size_t kUnitBytes = 32;
    /// The largest block holds a full XOR chunk (1024 bytes) and the bit writer's slack.
    static constexpr std::uint8_t kLargestClass = 33;

    /// The smallest class with at least `sizeBytes`, which must not exceed the largest.
    static constexpr std::uint8_t classFor(std::size_t sizeBytes)
    {
        return static_cast<std::uint8_t>((sizeBytes + kUnitBytes - 1) / kUnitBytes);
    }
    static constexpr std::size_t bytesOf(std::uint8_t sizeClass) { return sizeClass * kUnitBytes; }

    [[nodiscard]] std::uint8_t* allocate(std::uint8_t sizeClass);
    void release(std::uint8_t* block, std::uint8_t sizeClass);
    /// Gives the memory of empty slabs back to the system, but for a few.
    void trim();
    /// Bytes of all slabs that have memory, used or free.
    [[nodiscard]] std::uint64_t memoryBytes() const;

private:
    /// Few blocks of a rare size should not pin much memory; slabs are aligned to their size, so a
    /// block knows its slab.
    static constexpr std::size_t kSlabBytes = 16 * 1024;
    struct FreeBlock
    {
        FreeBlock* next;
    };
    struct Slab
    {
        // Neighbours in the list of slabs with room of this size; null at its ends, and for a full
        // slab.
        Slab* previous = nullptr;
        Slab* next = nullptr;
        FreeBlock* free = nullptr;
        std::uint32_t used = 0;
        std::uint32_t blocks = 0;
    };
    struct SlabDeleter
    {
        void operator()(Slab* slab) const;
    };
    Slab* takeSlabLocked(std::uint8_t sizeClass) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void linkLocked(Slab* slab, std::uint8_t sizeClass) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void unlinkLocked(Slab* slab, std::uint8_t sizeClass) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    mutable absl::Mutex mutex_;
    /// First slab with room, by size class.
    std::array<Slab*, kLargestClass + 1> withRoom_ ABSL_GUARDED_BY(mutex_){};
    std::vector<Slab*> empty_ ABSL_GUARDED_BY(mutex_);
    /// Empty ones without memory: touching them brings it back.
    std::vector<Slab*> hollow_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Slab, SlabDeleter>> slabs_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
