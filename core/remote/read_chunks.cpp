// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/read_chunks.h"

#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/recode.h"

#include <algorithm>
#include <limits>

namespace narthex::remote {
namespace {

constexpr std::size_t kSamplesAChunk = 120;

void encodeFloats(const storage::SampleColumns& samples, std::size_t from, std::size_t to,
                  std::vector<tsdb::ExportedChunk>& out)
{
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (std::size_t begin = from; begin < to; begin += kSamplesAChunk) {
        const std::size_t end = std::min(begin + kSamplesAChunk, to);
        const auto first = static_cast<std::ptrdiff_t>(begin);
        const auto last = static_cast<std::ptrdiff_t>(end);
        times.assign(samples.times.begin() + first, samples.times.begin() + last);
        values.assign(samples.values.begin() + first, samples.values.begin() + last);
        out.push_back(tsdb::encodeFloats(times, values, {}));
    }
}

void encodeHistograms(const storage::SampleColumns& samples, std::size_t from, std::size_t to,
                      std::vector<tsdb::ExportedChunk>& out)
{
    std::vector<tsdb::HistogramSample> histograms;
    histograms.reserve(to - from);
    for (std::size_t i = from; i < to; ++i) {
        histograms.push_back({samples.histogramTimes[i], {samples.histograms[i], nullptr}});
    }
    tsdb::encodeHistograms(histograms, out);
}

} // namespace

void encodeChunks(const storage::SampleColumns& samples, std::vector<tsdb::ExportedChunk>& out)
{
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    std::size_t atFloat = 0;
    std::size_t atHistogram = 0;
    // A series is mostly of one kind: then each loop runs once.
    while (atFloat < samples.times.size() || atHistogram < samples.histogramTimes.size()) {
        const std::int64_t nextHistogram = atHistogram < samples.histogramTimes.size()
                                               ? samples.histogramTimes[atHistogram]
                                               : kNever;
        std::size_t end = atFloat;
        while (end < samples.times.size() && samples.times[end] <= nextHistogram) {
            ++end;
        }
        encodeFloats(samples, atFloat, end, out);
        atFloat = end;
        const std::int64_t nextFloat =
            atFloat < samples.times.size() ? samples.times[atFloat] : kNever;
        end = atHistogram;
        while (end < samples.histogramTimes.size() && samples.histogramTimes[end] <= nextFloat) {
            ++end;
        }
        encodeHistograms(samples, atHistogram, end, out);
        atHistogram = end;
    }
}

} // namespace narthex::remote
