// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a sender is told of a sample that is not taken. Threads: pure functions. Source:
// spec/remote.md, 3 and 6.
#pragma once

#include "core/storage/storage.h"

#include <string_view>

namespace narthex::remote {

inline std::string_view appendText(storage::AppendResult result)
{
    switch (result) {
    case storage::AppendResult::OutOfOrder:
        return "out of order sample";
    case storage::AppendResult::DuplicateTimestamp:
        return "duplicate sample for timestamp";
    case storage::AppendResult::OutOfBounds:
        return "out of bounds";
    case storage::AppendResult::TooOld:
        return "too old sample";
    case storage::AppendResult::Unsupported:
        return "histogram with custom buckets, which are kept only with "
               "--storage.prometheus3-formats";
    case storage::AppendResult::UnknownSeries:
        return "series that the store has just given up";
    case storage::AppendResult::Appended:
    case storage::AppendResult::SameAgain:
        break;
    }
    return "";
}

} // namespace narthex::remote
