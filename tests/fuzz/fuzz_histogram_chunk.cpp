// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a chunk of histograms of each of the four encodings: decoding ends and stays inside,
// both decoders agree, and what they give can be encoded and read again. The first byte chooses the
// encoding.
#include "core/tsdb/histogram_chunk.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

using namespace narthex;

namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

void require(bool condition)
{
    if (!condition) {
        std::abort();
    }
}

void encodeAgain(const std::vector<tsdb::HistogramSample>& samples)
{
    // Times of a damaged chunk may go back; the writer does not mind.
    std::vector<tsdb::ExportedChunk> chunks;
    tsdb::encodeHistograms(samples, chunks);
    std::size_t at = 0;
    for (const tsdb::ExportedChunk& chunk : chunks) {
        std::vector<tsdb::HistogramSample> back;
        require(tsdb::decodeHistogramSamples(chunk.encoding, chunk.bytes, kMin, kMax, back).ok());
        require(back.size() == chunk.samples && at + back.size() <= samples.size());
        for (const tsdb::HistogramSample& sample : back) {
            const tsdb::HistogramSample& original = samples[at++];
            require(sample.time == original.time);
            require(sample.value.isStale() == original.value.isStale());
            const tsdb::HistogramChunkWriter one(tsdb::ChunkHeader::Unknown, {0, original.value});
            require(one.lastIs(sample.value));
        }
    }
    require(at == samples.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    constexpr tsdb::ChunkEncoding kEncodings[] = {
        tsdb::ChunkEncoding::Histogram, tsdb::ChunkEncoding::FloatHistogram,
        tsdb::ChunkEncoding::HistogramSt, tsdb::ChunkEncoding::FloatHistogramSt};
    const tsdb::ChunkEncoding encoding = kEncodings[data[0] & 3U];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::vector<std::int64_t> times;
    std::vector<std::shared_ptr<const model::FloatHistogram>> floats;
    const bool isOk = tsdb::decodeHistogramChunk(encoding, bytes, kMin, kMax, times, floats).ok();
    std::vector<tsdb::HistogramSample> samples;
    require(tsdb::decodeHistogramSamples(encoding, bytes, kMin, kMax, samples).ok() == isOk);
    require(times.size() == floats.size() && samples.size() == floats.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        require(tsdb::isSound(samples[i].value));
        require(model::sameBits(*samples[i].value.asFloat(), *floats[i]));
    }
    encodeAgain(samples);
    return 0;
}
