// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Operators between two vectors: which rows belong together, and the result's labels. Groups are
// found once for all steps. Threads and errors: as eval.h; InvalidArgument for matches that are not
// unique. Source: spec/promql.md, 6.4 to 6.6.
#pragma once

#include "core/promql/eval.h"

namespace narthex::promql {

absl::StatusOr<Rows> evalVectorMatching(Run& run, const Grid& grid, const Expr& expr,
                                        const Binary& node, Rows left, Rows right);
absl::StatusOr<Rows> evalSetOperator(Run& run, const Grid& grid, const Binary& node, Rows left,
                                     Rows right);

} // namespace narthex::promql
