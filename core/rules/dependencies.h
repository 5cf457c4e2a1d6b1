// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which rules of a group read what earlier ones write, and what may therefore run at once.
// Owner: values. Threads: pure functions. Cost: of n rules with s selectors, n·s look-ups;
// selectors that name their metric by an expression cost a test a rule. Source: spec/rules.md, 7.2
// and 7.3.
#pragma once

#include "core/rules/rule_file.h"

#include <cstddef>
#include <span>
#include <vector>

namespace narthex::rules {

struct Dependencies
{
    /// By rule: the earlier rules that it reads, in ascending order; and those that read it.
    std::vector<std::vector<std::size_t>> reads;
    std::vector<std::vector<std::size_t>> readBy;
    /// A selector names no metric: every rule may read every other.
    bool indeterminate = false;
};
Dependencies dependenciesOf(std::span<const Rule> rules);

/// Rules of one batch may run at once; a batch ends before the next one begins. All rules in order,
/// one a batch, unless `concurrent`.
using Batches = std::vector<std::vector<std::size_t>>;
Batches batchesOf(std::span<const Rule> rules, bool concurrent);

/// Selectors anywhere in the expression.
std::vector<const promql::VectorSelector*> selectorsOf(const promql::Expr& expr);

} // namespace narthex::rules
