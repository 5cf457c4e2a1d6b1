// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// UTF-8: validity, and code points to bytes and back. Threads: pure functions.
#pragma once

#include <absl/base/attributes.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::base {

/// Bytes of the valid sequence at the start of `text`, 0 if there is none (overlong forms and
/// surrogates are invalid).
std::size_t utf8SequenceLength(std::string_view text);

bool isValidUtf8(std::string_view text);

/// The code point of one valid sequence, as utf8SequenceLength() found it.
char32_t decodeUtf8(std::string_view sequence);
void appendUtf8(std::string& out, char32_t rune);

/// One character of a text: a code point and its bytes. A byte that is no UTF-8 is U+FFFD of
/// length 1; `length` 0: the text is empty.
struct Rune
{
    char32_t value = 0;
    std::size_t length = 0;
};
Rune firstRune(std::string_view text);
/// Characters, each bad byte being one.
std::size_t runeCount(std::string_view text);
/// The bytes of the first `runes` characters.
std::string_view firstRunes(std::string_view text ABSL_ATTRIBUTE_LIFETIME_BOUND, std::size_t runes);

} // namespace narthex::base
