// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Words about the store for those who show it. Threads: pure functions.
// Source: spec/http-api.md, 7 and 8.
#pragma once

#include "core/tsdb/db.h"

#include <string>

namespace narthex::tsdb {

/// "15d", "15d or 10GiB", "80%"
std::string retentionText(const LiveOptions& live);
/// A new one each time: "20260102T030405Z-0123456789abcdef".
std::string snapshotName(base::Timestamp now);

} // namespace narthex::tsdb
