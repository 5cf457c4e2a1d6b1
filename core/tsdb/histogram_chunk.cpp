// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/histogram_chunk.h"

#include "core/base/status.h"
#include "core/tsdb/bit_stream.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

constexpr std::size_t kSamplesAChunk = 120;
constexpr std::uint8_t kHeaderUnknown = 0x00; // ChunkHeader
constexpr std::uint8_t kHeaderReset = 0x80;
constexpr std::uint8_t kHeaderNoReset = 0x40;
constexpr std::uint8_t kHeaderGauge = 0xC0;
/// Payload bits of varbit numbers by the number of ones in the prefix.
constexpr std::array<unsigned, 9> kVarbitWidths{0, 3, 6, 9, 12, 18, 25, 56, 64};
constexpr unsigned kLongestPrefix = 8;
constexpr int kZeroThresholdExponentMin = -242;
constexpr int kZeroThresholdExponentMax = 11;
constexpr int kZeroThresholdBias = 243;

std::uint64_t bitsOf(double value) { return std::bit_cast<std::uint64_t>(value); }

class BitWriter
{
public:
    void put(std::uint64_t value, unsigned count)
    {
        bytes_.resize(position_ / 8 + 1 + kBitSlackBytes);
        putBits(bytes_.data(), position_, value, count);
    }
    void putVarbitUint(std::uint64_t value)
    {
        unsigned ones = 0;
        while (ones < kLongestPrefix &&
               (kVarbitWidths[ones] < 64 && value >> kVarbitWidths[ones] != 0)) {
            ++ones;
        }
        putPrefixed(ones, value);
    }
    void putVarbitInt(std::int64_t value)
    {
        unsigned ones = value == 0 ? 0 : 1;
        while (value != 0 && ones < kLongestPrefix && !fitsAsymmetric(value, kVarbitWidths[ones])) {
            ++ones;
        }
        putPrefixed(ones, static_cast<std::uint64_t>(value));
    }
    [[nodiscard]] std::string finish() &&
    {
        const std::size_t size = (position_ + 7) / 8;
        return {reinterpret_cast<const char*>(bytes_.data()), size};
    }
    [[nodiscard]] std::size_t sizeBytes() const { return (position_ + 7) / 8; }
    void setCount(std::size_t samples)
    {
        bytes_[0] = static_cast<std::uint8_t>(samples >> 8U);
        bytes_[1] = static_cast<std::uint8_t>(samples & 0xFFU);
    }

private:
    void putPrefixed(unsigned ones, std::uint64_t value)
    {
        // `ones` ones and a zero, which the longest prefix leaves out.
        const std::uint64_t prefix = (std::uint64_t{1} << ones) - 1;
        if (ones == kLongestPrefix) {
            put(prefix, ones);
        } else {
            put(prefix << 1U, ones + 1);
        }
        const unsigned width = kVarbitWidths[ones];
        if (width > 0) {
            put(width == 64 ? value : value & ((std::uint64_t{1} << width) - 1), width);
        }
    }

    std::vector<std::uint8_t> bytes_;
    std::size_t position_ = 0;
};

unsigned prefixOnes(BitReader& reader)
{
    unsigned ones = 0;
    while (ones < kLongestPrefix && reader.bit()) {
        ++ones;
    }
    return ones;
}

std::uint64_t getVarbitUint(BitReader& reader)
{
    return reader.get(kVarbitWidths[prefixOnes(reader)]);
}

std::int64_t getVarbitInt(BitReader& reader)
{
    const unsigned width = kVarbitWidths[prefixOnes(reader)];
    const std::uint64_t field = reader.get(width);
    return width == 0 || width == 64 ? static_cast<std::int64_t>(field)
                                     : fromAsymmetric(field, width);
}

/// One number of a histogram through the chunk: the XOR code with a window of its own.
struct XorColumn
{
    std::uint64_t last = 0;
    unsigned leading = kNoWindow;
    unsigned trailing = 0;

    void put(BitWriter& out, double value)
    {
        const std::uint64_t change = bitsOf(value) ^ last;
        last = bitsOf(value);
        if (change == 0) {
            out.put(0, 1);
            return;
        }
        const auto lead = std::min<unsigned>(static_cast<unsigned>(std::countl_zero(change)), 31);
        const auto trail = static_cast<unsigned>(std::countr_zero(change));
        if (leading != kNoWindow && lead >= leading && trail >= trailing) {
            out.put(0b10, 2);
        } else {
            leading = lead;
            trailing = trail;
            out.put((0b11U << 11U) | (leading << 6U) | ((64 - leading - trailing) & 63U), 13);
        }
        out.put(change >> trailing, 64 - leading - trailing);
    }
    double get(BitReader& in)
    {
        if (!in.bit()) {
            return std::bit_cast<double>(last);
        }
        if (in.bit()) {
            leading = static_cast<unsigned>(in.get(5));
            const auto field = static_cast<unsigned>(in.get(6));
            const unsigned width = field == 0 ? 64 : field;
            trailing = leading + width > 64 ? 0 : 64 - leading - width;
        } else if (leading == kNoWindow) {
            leading = 0;
        }
        last ^= in.get(64 - leading - trailing) << trailing;
        return std::bit_cast<double>(last);
    }
};

void putZeroThreshold(BitWriter& out, double threshold)
{
    int exponent = 0;
    if (threshold == 0) {
        out.put(0, 8);
    } else if (std::frexp(threshold, &exponent) == 0.5 && exponent >= kZeroThresholdExponentMin &&
               exponent <= kZeroThresholdExponentMax) {
        out.put(static_cast<std::uint64_t>(exponent + kZeroThresholdBias), 8);
    } else {
        out.put(0xFF, 8);
        out.put(bitsOf(threshold), 64);
    }
}

double getZeroThreshold(BitReader& in)
{
    const auto byte = static_cast<int>(in.get(8));
    if (byte == 0) {
        return 0;
    }
    return byte == 0xFF ? std::bit_cast<double>(in.get(64))
                        : std::ldexp(0.5, byte - kZeroThresholdBias);
}

void putSpans(BitWriter& out, const std::vector<model::Span>& spans)
{
    out.putVarbitUint(spans.size());
    for (const model::Span& span : spans) {
        out.putVarbitUint(span.length);
        out.putVarbitInt(span.offset);
    }
}

std::size_t bucketsOf(const std::vector<model::Span>& spans)
{
    std::size_t count = 0;
    for (const model::Span& span : spans) {
        count += span.length;
    }
    return count;
}

absl::Status getSpans(BitReader& in, std::size_t chunkBytes, std::vector<model::Span>& spans)
{
    const std::uint64_t count = getVarbitUint(in);
    for (std::uint64_t i = 0; i < count && !in.overrun(); ++i) {
        const std::uint64_t length = getVarbitUint(in);
        const std::int64_t offset = getVarbitInt(in);
        // A bucket takes a bit at least: more cannot be in the chunk, and must not decide an
        // allocation.
        if (length > chunkBytes * 8 || bucketsOf(spans) + length > chunkBytes * 8) {
            return base::dataLoss("histogram chunk of {} bytes claims a span of {} buckets",
                                  chunkBytes, length);
        }
        spans.push_back({static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(length)});
    }
    return absl::OkStatus();
}

/// A chunk of float histograms while it is written.
class FloatChunkWriter
{
public:
    FloatChunkWriter(std::uint8_t header, const FloatHistogram& layout)
        : positive_(layout.isStale() ? 0 : layout.positiveBuckets.size()),
          negative_(layout.isStale() ? 0 : layout.negativeBuckets.size())
    {
        out_.put(0, 16);
        out_.put(header, 8);
        const FloatHistogram empty;
        const FloatHistogram& used = layout.isStale() ? empty : layout;
        putZeroThreshold(out_, used.zeroThreshold);
        out_.putVarbitInt(used.schema);
        putSpans(out_, used.positiveSpans);
        putSpans(out_, used.negativeSpans);
    }

    void add(const HistogramSample& sample)
    {
        const FloatHistogram& h = *sample.value.floats;
        const std::int64_t delta = samples_ == 0 ? 0 : sample.time - time_;
        if (samples_ == 0) {
            minTime_ = sample.time;
            out_.putVarbitInt(sample.time);
        } else {
            out_.putVarbitInt(delta - delta_);
        }
        time_ = sample.time;
        delta_ = delta;
        const bool stale = h.isStale();
        putNumber(count_, stale ? 0 : h.count);
        putNumber(zeroCount_, stale ? 0 : h.zeroCount);
        putNumber(sum_, h.sum);
        for (std::size_t i = 0; !stale && i < positive_.size(); ++i) {
            putNumber(positive_[i], h.positiveBuckets[i]);
        }
        for (std::size_t i = 0; !stale && i < negative_.size(); ++i) {
            putNumber(negative_[i], h.negativeBuckets[i]);
        }
        ++samples_;
    }

    [[nodiscard]] std::size_t samples() const { return samples_; }
    [[nodiscard]] ExportedChunk finish() &&
    {
        out_.setCount(samples_);
        return {minTime_, time_, ChunkEncoding::FloatHistogram,
                static_cast<std::uint32_t>(samples_), std::move(out_).finish()};
    }

private:
    void putNumber(XorColumn& column, double value)
    {
        if (samples_ == 0) {
            column.last = bitsOf(value);
            out_.put(column.last, 64);
        } else {
            column.put(out_, value);
        }
    }

    BitWriter out_;
    std::size_t samples_ = 0;
    std::int64_t minTime_ = 0;
    std::int64_t time_ = 0;
    std::int64_t delta_ = 0;
    XorColumn count_;
    XorColumn zeroCount_;
    XorColumn sum_;
    std::vector<XorColumn> positive_;
    std::vector<XorColumn> negative_;
};

bool wentBack(const std::vector<double>& before, const std::vector<double>& now)
{
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (now[i] < before[i]) {
            return true;
        }
    }
    return false;
}

/// The header of the chunk that `now` has to start after `before`; none if it may follow in the
/// same chunk.
std::optional<std::uint8_t> cutBefore(const FloatHistogram& before, const FloatHistogram& now)
{
    const bool gauge = now.hint == CounterResetHint::Gauge;
    const std::uint8_t otherwise = gauge ? kHeaderGauge : kHeaderUnknown;
    if (before.isStale()) {
        return otherwise;
    }
    if (now.isStale()) {
        return std::nullopt;
    }
    if (gauge != (before.hint == CounterResetHint::Gauge)) {
        return gauge ? kHeaderGauge : kHeaderNoReset;
    }
    if (!gauge && (now.hint == CounterResetHint::Reset || now.count < before.count)) {
        return kHeaderReset;
    }
    // Another layout starts a chunk, where Prometheus would recode the old one: simpler, and read
    // alike.
    if (now.schema != before.schema || bitsOf(now.zeroThreshold) != bitsOf(before.zeroThreshold) ||
        now.positiveSpans != before.positiveSpans || now.negativeSpans != before.negativeSpans) {
        return otherwise;
    }
    if (!gauge && (now.zeroCount < before.zeroCount ||
                   wentBack(before.positiveBuckets, now.positiveBuckets) ||
                   wentBack(before.negativeBuckets, now.negativeBuckets))) {
        return kHeaderReset;
    }
    return std::nullopt;
}

/// Numbers of an integer histogram: differences of differences.
struct IntegerColumn
{
    std::int64_t last = 0;
    std::int64_t delta = 0;

    std::int64_t next(BitReader& in)
    {
        delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(delta) +
                                          static_cast<std::uint64_t>(getVarbitInt(in)));
        last = static_cast<std::int64_t>(static_cast<std::uint64_t>(last) +
                                         static_cast<std::uint64_t>(delta));
        return last;
    }
};

class ChunkDecoder
{
public:
    ChunkDecoder(std::string_view chunk, bool isInteger)
        : in_(chunk.substr(2)), chunkBytes_(chunk.size()), isInteger_(isInteger)
    {}

    absl::Status readLayout()
    {
        header_ = static_cast<std::uint8_t>(in_.get(8));
        layout_.zeroThreshold = getZeroThreshold(in_);
        layout_.schema = static_cast<std::int32_t>(getVarbitInt(in_));
        if (layout_.schema < -4 || layout_.schema > 8) {
            return base::dataLoss("unknown schema {} of a histogram", layout_.schema);
        }
        NARTHEX_RETURN_IF_ERROR(getSpans(in_, chunkBytes_, layout_.positiveSpans));
        NARTHEX_RETURN_IF_ERROR(getSpans(in_, chunkBytes_, layout_.negativeSpans));
        buckets_.resize(bucketsOf(layout_.positiveSpans) + bucketsOf(layout_.negativeSpans));
        integers_.resize(isInteger_ ? buckets_.size() : 0);
        return absl::OkStatus();
    }

    /// The next sample; its time is in time() afterwards.
    std::shared_ptr<const FloatHistogram> next()
    {
        if (samples_ == 0) {
            time_.last = getVarbitInt(in_);
        } else {
            time_.next(in_);
        }
        auto histogram = std::make_shared<FloatHistogram>(layout_);
        histogram->count = isInteger_ ? integer(count_.integer, true) : number(count_.xored);
        histogram->zeroCount =
            isInteger_ ? integer(zeroCount_.integer, true) : number(zeroCount_.xored);
        histogram->sum = number(sum_);
        if (!histogram->isStale()) {
            readBuckets(*histogram);
        } else {
            *histogram = FloatHistogram{};
            histogram->sum = std::bit_cast<double>(sum_.last);
        }
        histogram->hint = hint();
        ++samples_;
        return histogram;
    }
    [[nodiscard]] std::int64_t time() const { return time_.last; }
    [[nodiscard]] bool overrun() const { return in_.overrun(); }

private:
    struct Number
    {
        XorColumn xored;
        IntegerColumn integer;
    };

    double number(XorColumn& column)
    {
        if (samples_ == 0) {
            column.last = in_.get(64);
            return std::bit_cast<double>(column.last);
        }
        return column.get(in_);
    }
    double integer(IntegerColumn& column, bool isUnsigned)
    {
        if (samples_ == 0) {
            column.last =
                isUnsigned ? static_cast<std::int64_t>(getVarbitUint(in_)) : getVarbitInt(in_);
        } else {
            column.next(in_);
        }
        return static_cast<double>(column.last);
    }
    void readBuckets(FloatHistogram& histogram)
    {
        const std::size_t positive = bucketsOf(layout_.positiveSpans);
        std::int64_t absolute = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            if (i == positive) {
                absolute = 0;
            }
            double value = 0;
            if (isInteger_) {
                integer(integers_[i], false);
                absolute += integers_[i].last;
                value = static_cast<double>(absolute);
            } else {
                value = number(buckets_[i]);
            }
            (i < positive ? histogram.positiveBuckets : histogram.negativeBuckets).push_back(value);
        }
    }
    [[nodiscard]] CounterResetHint hint() const
    {
        if (header_ == kHeaderGauge) {
            return CounterResetHint::Gauge;
        }
        return samples_ == 0 ? CounterResetHint::Unknown : CounterResetHint::NoReset;
    }

    BitReader in_;
    const std::size_t chunkBytes_;
    const bool isInteger_;
    std::uint8_t header_ = 0;
    FloatHistogram layout_;
    std::size_t samples_ = 0;
    IntegerColumn time_;
    Number count_;
    Number zeroCount_;
    XorColumn sum_;
    std::vector<XorColumn> buckets_;
    std::vector<IntegerColumn> integers_;
};

} // namespace

void encodeHistograms(std::span<const HistogramSample> samples, std::vector<ExportedChunk>& out)
{
    std::optional<FloatChunkWriter> writer;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const FloatHistogram& now = *samples[i].value.floats;
        std::optional<std::uint8_t> header;
        if (i == 0) {
            header = now.hint == CounterResetHint::Gauge ? kHeaderGauge : kHeaderUnknown;
        } else {
            header = cutBefore(*samples[i - 1].value.floats, now);
            if (!header && writer->samples() >= kSamplesAChunk) {
                header = now.hint == CounterResetHint::Gauge ? kHeaderGauge : kHeaderNoReset;
            }
        }
        if (header) {
            if (writer) {
                out.push_back(std::move(*writer).finish());
            }
            writer.emplace(*header, now);
        }
        writer->add(samples[i]);
    }
    if (writer) {
        out.push_back(std::move(*writer).finish());
    }
}

absl::Status decodeHistogramChunk(ChunkEncoding encoding, std::string_view chunk,
                                  std::int64_t fromMs, std::int64_t toMs,
                                  std::vector<std::int64_t>& times,
                                  std::vector<std::shared_ptr<const FloatHistogram>>& histograms)
{
    if (chunk.size() < 3) {
        return base::dataLoss("histogram chunk of {} bytes has no room for its header",
                              chunk.size());
    }
    const auto samples = base::loadBigEndian<std::uint16_t>(chunk.data());
    ChunkDecoder decoder(chunk, encoding == ChunkEncoding::Histogram);
    NARTHEX_RETURN_IF_ERROR(decoder.readLayout());
    for (std::uint32_t i = 0; i < samples; ++i) {
        const std::shared_ptr<const FloatHistogram> histogram = decoder.next();
        if (decoder.overrun()) {
            return base::dataLoss("histogram chunk of {} bytes ends within sample {} of {}",
                                  chunk.size(), i, samples);
        }
        if (decoder.time() > toMs) {
            break;
        }
        if (decoder.time() >= fromMs) {
            times.push_back(decoder.time());
            histograms.push_back(histogram);
        }
    }
    return absl::OkStatus();
}

} // namespace narthex::tsdb
