// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/xor2_chunk.h"

#include "core/base/status.h"
#include "core/model/sample.h"

#include <bit>
#include <limits>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kHeaderBytes = 3;
constexpr std::size_t kStartHeaderAt = 2;
constexpr unsigned kLeadingMax = 31;

/// Two's complement, unlike the fields of the other encodings.
constexpr bool fitsSigned(std::int64_t value, unsigned bits)
{
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return -limit <= value && value < limit;
}
constexpr std::int64_t fromSigned(std::uint64_t field, unsigned bits)
{
    return static_cast<std::int64_t>(field << (64 - bits)) >> (64 - bits);
}
constexpr std::uint64_t lowBits(std::int64_t value, unsigned bits)
{
    return static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits) - 1);
}

class Decoder
{
public:
    explicit Decoder(std::string_view chunk) : in_(chunk.substr(kHeaderBytes))
    {
        start_.open(static_cast<std::uint8_t>(chunk[kStartHeaderAt]));
    }

    void next()
    {
        const std::int64_t before = time_;
        if (index_ == 0) {
            time_ = in_.varint();
            value_ = in_.get(64);
            base_ = value_ == model::kStaleBits ? 0 : value_;
        } else if (index_ == 1) {
            delta_ = static_cast<std::int64_t>(in_.uvarint());
            time_ = wrappingPlus(time_, delta_);
            readValue();
        } else {
            readJoint();
        }
        start_.read(in_, index_, time_, before);
        ++index_;
    }
    [[nodiscard]] bool overrun() const { return in_.overrun(); }
    [[nodiscard]] std::int64_t time() const { return time_; }
    [[nodiscard]] double value() const { return std::bit_cast<double>(value_); }
    [[nodiscard]] std::int64_t start() const { return start_.value(); }

private:
    void readJoint()
    {
        const auto ones = static_cast<unsigned>(std::countl_one(in_.peek() | (1ULL << 58U)));
        switch (ones) {
        case 0: // as before
            in_.skip(1);
            value_ = base_;
            break;
        case 1: // only the value
            in_.skip(2);
            readWindow(in_.bit());
            break;
        case 2:
            in_.skip(3);
            addChange(fromSigned(in_.get(13), 13));
            return;
        case 3:
            in_.skip(4);
            addChange(fromSigned(in_.get(20), 20));
            return;
        case 4:
            in_.skip(5);
            addChange(static_cast<std::int64_t>(in_.get(64)));
            return;
        default: // the end of the series, on time
            in_.skip(5);
            value_ = model::kStaleBits;
            break;
        }
        time_ = wrappingPlus(time_, delta_);
    }
    void addChange(std::int64_t change)
    {
        delta_ = wrappingPlus(delta_, change);
        time_ = wrappingPlus(time_, delta_);
        readValue();
    }
    void readValue()
    {
        switch (std::countl_one(in_.peek() | (1ULL << 60U))) {
        case 0:
            in_.skip(1);
            value_ = base_;
            break;
        case 1:
            in_.skip(2);
            readWindow(false);
            break;
        case 2:
            in_.skip(3);
            readWindow(true);
            break;
        default:
            in_.skip(3);
            value_ = model::kStaleBits;
            break;
        }
    }
    void readWindow(bool isNew)
    {
        if (isNew) {
            leading_ = static_cast<unsigned>(in_.get(5));
            const auto field = static_cast<unsigned>(in_.get(6));
            const unsigned width = field == 0 ? 64 : field;
            if (leading_ + width > 64) {
                in_.fail(); // no writer makes this
                leading_ = 0;
                trailing_ = 0;
                return;
            }
            trailing_ = 64 - leading_ - width;
        }
        base_ ^= in_.get(64 - leading_ - trailing_) << trailing_;
        value_ = base_;
    }

    BitReader in_;
    StartTimeReader start_;
    std::uint32_t index_ = 0;
    std::int64_t time_ = 0;
    std::int64_t delta_ = 0;
    std::uint64_t value_ = 0;
    std::uint64_t base_ = 0;
    unsigned leading_ = 0;
    unsigned trailing_ = 0;
};

} // namespace

Xor2Writer::Xor2Writer() : leading_(XorColumn::kNone) { out_.put(0, 8 * kHeaderBytes); }

void Xor2Writer::append(std::int64_t time, std::uint64_t valueBits, std::int64_t start)
{
    NARTHEX_CHECK(samples_ < std::numeric_limits<std::uint16_t>::max());
    const std::int64_t delta = wrappingMinus(time, time_);
    if (samples_ == 0) {
        putFirst(time, valueBits);
    } else if (samples_ == 1) {
        out_.putUvarint(static_cast<std::uint64_t>(delta));
        putValue(valueBits);
        delta_ = delta;
    } else {
        putJoint(wrappingMinus(delta, delta_), valueBits);
        delta_ = delta;
    }
    if (start_.put(out_, samples_, time, time_, start)) {
        out_.setByte(kStartHeaderAt, start_.header());
    }
    time_ = time;
    lastValue_ = valueBits;
    if (valueBits != model::kStaleBits) {
        base_ = valueBits;
    }
    ++samples_;
    out_.setByte(0, static_cast<std::uint8_t>(samples_ >> 8U));
    out_.setByte(1, static_cast<std::uint8_t>(samples_ & 0xFFU));
}

void Xor2Writer::putFirst(std::int64_t time, std::uint64_t bits)
{
    out_.putVarint(time);
    out_.put(bits, 64);
}

void Xor2Writer::putJoint(std::int64_t change, std::uint64_t bits)
{
    if (change == 0) {
        if (bits == model::kStaleBits) {
            out_.put(0b11111, 5);
        } else if (bits == base_) {
            out_.put(0, 1);
        } else {
            putWindow(bits ^ base_, 0b100, 0b101);
        }
        return;
    }
    if (fitsSigned(change, 13)) {
        out_.put((std::uint64_t{0b110} << 13U) | lowBits(change, 13), 16);
    } else if (fitsSigned(change, 20)) {
        out_.put((std::uint64_t{0b1110} << 20U) | lowBits(change, 20), 24);
    } else {
        out_.put(0b11110, 5);
        out_.put(static_cast<std::uint64_t>(change), 64);
    }
    putValue(bits);
}

void Xor2Writer::putValue(std::uint64_t bits)
{
    if (bits == model::kStaleBits) {
        out_.put(0b111, 3);
    } else if (bits == base_) {
        out_.put(0, 1);
    } else {
        putWindow(bits ^ base_, 0b10, 0b110);
    }
}

/// The changed bits of a value, in the window of the one before if they fit. The code that reuses
/// says so is `reuseCode`, otherwise it is `newCode`; both begin with a one.
void Xor2Writer::putWindow(std::uint64_t change, unsigned reuseCode, unsigned newCode)
{
    const unsigned lead = std::min(static_cast<unsigned>(std::countl_zero(change)), kLeadingMax);
    const auto trail = static_cast<unsigned>(std::countr_zero(change));
    if (leading_ != XorColumn::kNone && lead >= leading_ && trail >= trailing_) {
        out_.put(reuseCode, static_cast<unsigned>(std::bit_width(reuseCode)));
    } else {
        leading_ = static_cast<std::uint8_t>(lead);
        trailing_ = static_cast<std::uint8_t>(trail);
        out_.put(newCode, static_cast<unsigned>(std::bit_width(newCode)));
        // A width of 64 is stored as 0.
        out_.put((lead << 6U) | ((64 - lead - trail) & 63U), 11);
    }
    out_.put(change >> trailing_, 64U - leading_ - trailing_);
}

absl::Status xor2Decode(std::string_view chunk, std::int64_t from, std::int64_t to,
                        std::vector<std::int64_t>& times, std::vector<double>& values,
                        std::vector<std::int64_t>* starts)
{
    if (chunk.size() < kHeaderBytes) {
        return base::dataLoss("XOR2 chunk of {} bytes has no room for its header", chunk.size());
    }
    const auto samples = base::loadBigEndian<std::uint16_t>(chunk.data());
    const std::size_t before = times.size();
    const std::size_t valuesBefore = values.size();
    const std::size_t startsBefore = starts == nullptr ? 0 : starts->size();
    Decoder decoder(chunk);
    for (std::uint32_t i = 0; i < samples; ++i) {
        decoder.next();
        if (decoder.overrun()) {
            times.resize(before);
            values.resize(valuesBefore);
            if (starts != nullptr) {
                starts->resize(startsBefore);
            }
            return base::dataLoss("XOR2 chunk of {} bytes ends within sample {} of {}",
                                  chunk.size(), i, samples);
        }
        if (decoder.time() > to) {
            break;
        }
        if (decoder.time() >= from) {
            times.push_back(decoder.time());
            values.push_back(decoder.value());
            if (starts != nullptr) {
                starts->push_back(decoder.start());
            }
        }
    }
    return absl::OkStatus();
}

std::string xor2Encode(const std::vector<std::int64_t>& times, const std::vector<double>& values,
                       const std::vector<std::int64_t>& starts)
{
    NARTHEX_CHECK(times.size() == values.size() &&
                  (starts.empty() || starts.size() == times.size()));
    Xor2Writer writer;
    for (std::size_t i = 0; i < times.size(); ++i) {
        writer.append(times[i], std::bit_cast<std::uint64_t>(values[i]),
                      starts.empty() ? 0 : starts[i]);
    }
    return std::string(writer.bytes());
}

} // namespace narthex::tsdb
