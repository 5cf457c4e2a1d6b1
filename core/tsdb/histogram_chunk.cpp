// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole chunks of histograms: a list of samples encoded, a range of them decoded.
#include "core/tsdb/histogram_chunk.h"

#include "core/base/status.h"
#include "core/tsdb/histogram_decoder.h"

#include <optional>
#include <utility>

namespace narthex::tsdb {
namespace {

constexpr std::uint16_t kSamplesAChunk = 120;
// A chunk of this size ends as soon as it has enough samples to be worth its layout.
// Format: spec/tsdb.md, 12.3.
constexpr std::size_t kFullBytes = 2048;
constexpr std::uint16_t kSamplesAtLeast = 10;

bool isFull(const HistogramChunkWriter& writer)
{
    return writer.samples() >= kSamplesAChunk ||
           (writer.bytes().size() >= kFullBytes && writer.samples() >= kSamplesAtLeast);
}

ExportedChunk exported(const HistogramChunkWriter& writer)
{
    return {writer.firstTime(), writer.lastTime(), writer.encoding(), writer.samples(),
            std::string(writer.bytes())};
}

std::shared_ptr<const model::IntegerHistogram> readableIntegers(const HistogramDecoder& decoder)
{
    auto histogram = decoder.integers();
    reduceFineSchema(*histogram);
    return histogram;
}

std::shared_ptr<const model::FloatHistogram> readableFloats(const HistogramDecoder& decoder)
{
    if (decoder.isInteger() && isFineSchema(decoder.layout().schema)) {
        // Whole counts are added before they are rounded.
        return std::make_shared<const model::FloatHistogram>(
            model::toFloat(*readableIntegers(decoder)));
    }
    auto histogram = decoder.floats();
    reduceFineSchema(*histogram);
    return histogram;
}

/// Calls `onSample` with the decoder at each sample in [fromMs, toMs].
template <typename Body>
absl::Status eachInRange(HistogramDecoder& decoder, std::int64_t fromMs, std::int64_t toMs,
                         Body onSample)
{
    NARTHEX_RETURN_IF_ERROR(decoder.open());
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool found, decoder.next());
        if (!found || decoder.time() > toMs) {
            return absl::OkStatus();
        }
        if (decoder.time() >= fromMs) {
            onSample();
        }
    }
}

} // namespace

void encodeHistograms(std::span<const HistogramSample> samples, std::vector<ExportedChunk>& out)
{
    std::optional<HistogramChunkWriter> writer;
    for (const HistogramSample& sample : samples) {
        std::optional<ChunkHeader> header;
        if (!writer) {
            header = HistogramChunkWriter::firstHeader(sample.value);
        } else if (isFull(*writer)) {
            header = writer->headerAfter(sample);
        } else {
            header = writer->needsNewChunk(sample);
        }
        if (!header) {
            writer->append(sample);
            continue;
        }
        if (writer) {
            out.push_back(exported(*writer));
        }
        writer.emplace(*header, sample);
    }
    if (writer) {
        out.push_back(exported(*writer));
    }
}

absl::Status
decodeHistogramChunk(ChunkEncoding encoding, std::string_view chunk, std::int64_t fromMs,
                     std::int64_t toMs, std::vector<std::int64_t>& times,
                     std::vector<std::shared_ptr<const model::FloatHistogram>>& histograms,
                     std::vector<std::int64_t>* startTimes)
{
    const std::size_t before = times.size();
    HistogramDecoder decoder(encoding, chunk);
    absl::Status status = eachInRange(decoder, fromMs, toMs, [&] {
        times.push_back(decoder.time());
        histograms.push_back(readableFloats(decoder));
        if (startTimes != nullptr) {
            startTimes->push_back(decoder.startTime());
        }
    });
    if (!status.ok()) {
        if (startTimes != nullptr) {
            startTimes->resize(startTimes->size() - (times.size() - before));
        }
        histograms.resize(histograms.size() - (times.size() - before));
        times.resize(before);
    }
    return status;
}

absl::Status decodeHistogramSamples(ChunkEncoding encoding, std::string_view chunk,
                                    std::int64_t fromMs, std::int64_t toMs,
                                    std::vector<HistogramSample>& out)
{
    const std::size_t before = out.size();
    HistogramDecoder decoder(encoding, chunk);
    absl::Status status = eachInRange(decoder, fromMs, toMs, [&] {
        HistogramValue value;
        if (decoder.isInteger()) {
            value.integers = readableIntegers(decoder);
        } else {
            value.floats = readableFloats(decoder);
        }
        out.push_back({decoder.time(), std::move(value), decoder.startTime()});
    });
    if (!status.ok()) {
        out.resize(before);
    }
    return status;
}

} // namespace narthex::tsdb
