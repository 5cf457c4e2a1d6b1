// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Several queriers as one: blocks and head. Same labels become one series, equal times are taken
// once, from the earlier source. Owner: the caller; it owns its parts. Threads: const members from
// any. Format: spec/tsdb.md, 16. Reading.
#pragma once

#include "core/storage/storage.h"

#include <memory>
#include <vector>

namespace narthex::tsdb {

/// `parts` in ascending order of time.
std::unique_ptr<storage::Querier>
mergeQueriers(std::vector<std::unique_ptr<storage::Querier>> parts);

/// Puts `more` behind `out`'s rows from the given positions on; rows of equal time stay as they are
/// in `out`.
void mergeColumns(storage::SampleColumns& out, std::size_t fromSample, std::size_t fromHistogram,
                  storage::SampleColumns& more);

} // namespace narthex::tsdb
