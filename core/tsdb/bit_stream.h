// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bits written and read from the most significant bit of each byte on, a machine word at a time.
// Threads: values. Errors: a reader past its end gives zeros; overrun() is then true.
// Format: spec/tsdb.md, Primitives.
#pragma once

#include "core/base/codec.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace narthex::tsdb {

/// Bytes behind the last written one that putBits may overwrite with zeros.
inline constexpr std::size_t kBitSlackBytes = 9;

/// Writes the low `count` bits (1 to 64) of `value`, whose other bits are zero, at bit `position`
/// of `data`, and moves `position`. Everything behind the written bits, up to kBitSlackBytes,
/// becomes zero: so no mask is needed the next time.
template <typename Position>
inline void putBits(std::uint8_t* data, Position& position, std::uint64_t value, unsigned count)
{
    std::uint8_t* const at = data + (position >> 3U);
    const unsigned used = position & 7U;
    const std::uint64_t left = value << (64U - count);
    std::uint64_t word = left >> used;
    if (used != 0) {
        word |= static_cast<std::uint64_t>(*at) << 56U;
        at[8] = static_cast<std::uint8_t>((left << (64U - used)) >> 56U);
    }
    word = __builtin_bswap64(word);
    std::memcpy(at, &word, 8);
    position = static_cast<Position>(position + count);
}

class BitReader
{
public:
    explicit BitReader(std::string_view bytes)
        : data_(reinterpret_cast<const std::uint8_t*>(bytes.data())), sizeBytes_(bytes.size())
    {}

    [[nodiscard]] bool overrun() const { return position_ > sizeBytes_ * 8; }

    /// The next bits, left-aligned; at least the first 57 are right. Zeros behind the end.
    [[nodiscard]] std::uint64_t peek() const
    {
        const std::size_t at = position_ >> 3U;
        std::uint64_t word = 0;
        if (at + 8 <= sizeBytes_) [[likely]] {
            std::memcpy(&word, data_ + at, 8);
        } else if (at < sizeBytes_) {
            std::memcpy(&word, data_ + at, sizeBytes_ - at);
        }
        return __builtin_bswap64(word) << (position_ & 7U);
    }
    /// The same with all 64 bits right, for one more load.
    [[nodiscard]] std::uint64_t peekWhole() const
    {
        const std::size_t at = position_ >> 3U;
        if (at + 9 > sizeBytes_) [[unlikely]] {
            BitReader ahead = *this;
            return ahead.get(64);
        }
        std::uint64_t word = 0;
        std::memcpy(&word, data_ + at, 8);
        const unsigned used = position_ & 7U;
        return (__builtin_bswap64(word) << used) |
               (static_cast<unsigned>(data_[at + 8]) >> (8 - used));
    }
    void skip(unsigned count) { position_ += count; }
    /// For bits that no writer makes: overrun() is true from now on.
    void fail() { position_ = sizeBytes_ * 8 + 1; }

    /// `count` from 0 to 64.
    std::uint64_t get(unsigned count)
    {
        if (count == 0) {
            return 0;
        }
        if (count > 56) {
            const std::uint64_t high = get(count - 32);
            return (high << 32U) | get(32);
        }
        const std::uint64_t value = peek() >> (64U - count);
        position_ += count;
        return value;
    }
    bool bit() { return get(1) != 0; }
    /// LEB128 through the bit stream.
    std::uint64_t uvarint()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 70; shift += 7) {
            const std::uint64_t byte = get(8);
            value |= shift < 64 ? (byte & 0x7FU) << shift : 0;
            if (byte < 0x80) {
                return value;
            }
        }
        fail(); // too long: no legal number
        return 0;
    }
    std::int64_t varint() { return base::unzigzag(uvarint()); }

private:
    const std::uint8_t* data_;
    std::size_t sizeBytes_;
    std::size_t position_ = 0;
};

/// A field of n bits in the "asymmetric" style: values from -(2^(n-1)-1) to 2^(n-1).
constexpr bool fitsAsymmetric(std::int64_t value, unsigned bits)
{
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return -limit + 1 <= value && value <= limit;
}
/// `bits` from 1 to 63.
constexpr std::int64_t fromAsymmetric(std::uint64_t field, unsigned bits)
{
    const std::uint64_t limit = std::uint64_t{1} << (bits - 1);
    // Not a branch: signs cannot be predicted.
    return static_cast<std::int64_t>(field - (static_cast<std::uint64_t>(field > limit) << bits));
}

} // namespace narthex::tsdb
