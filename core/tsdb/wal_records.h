// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The contents of the log's records: what a type byte is followed by.
// Threads: pure functions. Units: milliseconds. Errors: DataLoss (a record ends early or has a bad
// number). Format: spec/tsdb.md, 8. WAL / WBL format.
#pragma once

#include "core/model/sample.h"
#include "core/tsdb/histogram_chunk.h"

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

enum class WalRecordType : std::uint8_t
{
    Unknown = 0,
    Series = 1,
    Samples = 2,
    Tombstones = 3,
    Exemplars = 4,
    MmapMarkers = 5,
    Metadata = 6,
    Histograms = 7,
    FloatHistograms = 8,
    // Prometheus 3.x only: 2.42 skips them silently, and drops them at the next checkpoint.
    CustomHistograms = 9,
    CustomFloatHistograms = 10,
    SamplesV2 = 11,
    HistogramsV2 = 12,
    FloatHistogramsV2 = 13,
};

/// The type of a record; Unknown for an empty one and for types that 2.42 does not know.
WalRecordType walRecordType(std::string_view record);

struct WalSample
{
    std::uint64_t ref = 0;
    std::int64_t time = 0;
    std::uint64_t valueBits = 0;
};

struct WalHistogram
{
    std::uint64_t ref = 0;
    std::int64_t time = 0;
    HistogramValue value;
};

struct WalTombstone
{
    std::uint64_t ref = 0;
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
};

/// Appends one series to a record whose type byte is already there. `packedLabels` as
/// model::Labels::bytes().
void appendSeriesEntry(std::string& record, std::uint64_t ref, std::string_view packedLabels);

/// Starts a record of samples; the base of every sample's numbers.
void beginSamples(std::string& record, std::uint64_t baseRef, std::int64_t baseTime);
void appendSampleEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                       const WalSample& sample);

void beginFloatHistograms(std::string& record, std::uint64_t baseRef, std::int64_t baseTime);
void appendFloatHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                               std::uint64_t ref, std::int64_t time,
                               const model::FloatHistogram& histogram);

void appendTombstoneEntry(std::string& record, const WalTombstone& tombstone);

/// Calls `onSeries` with each series of the record; the labels are sorted, unique and not
/// empty-valued.
absl::Status
decodeSeries(std::string_view record,
             absl::FunctionRef<void(std::uint64_t ref, std::string_view packedLabels)> onSeries);
/// Appends to `out`.
absl::Status decodeSamples(std::string_view record, std::vector<WalSample>& out);
/// Integer histograms are turned into float ones.
absl::Status decodeHistograms(std::string_view record, std::vector<WalHistogram>& out);
absl::Status decodeTombstones(std::string_view record, std::vector<WalTombstone>& out);

} // namespace narthex::tsdb
