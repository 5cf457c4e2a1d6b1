// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/matchers.h"
#include "core/base/status.h"

#include <cstdint>
#include <string_view>

// Any text, in every mode: matchers or an error; what was read is printed and read again alike.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::alertmanager;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const MatcherMode mode :
         {MatcherMode::Fallback, MatcherMode::Classic, MatcherMode::Utf8Strict}) {
        const auto matchers = parseMatchers(text, mode);
        if (mode == MatcherMode::Utf8Strict && matchers.ok() && !matchers->empty()) {
            const auto again = parseMatchers(toText(*matchers), mode);
            NARTHEX_CHECK(again.ok() && *again == *matchers);
        }
    }
    return 0;
}
