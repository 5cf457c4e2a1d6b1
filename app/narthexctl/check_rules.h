// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `check rules`, and its part of `check config`. Threads: main. Source: spec/rules.md, 13.
#pragma once

#include "core/rules/lint.h"
#include "core/rules/rule_file.h"

#include <CLI/CLI.hpp>

namespace narthex::ctl {

void addCheckRules(CLI::App& check, int& exitCode);

/// Prints the number of rules, or what the checks found: true then.
bool reportRules(const rules::RuleFile& file, const rules::RuleLintOptions& lint);

} // namespace narthex::ctl
