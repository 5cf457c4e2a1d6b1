// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole log records out of lists of entries.
// Threads: pure functions. Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include "core/tsdb/wal_records.h"

#include <span>
#include <string>
#include <vector>

namespace narthex::tsdb {

// The lists are not empty; `record` is.
void writeSamplesRecord(std::string& record, std::span<const WalSample> samples);
/// The same with start times, one for each.
void writeStartedSamplesRecord(std::string& record, std::span<const WalSample> samples,
                               std::span<const std::int64_t> starts);
void writeExemplarsRecord(std::string& record, std::span<const WalExemplar> exemplars);
void writeMetadataRecord(std::string& record, std::span<const WalMetadata> metadata);
void writeMarkersRecord(std::string& record, std::span<const WalMmapMarker> markers);
void writeTombstonesRecord(std::string& record, std::span<const WalTombstone> tombstones);

/// Appends a record for each kind of histogram in the list, in the order in which a reader needs
/// them: integers, then floats, those with custom buckets behind the others of their kind.
void appendHistogramRecords(std::vector<std::string>& records,
                            std::span<const WalHistogram> histograms);

} // namespace narthex::tsdb
