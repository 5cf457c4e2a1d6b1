// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names of blocks: 48 bits of wall-clock time and 80 random bits in Crockford's base 32, so that
// names sort by age. Threads: pure functions. Source: the ULID specification.
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::tsdb {

/// 26 characters.
std::string makeUlid(base::Timestamp now);
/// With random bits of the caller's, of which the lower 40 of each count: for many at once.
std::string makeUlid(base::Timestamp now, std::uint64_t high, std::uint64_t low);
bool isUlid(std::string_view text);

} // namespace narthex::tsdb
