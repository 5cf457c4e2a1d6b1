// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times and values of samples in the JSON form of the API, written into a buffer of the caller:
// large answers consist of nothing else. Threads: pure functions.
#pragma once

#include "core/base/time.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace narthex::base {

constexpr std::size_t kFloatTextBytes = 32;
constexpr std::size_t kSecondsTextBytes = 24;

/// As appendFloat, into `out` with room for kFloatTextBytes; the end of what was written.
char* writeFloat(char* out, double value);
/// As JsonWriter::seconds, into `out` with room for kSecondsTextBytes; the end of what was written.
char* writeSeconds(char* out, Timestamp time);

/// `[<seconds>,"<value>"]`
class SampleText
{
public:
    SampleText(Timestamp time, double value);
    [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

private:
    std::array<char, kSecondsTextBytes + kFloatTextBytes + 8> text_; // no time for zeros
    std::size_t size_;
};

} // namespace narthex::base
