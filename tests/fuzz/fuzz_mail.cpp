// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text as a list of mail addresses, as the address of a server, as a header and as a body.
// Addresses and headers must not break lines.
#include "core/alertmanager/receivers/mail_address.h"
#include "core/alertmanager/receivers/mime.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    using namespace narthex::alertmanager;
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    if (const auto addresses = parseAddresses(text); addresses.ok()) {
        for (const std::string& address : *addresses) {
            if (address.find_first_of("\r\n <>") != std::string::npos) {
                std::abort();
            }
        }
    }
    static_cast<void>(parseHostPort(text));
    std::string header = encodeHeader(text);
    for (std::size_t at = header.find("\r\n "); at != std::string::npos;
         at = header.find("\r\n ")) {
        header.erase(at, 3); // folding is fine
    }
    if (header.find_first_of("\r\n") != std::string::npos) {
        std::abort();
    }
    static_cast<void>(quotedPrintable(text));
    return 0;
}
