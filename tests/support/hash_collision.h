// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two label sets that differ and have the same hash. xxHash64 takes short texts in words of eight
// bytes, each step of which can be undone: for a changed word there is a next word that leads back
// to the same state. Threads: pure functions. Source: the description of XXH64.
#pragma once

#include "core/model/labels.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace narthex::test {
namespace collision {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5;

/// The number that undoes a multiplication by an odd one, modulo 2^64 (Newton's iteration).
constexpr std::uint64_t inverseOf(std::uint64_t odd)
{
    std::uint64_t inverse = odd;
    for (int i = 0; i < 6; ++i) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

constexpr std::uint64_t mixed(std::uint64_t word)
{
    return std::rotl(word * kPrime2, 31) * kPrime1;
}
constexpr std::uint64_t unmixed(std::uint64_t value)
{
    return std::rotr(value * inverseOf(kPrime1), 31) * inverseOf(kPrime2);
}
constexpr std::uint64_t after(std::uint64_t state, std::uint64_t word)
{
    return std::rotl(state ^ mixed(word), 27) * kPrime1 + kPrime4;
}

inline std::uint64_t wordAt(const std::string& text, std::size_t position)
{
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + position, sizeof word);
    return word;
}

} // namespace collision

/// Label sets of one label with the values in plain letters and signs.
inline std::optional<std::pair<model::Labels, model::Labels>> labelsWithTheSameHash()
{
    using namespace collision;
    const std::string words = "abcdefghijklmnop";
    for (std::string pad; pad.size() < 8; pad += 'x') {
        const model::Labels one{{"name", pad + words}};
        const std::string& bytes = one.bytes();
        const std::size_t position = bytes.find(words);
        if (position % 8 != 0 || bytes.size() >= 32) {
            continue;
        }
        std::uint64_t state = kPrime5 + bytes.size();
        for (std::size_t i = 0; i < position; i += 8) {
            state = after(state, wordAt(bytes, i));
        }
        const std::uint64_t goal =
            after(state, wordAt(bytes, position)) ^ mixed(wordAt(bytes, position + 8));
        // Digits in place of letters until the word that leads back can be read, too.
        for (int number = 10'000'000; number < 100'000'000; ++number) {
            std::string other = std::to_string(number);
            const std::uint64_t back = unmixed(after(state, wordAt(other, 0)) ^ goal);
            other.resize(16);
            std::memcpy(other.data() + 8, &back, sizeof back);
            if (std::all_of(other.begin(), other.end(),
                            [](char c) { return c > ' ' && c < 127; })) {
                return std::pair{one, model::Labels{{"name", pad + other}}};
            }
        }
    }
    return std::nullopt;
}

} // namespace narthex::test
