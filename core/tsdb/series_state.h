// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// wal/series_state.json, from which a Prometheus 3 with the feature `fast-startup` takes the number
// of its next series before it has replayed the log. One left from an earlier owner of the
// directory would make it give numbers out twice, so a store that finds the file keeps it true. Our
// own start does not read it: replay knows better. Owner: Db. Threads: one writer. Format:
// spec/tsdb.md, 1. Directory.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <filesystem>

namespace narthex::tsdb {

struct SeriesState
{
    /// The highest number given to a series.
    std::uint64_t lastSeriesId = 0;
    /// Segment of the log from which a reader looks for higher ones.
    std::uint32_t lastSegment = 0;
    /// Nothing was written since.
    bool cleanShutdown = false;
};

[[nodiscard]] std::filesystem::path seriesStatePath(const std::filesystem::path& walDirectory);
/// Replaces the file. Errors: of the file system.
absl::Status writeSeriesState(const std::filesystem::path& walDirectory, const SeriesState& state);

} // namespace narthex::tsdb
