// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_client.h"

#include <cstdint>
#include <cstdlib>
#include <string>

// Any bytes: at most the limit comes out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::uint64_t kLimit = 1 << 20;
    std::string out;
    const absl::Status status =
        narthex::net::inflateGzip({reinterpret_cast<const char*>(data), size}, kLimit, out);
    if (status.ok() && out.size() > kLimit) {
        std::abort();
    }
    return 0;
}
