// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text as a rule file. What loads is printed, linted and batched.
#include "core/rules/dependencies.h"
#include "core/rules/lint.h"
#include "core/rules/rule_file.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::rules;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto file = parseRuleFile("f.yml", text, {});
    if (!file.ok()) {
        return file.status().message().empty() ? (std::abort(), 0) : 0;
    }
    std::vector<std::string> unknown;
    static_cast<void>(lintRules(*file, {.checks = parseLintNames("strict", unknown)}));
    for (const RuleGroup& group : file->groups) {
        static_cast<void>(printGroup(group));
        std::size_t count = 0;
        for (const auto& batch : batchesOf(group.rules, true)) {
            count += batch.size();
        }
        if (count != group.rules.size()) {
            std::abort();
        }
    }
    return 0;
}
