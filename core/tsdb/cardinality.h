// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the head's series spread over labels: what grows when memory does.
// Threads: pure functions. Cost: a walk over all label pairs.
#pragma once

#include "core/tsdb/db.h"
#include "core/tsdb/head.h"

namespace narthex::tsdb {

/// `limit`: the longest that a list becomes, at least 1.
Cardinality headCardinality(const Head& head, std::size_t limit);

} // namespace narthex::tsdb
