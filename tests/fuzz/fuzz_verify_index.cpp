// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/verify_parts.h"

#include <cstdint>
#include <string_view>

// Any bytes: the check of an index ends, and says what is wrong.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::tsdb;
    VerifyReport report;
    static_cast<void>(verifyIndex("index", {reinterpret_cast<const char*>(data), size}, report));
    return 0;
}
