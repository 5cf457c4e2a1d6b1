// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The contents of the log's records: what a type byte is followed by. Types above 8 are those of
// Prometheus 3.x: read always, written only without DbOptions::readableBy242.
// Threads: pure functions. Units: milliseconds. Errors: DataLoss (a record ends early or has a bad
// number); of a damaged record nothing, or its sound beginning, is in `out`.
// Format: spec/tsdb.md, 8. WAL / WBL format.
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

/// The type of a record; Unknown for an empty one and for types that nobody writes.
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
    /// When its counter began; 0: unknown.
    std::int64_t start = 0;
};

struct WalTombstone
{
    std::uint64_t ref = 0;
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
};

struct WalExemplar
{
    std::uint64_t ref = 0;
    std::int64_t time = 0;
    double value = 0;
    model::Labels labels;
};

/// All samples of the series that were logged before this are in the named head chunk. `chunkRef`
/// 0: the series begins its first chunk out of order.
struct WalMmapMarker
{
    std::uint64_t ref = 0;
    std::uint64_t chunkRef = 0;
};

struct WalMetadata
{
    std::uint64_t ref = 0;
    model::Metadata metadata;
};

// Records are built in a string: a type byte, entries behind it. Entries of samples, histograms and
// exemplars count from the base of their record, which its begin…() function wrote.

/// A record of a type without a base: Series, Tombstones, MmapMarkers, Metadata.
void beginRecord(std::string& record, WalRecordType type);
/// `packedLabels` as model::Labels::bytes().
void appendSeriesEntry(std::string& record, std::uint64_t ref, std::string_view packedLabels);
void appendTombstoneEntry(std::string& record, const WalTombstone& tombstone);
void appendMmapMarkerEntry(std::string& record, const WalMmapMarker& marker);
void appendMetadataEntry(std::string& record, const WalMetadata& metadata);

void beginSamples(std::string& record, std::uint64_t baseRef, std::int64_t baseTime);
void appendSampleEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                       const WalSample& sample);

void beginExemplars(std::string& record, std::uint64_t baseRef, std::int64_t baseTime);
/// `packedLabels` as model::Labels::bytes().
void appendExemplarEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                         std::uint64_t ref, std::int64_t time, double value,
                         std::string_view packedLabels);

/// The type of the record that keeps such a histogram: Histograms, FloatHistograms, or with custom
/// buckets CustomHistograms, CustomFloatHistograms.
WalRecordType walHistogramType(const HistogramValue& value);
/// `type` is one of these four.
void beginHistograms(std::string& record, WalRecordType type, std::uint64_t baseRef,
                     std::int64_t baseTime);
void appendHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                          const WalHistogram& sample);
void beginFloatHistograms(std::string& record, std::uint64_t baseRef, std::int64_t baseTime);
void appendFloatHistogramEntry(std::string& record, std::uint64_t baseRef, std::int64_t baseTime,
                               std::uint64_t ref, std::int64_t time,
                               const model::FloatHistogram& histogram);

/// Builds a record of samples or histograms with start times (types 11 to 13). Prometheus 2.42
/// drops such records.
class WalRecordV2
{
public:
    /// `record` becomes the record, and outlives this.
    WalRecordV2(std::string& record, WalRecordType type);
    /// `start` 0: none.
    void add(const WalSample& sample, std::int64_t start);
    /// Of the kind of the record's type.
    void add(const WalHistogram& sample);

private:
    void addPrefix(std::uint64_t ref, std::int64_t time, std::int64_t start);

    std::string& record_;
    bool isEmpty_ = true;
    std::uint64_t lastRef_ = 0;
    std::int64_t firstTime_ = 0;
    std::int64_t firstStart_ = 0;
    std::int64_t lastStart_ = 0;
};

/// Calls `onSeries` with each series of the record; the labels are sorted, unique and not
/// empty-valued.
absl::Status
decodeSeries(std::string_view record,
             absl::FunctionRef<void(std::uint64_t ref, std::string_view packedLabels)> onSeries);
// The other decoders append to `out`.

/// Samples of both versions. `starts`, if given, gets the start time of each that is added to
/// `out`, 0 where there is none.
absl::Status decodeSamples(std::string_view record, std::vector<WalSample>& out,
                           std::vector<std::int64_t>* starts = nullptr);
/// All six types of histograms; integers stay integers, schemas finer than 8 become 8. A histogram
/// of an unknown schema, or one whose buckets are not those of its spans, is left out: the rest of
/// the log is worth more than an error.
absl::Status decodeHistograms(std::string_view record, std::vector<WalHistogram>& out);
absl::Status decodeTombstones(std::string_view record, std::vector<WalTombstone>& out);
absl::Status decodeExemplars(std::string_view record, std::vector<WalExemplar>& out);
absl::Status decodeMmapMarkers(std::string_view record, std::vector<WalMmapMarker>& out);
/// Fields that this version does not know are skipped.
absl::Status decodeMetadata(std::string_view record, std::vector<WalMetadata>& out);

} // namespace narthex::tsdb
