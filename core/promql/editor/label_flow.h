// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which labels the result of an expression may have, as far as the text tells.
// Threads: pure functions.
#pragma once

#include "core/promql/ast.h"

#include <set>
#include <string>
#include <string_view>

namespace narthex::promql::editor {

struct LabelFlow
{
    /// True: only `names`; false: any but `names`.
    bool closed = false;
    std::set<std::string, std::less<>> names;

    [[nodiscard]] bool mayHave(std::string_view label) const
    {
        return names.contains(label) == closed;
    }
};

LabelFlow labelsOf(const Expr& expr);

} // namespace narthex::promql::editor
