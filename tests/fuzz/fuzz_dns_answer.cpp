// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/dns_exchange.h"

#include <cstdint>
#include <string>

// Any bytes of a name server: records or an error, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static_cast<void>(
        narthex::net::readDnsAnswer(std::string(reinterpret_cast<const char*>(data), size)));
    return 0;
}
