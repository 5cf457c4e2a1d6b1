// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chunks of native histograms, integer and float ones, written sample by sample and read.
// Owner: whoever holds the bytes. Threads: values and pure functions. Units: milliseconds.
// Errors: DataLoss (bytes end early, sizes that cannot be, unknown schema).
// Format: spec/tsdb.md, 3.2 to 3.5, 3.7.
#pragma once

#include "core/model/histogram.h"
#include "core/tsdb/exported_chunk.h"

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

/// A histogram of either kind: exactly one of the two is set.
struct HistogramValue
{
    std::shared_ptr<const model::FloatHistogram> floats;
    std::shared_ptr<const model::IntegerHistogram> integers;

    [[nodiscard]] bool isStale() const { return floats ? floats->isStale() : integers->isStale(); }
    /// In the form in which queries see it; made anew from integers.
    [[nodiscard]] std::shared_ptr<const model::FloatHistogram> asFloat() const
    {
        return floats ? floats
                      : std::make_shared<const model::FloatHistogram>(model::toFloat(*integers));
    }
};

struct HistogramSample
{
    std::int64_t time = 0;
    HistogramValue value;
    /// When its counter began; 0: unknown.
    std::int64_t start = 0;
};

/// Whether the spans ascend and the numbers of buckets are theirs: only such values may be encoded.
/// Stale ones always are. Whoever takes histograms from outside asks.
bool isSound(const HistogramValue& value);

/// What of a histogram from outside can be kept: all of it, or with a schema finer than 8 its like
/// in schema 8. None: an unknown schema, or not sound.
std::optional<HistogramValue> acceptHistogram(HistogramValue value);

/// Why a chunk was begun, as its header says it.
enum class ChunkHeader : std::uint8_t
{
    Unknown = 0x00,
    NoReset = 0x40,
    Reset = 0x80,
    Gauge = 0xC0
};

/// Writes one histogram chunk, sample by sample, and stays ready for the next one. Every value that
/// is handed in is sound (isSound).
/// Owner: the series. Threads: one at a time. Cost of append(): no allocation but growth, unless
/// the buckets are not those of the chunk.
class HistogramChunkWriter
{
public:
    /// Starts a chunk with its first sample; `header` as the chunk before, if any, asked for. The
    /// chunk has room for start times if this sample has one.
    HistogramChunkWriter(ChunkHeader header, const HistogramSample& first);
    ~HistogramChunkWriter();
    HistogramChunkWriter(HistogramChunkWriter&&) noexcept;
    HistogramChunkWriter& operator=(HistogramChunkWriter&&) noexcept;

    /// How the first chunk of a series begins.
    static ChunkHeader firstHeader(const HistogramValue& value);
    /// What append() would do, without doing it: nothing if the sample fits, otherwise the header
    /// of the chunk that it must begin. Samples of the other kind never fit (firstHeader).
    [[nodiscard]] std::optional<ChunkHeader> needsNewChunk(const HistogramSample& sample) const;
    /// The header of the chunk that this sample begins when the caller cuts for size or time.
    [[nodiscard]] ChunkHeader headerAfter(const HistogramSample& sample) const;
    /// Appends a sample that fits. New buckets make the whole chunk be written again.
    void append(const HistogramSample& sample);

    [[nodiscard]] ChunkEncoding encoding() const;
    [[nodiscard]] std::uint16_t samples() const;
    /// As the chunk file holds it, sample count included; valid until the next append.
    [[nodiscard]] std::string_view bytes() const;
    [[nodiscard]] std::int64_t firstTime() const;
    [[nodiscard]] std::int64_t lastTime() const;
    /// Whether the newest sample has these bits.
    [[nodiscard]] bool lastIs(const HistogramValue& value) const;
    [[nodiscard]] std::size_t memoryBytes() const;
    /// Of the newest sample, both signs.
    [[nodiscard]] std::size_t bucketCount() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Encodes samples of either kind, ascending in time, as chunks of one layout each: a new one where
/// the kind or the schema changes, a counter goes back, a series ends, a first start time comes, or
/// a chunk is full. The values are sound (isSound).
void encodeHistograms(std::span<const HistogramSample> samples, std::vector<ExportedChunk>& out);

/// Appends the samples in [fromMs, toMs] of a chunk of any histogram encoding, those with start
/// times included. Integers become floats, schemas finer than 8 become 8. The first sample's hint
/// is Unknown, later ones' NoReset, but Gauge for all in a chunk of gauges. `startTimes`, if given,
/// gets one for each sample; 0 where there is none.
absl::Status
decodeHistogramChunk(ChunkEncoding encoding, std::string_view chunk, std::int64_t fromMs,
                     std::int64_t toMs, std::vector<std::int64_t>& times,
                     std::vector<std::shared_ptr<const model::FloatHistogram>>& histograms,
                     std::vector<std::int64_t>* startTimes = nullptr);

/// The same without turning integers into floats.
absl::Status decodeHistogramSamples(ChunkEncoding encoding, std::string_view chunk,
                                    std::int64_t fromMs, std::int64_t toMs,
                                    std::vector<HistogramSample>& out);

} // namespace narthex::tsdb
