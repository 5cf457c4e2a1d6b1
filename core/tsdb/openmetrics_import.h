// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks out of an OpenMetrics file with timestamps. The file is read once to check it whole and to
// count, so that a mistake leaves no block behind, and then as often as the limit on memory asks
// for. Owner: a tool. Threads: one at a time. Errors: InvalidArgument with line and column (not
// OpenMetrics, a sample without time, no `# EOF`), ResourceExhausted (disk full), Cancelled.
// Format: spec/tsdb.md, 15 (Backfill).
#pragma once

#include "core/base/clock.h"
#include "core/model/labels.h"
#include "core/tsdb/block_meta.h"

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string_view>

namespace narthex::tsdb {

struct ImportOptions
{
    /// Blocks of 2 h, or of the largest range of merged blocks up to this. Milliseconds.
    std::int64_t maxBlockMs = 0;
    /// Put on every series, instead of what the file says.
    model::Labels addedLabels;
    /// How many samples are held at once, unless a single window has more.
    std::uint64_t samplesAtOnce = 50'000'000;
};

struct ImportReport
{
    std::uint64_t blocks = 0;
    std::uint64_t samples = 0;
    /// Lines that repeat the time of an earlier sample of their series; the earlier one was kept.
    std::uint64_t duplicates = 0;
    /// Readings of the file behind the first one.
    std::uint64_t passes = 0;
};

/// `onBlock` is called with each block that was written to `directory`.
absl::StatusOr<ImportReport>
importOpenMetrics(std::string_view text, const std::filesystem::path& directory,
                  const ImportOptions& options, const base::Clock& clock,
                  absl::FunctionRef<void(const BlockMeta&)> onBlock, const std::stop_token& stop);

} // namespace narthex::tsdb
