// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text as a rule file of Prometheus 1.x. What is converted must load.
#include "core/rules/rule_file.h"
#include "core/rules/v1/import.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::rules;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto result = v1::importRules("old.rules", text, {});
    if (result.ok() &&
        std::none_of(result->notes.begin(), result->notes.end(), [](const v1::ImportNote& note) {
            return note.kind == v1::NoteKind::Error && note.line == 0;
        })) {
        const auto file =
            parseRuleFile("new.yml", result->yaml, {.features = {.experimentalFunctions = true}});
        if (!file.ok()) {
            std::abort();
        }
    }
    return 0;
}
