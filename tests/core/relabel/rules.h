// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Relabel rules from YAML, for tests. Threads: the test's own.
#pragma once

#include "core/base/status.h"
#include "core/relabel/relabel.h"

#include <string>
#include <vector>

namespace narthex::test {

inline absl::StatusOr<std::vector<relabel::Rule>> rulesOf(const std::string& yaml,
                                                          relabel::NameScheme scheme)
{
    auto document = yaml::Document::parse("rules.yml", yaml);
    if (!document.ok()) {
        return document.status();
    }
    auto rules = relabel::decodeRules((*document)->root(), scheme, "null rule");
    if (const absl::Status status = (*document)->status(); !status.ok()) {
        return status;
    }
    return rules;
}

} // namespace narthex::test
