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

/// Bits of a peeked word that are right wherever in a byte it begins.
constexpr unsigned kPeekedBits = 57;
/// Of a value with a new window: 2 bits, then 5 and 6 for the window.
constexpr unsigned kControlBitsMax = 13;

/// The samples from the third on, two codes each. A sample's codes are mostly read out of one
/// peeked word: reading each code on its own took 10 cycles a sample, for the address of the next
/// word hung on the bits of the last. Overrun is looked at once, at the end.
class SampleReader
{
public:
    SampleReader(const BitReader& reader, std::int64_t time, std::int64_t delta, std::uint64_t bits)
        : reader_(reader), time_(time), delta_(delta), bits_(bits)
    {}

    [[nodiscard]] std::uint64_t peek() const { return reader_.peek(); }
    /// How many samples, at most `most`, repeat interval and value according to this peeked word;
    /// moves behind their codes.
    [[gnu::always_inline]] std::uint32_t skipRepeats(std::uint64_t word, std::uint32_t most)
    {
        // The low bits of a word may be missing.
        const auto zeros = static_cast<std::uint32_t>(std::countl_zero(word | 0xFF));
        const std::uint32_t count = std::min(zeros / 2, most);
        reader_.skip(2 * count);
        return count;
    }
    [[gnu::always_inline]] void repeat() { time_ = plus(time_, delta_); }

    [[gnu::always_inline]] void next(std::uint64_t word)
    {
        unsigned used = 1;
        if ((word >> 63U) != 0) [[unlikely]] {
            used = readDeltaOfDelta(word);
        }
        time_ = plus(time_, delta_);
        readValue(word << used, used);
    }
    /// The second sample's value has no code of its time in front.
    void readValueOnly() { readValue(reader_.peek(), 0); }

    [[nodiscard]] std::int64_t time() const { return time_; }
    [[nodiscard]] double value() const { return std::bit_cast<double>(bits_); }
    [[nodiscard]] bool overrun() const { return reader_.overrun(); }

private:
    /// Changes the interval; how many bits of `word` were used for it. After the longest form
    /// `word` is a new one.
    [[gnu::always_inline]] unsigned readDeltaOfDelta(std::uint64_t& word)
    {
        constexpr unsigned kWidths[] = {14, 17, 20};
        const auto ones = static_cast<unsigned>(std::countl_one(word | (std::uint64_t{1} << 59U)));
        if (ones >= 4) [[unlikely]] {
            reader_.skip(4);
            delta_ = plus(delta_, static_cast<std::int64_t>(reader_.get(64)));
            word = reader_.peek();
            return 0;
        }
        const unsigned width = kWidths[ones - 1];
        const std::uint64_t field = (word << (ones + 1)) >> (64U - width);
        delta_ = plus(delta_, fromAsymmetric(field, width));
        return ones + 1 + width;
    }
    /// `rest`: the peeked word without its first `used` bits, which were not yet skipped.
    [[gnu::always_inline]] void readValue(std::uint64_t rest, unsigned used)
    {
        if ((rest >> 63U) == 0) {
            reader_.skip(used + 1);
            return;
        }
        unsigned control = 2;
        if ((rest >> 62U) != 0b10) {
            control = kControlBitsMax;
            const unsigned leading = static_cast<unsigned>(rest >> 57U) & 31U;
            const unsigned field = static_cast<unsigned>(rest >> 51U) & 63U;
            width_ = field == 0 ? 64 : field;
            if (leading + width_ > 64) [[unlikely]] {
                reader_.fail(); // no writer makes this
                width_ = 64 - leading;
            }
            trailing_ = 64 - leading - width_;
        }
        // Narrow values are in the word that is there, wide ones (gauges) take another. A value's
        // control code does not count here: the width lasts, so that the branch can be predicted.
        if (used + kControlBitsMax + width_ <= kPeekedBits) {
            bits_ ^= ((rest << control) >> (64U - width_)) << trailing_;
            reader_.skip(used + control + width_);
        } else {
            reader_.skip(used + control);
            bits_ ^= (reader_.peekWhole() >> (64U - width_)) << trailing_;
            reader_.skip(width_);
        }
    }

    BitReader reader_;
    std::int64_t time_;
    std::int64_t delta_;
    std::uint64_t bits_;
    unsigned width_ = 64;
    unsigned trailing_ = 0;
};

/// Columns that have room for all samples of a chunk; keeps those from `from` on.
class ColumnWriter
{
public:
    ColumnWriter(std::int64_t* times, double* values, std::int64_t from)
        : times_(times), values_(values), from_(from)
    {}
    [[gnu::always_inline]] void put(std::int64_t time, double value)
    {
        times_[count_] = time;
        values_[count_] = value;
        count_ += time >= from_ ? 1 : 0;
    }
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    std::int64_t* times_;
    double* values_;
    std::int64_t from_;
    std::size_t count_ = 0;
};

struct ReadResult
{
    std::size_t count = 0;
    bool overrun = false;
};

/// Everything from the second sample's value on, until one is after `to`. The state comes by value:
/// it then stays in registers, where references cost a quarter of the speed.
ReadResult readRest(SampleReader sample, std::uint32_t samples, std::int64_t to, ColumnWriter out)
{
    sample.readValueOnly();
    while (sample.time() <= to) {
        out.put(sample.time(), sample.value());
        if (--samples == 0) {
            break;
        }
        const std::uint64_t word = sample.peek();
        if ((word >> 62U) != 0) {
            sample.next(word);
            continue;
        }
        // All repeats but the last are put here.
        const std::uint32_t repeats = sample.skipRepeats(word, samples);
        for (std::uint32_t i = 1; i < repeats; ++i) {
            sample.repeat();
            if (sample.time() > to) {
                return {out.count(), sample.overrun()};
            }
            out.put(sample.time(), sample.value());
        }
        samples -= repeats - 1;
        sample.repeat();
    }
    return {out.count(), sample.overrun()};
}

ReadResult readSamples(BitReader reader, std::uint32_t samples, std::int64_t to, ColumnWriter out)
{
    const std::int64_t first = reader.varint();
    const std::uint64_t bits = reader.get(64);
    if (first > to) {
        return {0, reader.overrun()};
    }
    out.put(first, std::bit_cast<double>(bits));
    if (samples == 1) {
        return {out.count(), reader.overrun()};
    }
    const auto delta = static_cast<std::int64_t>(reader.uvarint());
    return readRest({reader, plus(first, delta), delta, bits}, samples - 1, to, out);
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
    const std::size_t before = times.size();
    times.resize(before + samples);
    values.resize(before + samples);
    const ReadResult read =
        readSamples(BitReader(chunk.substr(2)), samples, to,
                    ColumnWriter(times.data() + before, values.data() + before, from));
    const std::size_t kept = read.overrun ? 0 : read.count;
    times.resize(before + kept);
    values.resize(before + kept);
    return read.overrun ? base::dataLoss("XOR chunk of {} bytes ends before its {} samples do",
                                         chunk.size(), samples)
                        : absl::OkStatus();
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
