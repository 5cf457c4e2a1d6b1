// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Equal subtrees of a query, which need be evaluated once only: `a / (a + b)` with whole
// expressions in the places of a and b. Threads: pure functions. Source: none; the results are
// those of evaluating each by itself.
#pragma once

#include "core/promql/ast.h"

#include <absl/container/flat_hash_map.h>

#include <cstdint>

namespace narthex::promql {

/// Nodes that are asked for at least twice when a result that is known is not worked out again, and
/// the number of their part, from 1 on; equal nodes have the same. Calls, aggregations and
/// operators that give a vector: reading a selector again costs no more than keeping what it gave.
absl::flat_hash_map<const Expr*, std::uint32_t> findCommonParts(const Expr& root);

} // namespace narthex::promql
