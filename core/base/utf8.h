// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// UTF-8 validity. Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace narthex::base {

/// Bytes of the valid sequence at the start of `text`, 0 if there is none (overlong forms and
/// surrogates are invalid).
std::size_t utf8SequenceLength(std::string_view text);

bool isValidUtf8(std::string_view text);

} // namespace narthex::base
