// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/group_file.h"

#include <cstdint>
#include <string_view>

// Any text, as JSON and as YAML: groups or an error, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::discovery;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(parseGroups(text, GroupFormat::Json, "fuzz.json"));
    static_cast<void>(parseGroups(text, GroupFormat::Yaml, "fuzz.yml"));
    return 0;
}
