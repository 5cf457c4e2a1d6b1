// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Byte codecs of the store's and the wire's formats: big-endian integers, LEB128 varints.
// Threads: values. Errors: a reader that runs past its end goes to the failed state and returns
// zeros; ask ok() at the end. Format: spec/tsdb.md, Primitives.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace narthex::base {

template <typename T>
inline void appendBigEndian(std::string& out, T value)
{
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) {
        if constexpr (sizeof(T) == 2) {
            value = static_cast<T>(__builtin_bswap16(value));
        } else if constexpr (sizeof(T) == 4) {
            value = static_cast<T>(__builtin_bswap32(value));
        } else {
            value = static_cast<T>(__builtin_bswap64(value));
        }
    }
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

template <typename T>
inline T loadBigEndian(const char* bytes)
{
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) {
        if constexpr (sizeof(T) == 2) {
            value = static_cast<T>(__builtin_bswap16(value));
        } else if constexpr (sizeof(T) == 4) {
            value = static_cast<T>(__builtin_bswap32(value));
        } else {
            value = static_cast<T>(__builtin_bswap64(value));
        }
    }
    return value;
}

inline void appendUvarint(std::string& out, std::uint64_t value)
{
    while (value >= 0x80) {
        out.push_back(static_cast<char>(static_cast<unsigned char>(value) | 0x80U));
        value >>= 7U;
    }
    out.push_back(static_cast<char>(value));
}

constexpr std::uint64_t zigzag(std::int64_t value)
{
    return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

constexpr std::int64_t unzigzag(std::uint64_t value)
{
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

inline void appendVarint(std::string& out, std::int64_t value)
{
    appendUvarint(out, zigzag(value));
}

inline void appendUvarintString(std::string& out, std::string_view bytes)
{
    appendUvarint(out, bytes.size());
    out.append(bytes);
}

/// Reads from bytes that it does not own. After the first failure every read returns zero or empty,
/// and ok() is false.
class ByteReader
{
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
    [[nodiscard]] std::string_view rest() const { return rest_; }
    void fail()
    {
        ok_ = false;
        rest_ = {};
    }

    template <typename T>
    T bigEndian()
    {
        if (rest_.size() < sizeof(T)) {
            fail();
            return T{};
        }
        const T value = loadBigEndian<T>(rest_.data());
        rest_.remove_prefix(sizeof(T));
        return value;
    }
    std::uint8_t u8() { return bigEndian<std::uint8_t>(); }
    std::uint16_t u16() { return bigEndian<std::uint16_t>(); }
    std::uint32_t u32() { return bigEndian<std::uint32_t>(); }
    std::uint64_t u64() { return bigEndian<std::uint64_t>(); }

    std::uint64_t uvarint()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 70 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
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
    std::int64_t varint() { return unzigzag(uvarint()); }
    std::string_view bytes(std::size_t count)
    {
        if (rest_.size() < count) {
            fail();
            return {};
        }
        const std::string_view result = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return result;
    }
    std::string_view uvarintString() { return bytes(static_cast<std::size_t>(uvarint())); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

} // namespace narthex::base
