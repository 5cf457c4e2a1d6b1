// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads protobuf fields where a request passes millions of them: no exceptions, no copies, one
// check at the end of each message. Threads: values. Errors: after the first failure every read
// gives nothing and ok() is false; failedAt() says where. Format: protobuf's wire format.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace narthex::remote::receiver {

enum class WireType : std::uint8_t
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5
};

constexpr std::uint32_t wireTag(std::uint32_t field, WireType type)
{
    return field << 3U | static_cast<std::uint32_t>(type);
}

class WireReader
{
public:
    explicit WireReader(std::string_view bytes)
        : at_(bytes.data()), end_(bytes.data() + bytes.size())
    {}

    [[nodiscard]] bool ok() const { return failedAt_ == nullptr; }
    /// Where the first field begins that could not be read; null: none.
    [[nodiscard]] const char* failedAt() const { return failedAt_; }
    [[nodiscard]] const char* at() const { return at_; }
    [[nodiscard]] bool atEnd() const { return at_ == end_; }

    /// The next field's tag, number and type together; 0 at the end and after a failure.
    std::uint32_t next()
    {
        if (at_ == end_) {
            return 0;
        }
        field_ = at_;
        const std::uint64_t tag = varint();
        if (tag > 0xFFFFFFFFU || tag >> 3U == 0) {
            fail();
            return 0;
        }
        return static_cast<std::uint32_t>(tag);
    }
    [[nodiscard]] bool nextIs(std::uint32_t tag) const
    {
        return at_ != end_ && static_cast<unsigned char>(*at_) == tag;
    }

    std::uint64_t varint()
    {
        if (at_ != end_ && static_cast<signed char>(*at_) >= 0) [[likely]] {
            return static_cast<unsigned char>(*at_++);
        }
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 70 && at_ != end_; shift += 7) {
            const auto byte = static_cast<unsigned char>(*at_++);
            if (shift == 63 && byte > 1) {
                break;
            }
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        fail();
        return 0;
    }
    double fixed64()
    {
        if (end_ - at_ < 8) {
            fail();
            return 0;
        }
        static_assert(std::endian::native == std::endian::little);
        double value = 0;
        std::memcpy(&value, at_, 8);
        at_ += 8;
        return value;
    }
    std::string_view bytes()
    {
        const std::uint64_t size = varint();
        if (size > static_cast<std::uint64_t>(end_ - at_)) {
            fail();
            return {};
        }
        const std::string_view result(at_, static_cast<std::size_t>(size));
        at_ += size;
        return result;
    }
    /// Steps over the value of a field that nobody knows. One whose number is known, but not of
    /// this type, is a failure: `known` is the highest number that is.
    void skip(std::uint32_t tag, std::uint32_t known)
    {
        if (tag >> 3U <= known) {
            fail();
            return;
        }
        switch (tag & 7U) {
        case static_cast<std::uint32_t>(WireType::Varint):
            varint();
            break;
        case static_cast<std::uint32_t>(WireType::Fixed64):
            fixed64();
            break;
        case static_cast<std::uint32_t>(WireType::Bytes):
            bytes();
            break;
        case static_cast<std::uint32_t>(WireType::Fixed32):
            if (end_ - at_ < 4) {
                fail();
            } else {
                at_ += 4;
            }
            break;
        default:
            fail();
        }
    }
    void fail()
    {
        if (failedAt_ == nullptr) {
            failedAt_ = field_ != nullptr ? field_ : at_;
        }
        at_ = end_;
    }

private:
    const char* at_;
    const char* end_;
    const char* field_ = nullptr; // begin of the field that was begun last
    const char* failedAt_ = nullptr;
};

} // namespace narthex::remote::receiver
