// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Deleted ranges of a block's series, and the file that holds them.
// Threads: values. Units: milliseconds, closed intervals. Errors: DataLoss (checksum, header).
// Format: spec/tsdb.md, 7. Tombstones file.
#pragma once

#include "core/storage/storage.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace narthex::tsdb {

struct TimeInterval
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
};

/// Sorted, apart from each other by more than 1 ms.
using TimeIntervals = std::vector<TimeInterval>;

/// Adds an interval that does not end before it begins; overlapping and adjacent ones become one.
void addInterval(TimeIntervals& intervals, TimeInterval interval);

/// By series reference of the index.
using DeletedRanges = std::map<std::uint64_t, TimeIntervals>;

std::string encodeTombstones(const DeletedRanges& tombstones);
absl::StatusOr<DeletedRanges> decodeTombstonesFile(std::string_view bytes);
/// None if the file is missing.
absl::StatusOr<DeletedRanges> readTombstones(const std::filesystem::path& blockDirectory);

/// Takes the samples in the intervals out of the columns, from these positions on.
void removeDeleted(const TimeIntervals& intervals, std::size_t fromSample,
                   std::size_t fromHistogram, storage::SampleColumns& columns);

} // namespace narthex::tsdb
