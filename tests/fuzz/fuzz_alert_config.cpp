// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/config.h"
#include "core/base/status.h"

#include <cstdint>
#include <string>

// Any text as a configuration: what loads can be printed, and what is printed loads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::alertmanager;
    const auto config =
        parseConfig("fuzz.yml", std::string(reinterpret_cast<const char*>(data), size));
    if (config.ok()) {
        const auto again = parseConfig("fuzz.yml", config->toYaml(true));
        NARTHEX_CHECK(again.ok());
    }
    return 0;
}
