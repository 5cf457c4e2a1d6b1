// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/xor_chunk.h"

#include "core/base/status.h"
#include "core/tsdb/bit_stream.h"

#include <algorithm>
#include <bit>

namespace narthex::tsdb {
namespace {

constexpr unsigned kLeadingMax = 31;

/// Wrapping differences: any two times must round-trip.
constexpr std::int64_t minus(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t plus(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

constexpr std::uint64_t lowBits(std::int64_t value, unsigned bits)
{
    return static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits) - 1);
}

/// `zeros`: zero bits to write first, so that a regular interval costs no write of its own.
[[gnu::always_inline]] inline void putValue(XorState& state, std::uint8_t* data, std::uint64_t bits,
                                            unsigned zeros)
{
    const std::uint64_t change = bits ^ state.lastValue;
    state.lastValue = bits;
    if (change == 0) {
        putBits(data, state.bitCount, 0, zeros + 1);
        return;
    }
    const unsigned leading =
        std::min<unsigned>(static_cast<unsigned>(std::countl_zero(change)), kLeadingMax);
    const auto trailing = static_cast<unsigned>(std::countr_zero(change));
    if (state.leading != kNoWindow && leading >= state.leading && trailing >= state.trailing) {
        putBits(data, state.bitCount, 0b10, zeros + 2);
        putBits(data, state.bitCount, change >> state.trailing,
                64U - state.leading - state.trailing);
        return;
    }
    const unsigned significant = 64 - leading - trailing;
    state.leading = static_cast<std::uint8_t>(leading);
    state.trailing = static_cast<std::uint8_t>(trailing);
    putBits(data, state.bitCount, (0b11U << 11U) | (leading << 6U) | (significant & 63U),
            zeros + 13);
    putBits(data, state.bitCount, change >> trailing, significant);
}

[[gnu::noinline]] void putDeltaOfDelta(XorState& state, std::uint8_t* data, std::int64_t change)
{
    if (fitsAsymmetric(change, 14)) {
        putBits(data, state.bitCount, (std::uint64_t{0b10} << 14U) | lowBits(change, 14), 16);
    } else if (fitsAsymmetric(change, 17)) {
        putBits(data, state.bitCount, (std::uint64_t{0b110} << 17U) | lowBits(change, 17), 20);
    } else if (fitsAsymmetric(change, 20)) {
        putBits(data, state.bitCount, (std::uint64_t{0b1110} << 20U) | lowBits(change, 20), 24);
    } else {
        putBits(data, state.bitCount, 0b1111, 4);
        putBits(data, state.bitCount, static_cast<std::uint64_t>(change), 64);
    }
}

void putUvarint(XorState& state, std::uint8_t* data, std::uint64_t value)
{
    while (value >= 0x80) {
        putBits(data, state.bitCount, (value & 0x7FU) | 0x80U, 8);
        value >>= 7U;
    }
    putBits(data, state.bitCount, value, 8);
}

/// The start of a chunk, and its second sample: once a chunk each, kept out of the hot function.
[[gnu::noinline]] void appendEarly(XorState& state, std::uint8_t* data, std::int64_t time,
                                   std::uint64_t bits)
{
    if (state.samples == 0) {
        state.bitCount = 16;
        state.lastDelta = 0;
        state.leading = kNoWindow;
        state.trailing = 0;
        putUvarint(state, data, base::zigzag(time));
        putBits(data, state.bitCount, bits, 64);
        state.lastValue = bits;
        return;
    }
    state.lastDelta = minus(time, state.lastTime);
    putUvarint(state, data, static_cast<std::uint64_t>(state.lastDelta));
    putValue(state, data, bits, 0);
}

std::int64_t getDeltaOfDelta(BitReader& reader)
{
    const std::uint64_t word = reader.peek();
    if ((word >> 63U) == 0) {
        reader.skip(1);
        return 0;
    }
    constexpr unsigned kWidths[] = {14, 17, 20};
    const auto ones = static_cast<unsigned>(std::countl_one(word | (std::uint64_t{1} << 59U)));
    if (ones >= 4) {
        reader.skip(4);
        return static_cast<std::int64_t>(reader.get(64));
    }
    const unsigned width = kWidths[ones - 1];
    reader.skip(ones + 1 + width);
    const std::uint64_t field = (word << (ones + 1)) >> (64U - width);
    return fromAsymmetric(field, width);
}

struct Window
{
    unsigned leading = 0;
    unsigned trailing = 0;
};

/// The XOR of the next value with the one before.
std::uint64_t getChange(BitReader& reader, Window& window)
{
    const std::uint64_t word = reader.peek();
    if ((word >> 63U) == 0) {
        reader.skip(1);
        return 0;
    }
    if ((word >> 62U) == 0b10) {
        reader.skip(2);
    } else {
        reader.skip(13);
        window.leading = static_cast<unsigned>(word >> 57U) & 31U;
        const unsigned significant = static_cast<unsigned>(word >> 51U) & 63U;
        const unsigned width = significant == 0 ? 64 : significant;
        if (window.leading + width > 64) {
            reader.skip(~0U); // no writer makes this: end as damaged
            return 0;
        }
        window.trailing = 64 - window.leading - width;
    }
    return reader.get(64 - window.leading - window.trailing) << window.trailing;
}

} // namespace

void xorAppend(XorState& state, std::uint8_t* data, std::int64_t time, std::uint64_t valueBits)
{
    if (state.samples >= 2) [[likely]] {
        const std::int64_t delta = minus(time, state.lastTime);
        const std::int64_t change = minus(delta, state.lastDelta);
        state.lastDelta = delta;
        if (change != 0) {
            putDeltaOfDelta(state, data, change);
        }
        putValue(state, data, valueBits, change == 0 ? 1 : 0);
    } else {
        appendEarly(state, data, time, valueBits);
    }
    state.lastTime = time;
    ++state.samples;
}

void xorFinish(const XorState& state, std::uint8_t* data)
{
    data[0] = static_cast<std::uint8_t>(state.samples >> 8U);
    data[1] = static_cast<std::uint8_t>(state.samples & 0xFFU);
}

std::int64_t xorFirstTime(const std::uint8_t* data, std::size_t sizeBytes)
{
    return BitReader({reinterpret_cast<const char*>(data) + 2, sizeBytes - 2}).varint();
}

absl::Status xorDecode(std::string_view chunk, std::uint32_t samples, std::int64_t from,
                       std::int64_t to, std::vector<std::int64_t>& times,
                       std::vector<double>& values)
{
    if (samples == 0) {
        return absl::OkStatus();
    }
    if (chunk.size() < 2) {
        return base::dataLoss("XOR chunk of {} bytes has no room for its count", chunk.size());
    }
    BitReader reader(chunk.substr(2));
    const std::size_t before = times.size();
    times.resize(before + samples);
    values.resize(before + samples);
    std::int64_t* timeOut = times.data() + before;
    double* valueOut = values.data() + before;

    std::int64_t time = reader.varint();
    std::uint64_t bits = reader.get(64);
    std::int64_t delta = 0;
    Window window;
    for (std::uint32_t i = 0;;) {
        if (reader.overrun()) [[unlikely]] {
            times.resize(before);
            values.resize(before);
            return base::dataLoss("XOR chunk of {} bytes ends within sample {} of {}", chunk.size(),
                                  i, samples);
        }
        if (time > to) {
            break;
        }
        *timeOut = time;
        *valueOut = std::bit_cast<double>(bits);
        const bool wanted = time >= from;
        timeOut += wanted ? 1 : 0;
        valueOut += wanted ? 1 : 0;
        if (++i == samples) {
            break;
        }
        delta = i == 1 ? static_cast<std::int64_t>(reader.uvarint())
                       : plus(delta, getDeltaOfDelta(reader));
        time = plus(time, delta);
        bits ^= getChange(reader, window);
    }
    times.resize(static_cast<std::size_t>(timeOut - times.data()));
    values.resize(times.size());
    return absl::OkStatus();
}

absl::Status xorDecode(std::string_view chunk, std::int64_t from, std::int64_t to,
                       std::vector<std::int64_t>& times, std::vector<double>& values)
{
    if (chunk.size() < 2) {
        return base::dataLoss("XOR chunk of {} bytes has no room for its count", chunk.size());
    }
    const auto samples = base::loadBigEndian<std::uint16_t>(chunk.data());
    // A sample takes at least two bits: a count beyond that is damage, and must not decide an
    // allocation.
    if (samples > chunk.size() * 4) {
        return base::dataLoss("XOR chunk of {} bytes claims {} samples", chunk.size(), samples);
    }
    return xorDecode(chunk, samples, from, to, times, values);
}

std::string xorEncode(const std::vector<std::int64_t>& times, const std::vector<double>& values)
{
    // Above this the 16 bits of the position could run over.
    NARTHEX_CHECK(times.size() == values.size() && times.size() <= kXorEncodeMaxSamples);
    std::string chunk(times.size() * kXorSampleMaxBytes + 32, '\0');
    auto* data = reinterpret_cast<std::uint8_t*>(chunk.data());
    XorState state;
    for (std::size_t i = 0; i < times.size(); ++i) {
        xorAppend(state, data, times[i], std::bit_cast<std::uint64_t>(values[i]));
    }
    xorFinish(state, data);
    chunk.resize(std::max<std::size_t>(2, state.sizeBytes()));
    return chunk;
}

} // namespace narthex::tsdb
