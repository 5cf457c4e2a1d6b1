// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Samples of one series as chunks that any reader of remote read knows. Threads: pure functions.
// Format: spec/tsdb.md, 3.1 to 3.4.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/exported_chunk.h"

#include <vector>

namespace narthex::remote {

/// Appends chunks of at most 120 samples, ascending in time and not overlapping, of floats or of
/// histograms. Histograms are sound (tsdb::isSound), as a store gives them.
void encodeChunks(const storage::SampleColumns& samples, std::vector<tsdb::ExportedChunk>& out);

} // namespace narthex::remote
