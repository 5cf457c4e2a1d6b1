// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Statistics of a query as the API and the query log show them. Threads: pure. Units: seconds.
#pragma once

#include "core/base/json_writer.h"
#include "core/promql/value.h"

namespace narthex::promql {

/// An object with `timings` and `samples`.
void writeStatistics(base::JsonWriter& json, const Statistics& statistics);

} // namespace narthex::promql
