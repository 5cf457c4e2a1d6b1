// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <random>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kTimeLetters = 10;
constexpr std::size_t kRandomLetters = 16;

} // namespace

std::string makeUlid(base::Timestamp now)
{
    std::random_device random;
    const auto bits = [&random] {
        return std::uint64_t{random()} << 32U | std::uint64_t{random()};
    };
    return makeUlid(now, bits(), bits());
}

std::string makeUlid(base::Timestamp now, std::uint64_t high, std::uint64_t low)
{
    std::string text(kTimeLetters + kRandomLetters, '0');
    auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ms, 0));
    for (std::size_t i = kTimeLetters; i-- > 0; time >>= 5U) {
        text[i] = kAlphabet[time & 31U];
    }
    for (std::size_t i = text.size(); i-- > kTimeLetters;) {
        std::uint64_t& bits = i < kTimeLetters + kRandomLetters / 2 ? high : low;
        text[i] = kAlphabet[bits & 31U];
        bits >>= 5U;
    }
    return text;
}

bool isUlid(std::string_view text)
{
    return text.size() == kTimeLetters + kRandomLetters && text.front() <= '7' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return kAlphabet.find(c) != std::string_view::npos; });
}

} // namespace narthex::tsdb
