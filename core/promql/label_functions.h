// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Functions that change or order labels. Threads and errors: as eval.h. Source: spec/promql.md,
// Shape.
#pragma once

#include "core/promql/eval.h"

namespace narthex::promql {

absl::StatusOr<Rows> evalLabelReplace(Run& run, const Grid& grid, const Expr& expr,
                                      const Call& node);
absl::StatusOr<Rows> evalLabelJoin(Run& run, const Grid& grid, const Expr& expr, const Call& node);
absl::StatusOr<Rows> evalSortByLabel(Run& run, const Grid& grid, const Expr& expr,
                                     const Call& node);

/// Digit runs compare as integers: "a9" before "a10".
bool naturalLess(std::string_view a, std::string_view b);

} // namespace narthex::promql
