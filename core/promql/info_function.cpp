// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/eval.h"

namespace narthex::promql {

absl::StatusOr<Rows> evalInfo(Run&, const Grid&, const Expr&, const Call&)
{
    return notSupported("function info()");
}

} // namespace narthex::promql
