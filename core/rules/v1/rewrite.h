// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Expressions of Prometheus 1.x in today's language. Threads: pure functions. Errors:
// InvalidArgument for what has no equivalent, and for what does not parse.
// Source: spec/rules.md, 14.3.
#pragma once

#include "core/promql/ast.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::rules::v1 {

struct Rewritten
{
    promql::ExprPtr expression;
    /// What was changed, and what may mean something else now.
    std::vector<std::string> notes;
};
absl::StatusOr<Rewritten> rewriteExpression(std::string_view text);

} // namespace narthex::rules::v1
