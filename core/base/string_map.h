// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// String-keyed hash containers that look up a std::string_view without a copy.
// Cost and invalidation: as absl::flat_hash_map.
#pragma once

#include "core/base/hash.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <string>
#include <string_view>

namespace narthex::base {

struct StringHash
{
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return hash64(text); }
};

struct StringEqual
{
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, StringHash, StringEqual>;
using StringSet = absl::flat_hash_set<std::string, StringHash, StringEqual>;
/// The keys' bytes belong to somebody who outlives the map.
template <typename V>
using StringViewMap = absl::flat_hash_map<std::string_view, V, StringHash, StringEqual>;

} // namespace narthex::base
