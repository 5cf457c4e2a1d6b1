// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the chunks of histograms, and XOR2, are made of: a growing buffer of bits, numbers of
// variable length, and columns of numbers coded by their change.
// Threads: values. Units: bits. Errors: none here; a BitReader past its end gives zeros.
// Format: spec/tsdb.md, 2 (varbit_int, varbit_uint), 3.1 (value code), 3.3.
#pragma once

#include "core/tsdb/bit_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// Payload bits of a varbit number, by the number of ones in its prefix.
inline constexpr std::array<unsigned, 9> kVarbitWidths{0, 3, 6, 9, 12, 18, 25, 56, 64};
inline constexpr unsigned kVarbitLongestPrefix = 8;

/// A buffer of bits that grows by doubling.
class BitWriter
{
public:
    /// The low `count` bits (1 to 64) of `value`, whose other bits are zero.
    void put(std::uint64_t value, unsigned count)
    {
        const std::size_t needed = position_ / 8 + 8 + kBitSlackBytes;
        if (needed > bytes_.size()) [[unlikely]] {
            bytes_.resize(std::max<std::size_t>(needed, bytes_.size() * 2));
        }
        putBits(bytes_.data(), position_, value, count);
    }
    void putVarbitUint(std::uint64_t value);
    void putVarbitInt(std::int64_t value);
    /// LEB128 through the bit stream.
    void putUvarint(std::uint64_t value);
    void putVarint(std::int64_t value) { putUvarint(base::zigzag(value)); }

    /// Replaces a byte that was written before.
    void setByte(std::size_t at, std::uint8_t value) { bytes_[at] = value; }
    [[nodiscard]] std::size_t sizeBytes() const { return (position_ + 7) / 8; }
    [[nodiscard]] std::size_t capacityBytes() const { return bytes_.capacity(); }
    /// Valid until the next put.
    [[nodiscard]] std::string_view bytes() const
    {
        return {reinterpret_cast<const char*>(bytes_.data()), sizeBytes()};
    }

private:
    void putPrefixed(unsigned ones, std::uint64_t value);

    std::vector<std::uint8_t> bytes_;
    std::size_t position_ = 0;
};

inline void BitWriter::putPrefixed(unsigned ones, std::uint64_t value)
{
    // `ones` ones and a zero, which the longest prefix leaves out.
    std::uint64_t prefix = (std::uint64_t{1} << ones) - 1;
    unsigned length = ones;
    if (ones != kVarbitLongestPrefix) {
        prefix <<= 1U;
        ++length;
    }
    const unsigned width = kVarbitWidths[ones];
    if (width == 64) {
        put(prefix, length);
        put(value, 64);
        return;
    }
    // The longest of these is 8 + 56 bits: one word.
    const std::uint64_t payload = value & ((std::uint64_t{1} << width) - 1);
    put((prefix << width) | payload, length + width);
}

inline void BitWriter::putVarbitUint(std::uint64_t value)
{
    unsigned ones = 0;
    while (ones < kVarbitLongestPrefix && value >> kVarbitWidths[ones] != 0) {
        ++ones;
    }
    putPrefixed(ones, value);
}

inline void BitWriter::putVarbitInt(std::int64_t value)
{
    if (value == 0) {
        put(0, 1);
        return;
    }
    unsigned ones = 1;
    while (ones < kVarbitLongestPrefix && !fitsAsymmetric(value, kVarbitWidths[ones])) {
        ++ones;
    }
    putPrefixed(ones, static_cast<std::uint64_t>(value));
}

inline void BitWriter::putUvarint(std::uint64_t value)
{
    while (value >= 0x80) {
        put((value & 0x7FU) | 0x80U, 8);
        value >>= 7U;
    }
    put(value, 8);
}

/// The width of the next varbit number's payload; its prefix is consumed.
inline unsigned getVarbitWidth(BitReader& reader)
{
    const auto ones =
        std::min(static_cast<unsigned>(std::countl_one(reader.peek())), kVarbitLongestPrefix);
    reader.skip(ones == kVarbitLongestPrefix ? ones : ones + 1);
    return kVarbitWidths[ones];
}

inline std::uint64_t getVarbitUint(BitReader& reader) { return reader.get(getVarbitWidth(reader)); }

inline std::int64_t getVarbitInt(BitReader& reader)
{
    const unsigned width = getVarbitWidth(reader);
    if (width == 0) {
        return 0;
    }
    const std::uint64_t field = reader.get(width);
    return width == 64 ? static_cast<std::int64_t>(field) : fromAsymmetric(field, width);
}

/// Wrapping arithmetic: any two numbers of a file have a difference.
constexpr std::int64_t wrappingMinus(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrappingPlus(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// A number that is written as the difference of differences.
struct DeltaColumn
{
    std::int64_t last = 0;
    std::int64_t delta = 0;

    /// The first number is written by the caller.
    void start(std::int64_t value)
    {
        last = value;
        delta = 0;
    }
    void put(BitWriter& out, std::int64_t value)
    {
        const std::int64_t change = wrappingMinus(value, last);
        out.putVarbitInt(wrappingMinus(change, delta));
        last = value;
        delta = change;
    }
    std::int64_t get(BitReader& in)
    {
        delta = wrappingPlus(delta, getVarbitInt(in));
        last = wrappingPlus(last, delta);
        return last;
    }
};

/// The bits of a float, written as the XOR with the ones before, with a window of its own.
struct XorColumn
{
    /// In place of `leading`: no window yet.
    static constexpr std::uint8_t kNone = 0xFF;
    static constexpr unsigned kLeadingMax = 31;

    std::uint64_t last = 0;
    std::uint8_t leading = kNone;
    std::uint8_t trailing = 0;

    void start(double value) { last = std::bit_cast<std::uint64_t>(value); }
    [[nodiscard]] double value() const { return std::bit_cast<double>(last); }
    void put(BitWriter& out, double value);
    double get(BitReader& in);
};

inline void XorColumn::put(BitWriter& out, double value)
{
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t change = bits ^ last;
    last = bits;
    if (change == 0) {
        out.put(0, 1);
        return;
    }
    const unsigned lead = std::min(static_cast<unsigned>(std::countl_zero(change)), kLeadingMax);
    const auto trail = static_cast<unsigned>(std::countr_zero(change));
    if (leading != kNone && lead >= leading && trail >= trailing) {
        out.put(0b10, 2);
    } else {
        leading = static_cast<std::uint8_t>(lead);
        trailing = static_cast<std::uint8_t>(trail);
        // A width of 64 is stored as 0.
        out.put((0b11U << 11U) | (lead << 6U) | ((64 - lead - trail) & 63U), 13);
    }
    out.put(change >> trailing, 64U - leading - trailing);
}

inline double XorColumn::get(BitReader& in)
{
    if (!in.bit()) {
        return value();
    }
    if (in.bit()) {
        leading = static_cast<std::uint8_t>(in.get(5));
        const auto field = static_cast<unsigned>(in.get(6));
        const unsigned width = field == 0 ? 64 : field;
        if (leading + width > 64) {
            in.fail(); // no writer makes this
            return value();
        }
        trailing = static_cast<std::uint8_t>(64 - leading - width);
    } else if (leading == kNone) {
        leading = 0;
    }
    last ^= in.get(64U - leading - trailing) << trailing;
    return value();
}

} // namespace narthex::tsdb
