// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/chunk_merge.h"

#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/recode.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kSamplesAChunk = 120;

bool isFloat(ChunkEncoding encoding)
{
    return encoding == ChunkEncoding::Xor || encoding == ChunkEncoding::Xor2;
}

/// One sample of either kind; a histogram is a position in a list beside.
struct Sample
{
    std::int64_t time = 0;
    std::size_t rank = 0;
    bool isFloat = true;
    double value = 0;
    std::size_t histogram = 0;
    std::int64_t start = 0;
};

bool touches(const ChunkPart& part)
{
    return std::any_of(part.deleted->begin(), part.deleted->end(), [&part](const TimeInterval& i) {
        return i.minTime <= part.meta.maxTime && part.meta.minTime <= i.maxTime;
    });
}

bool isGone(const ChunkPart& part)
{
    return std::any_of(part.deleted->begin(), part.deleted->end(), [&part](const TimeInterval& i) {
        return i.minTime <= part.meta.minTime && part.meta.maxTime <= i.maxTime;
    });
}

bool areTheSame(const ChunkPart& a, const ChunkPart& b)
{
    return a.meta.minTime == b.meta.minTime && a.meta.maxTime == b.meta.maxTime &&
           a.frame.chunk.encoding == b.frame.chunk.encoding &&
           a.frame.chunk.data == b.frame.chunk.data && !touches(a) && !touches(b);
}

/// Decodes parts that overlap and puts their samples in one order.
class Mixture
{
public:
    absl::Status take(const ChunkPart& part)
    {
        const StoredChunk& chunk = part.frame.chunk;
        if (isFloat(chunk.encoding)) {
            columns_.clear();
            NARTHEX_RETURN_IF_ERROR(
                decodeChunk(chunk, part.meta.minTime, part.meta.maxTime, columns_));
            columns_.padStartTimes();
            for (std::size_t i = 0; i < columns_.times.size(); ++i) {
                add(part, {.time = columns_.times[i],
                           .rank = part.rank,
                           .value = columns_.values[i],
                           .start = columns_.startTimes.empty() ? 0 : columns_.startTimes[i]});
            }
            return absl::OkStatus();
        }
        const std::size_t before = histograms_.size();
        NARTHEX_RETURN_IF_ERROR(decodeHistogramSamples(
            chunk.encoding, chunk.data, part.meta.minTime, part.meta.maxTime, histograms_));
        for (std::size_t i = before; i < histograms_.size(); ++i) {
            add(part,
                {.time = histograms_[i].time, .rank = part.rank, .isFloat = false, .histogram = i});
        }
        return absl::OkStatus();
    }

    /// The samples as new chunks; each holds one kind.
    void encode(std::vector<ExportedChunk>& out)
    {
        std::stable_sort(samples_.begin(), samples_.end(), [](const Sample& a, const Sample& b) {
            return std::tie(a.time, a.rank) < std::tie(b.time, b.rank);
        });
        samples_.erase(
            std::unique(samples_.begin(), samples_.end(),
                        [](const Sample& a, const Sample& b) { return a.time == b.time; }),
            samples_.end());
        for (std::size_t begin = 0; begin < samples_.size();) {
            std::size_t end = begin + 1;
            while (end < samples_.size() && samples_[end].isFloat == samples_[begin].isFloat) {
                ++end;
            }
            const std::span<const Sample> run(samples_.data() + begin, end - begin);
            run.front().isFloat ? encodeFloatRun(run, out) : encodeRun(run, out);
            begin = end;
        }
    }

private:
    void add(const ChunkPart& part, const Sample& sample)
    {
        const bool hidden =
            std::any_of(part.deleted->begin(), part.deleted->end(), [&](const TimeInterval& i) {
                return i.minTime <= sample.time && sample.time <= i.maxTime;
            });
        if (!hidden) {
            samples_.push_back(sample);
        }
    }
    static void encodeFloatRun(std::span<const Sample> run, std::vector<ExportedChunk>& out)
    {
        while (!run.empty()) {
            std::vector<std::int64_t> times;
            std::vector<double> values;
            std::vector<std::int64_t> starts;
            for (const Sample& sample : run.first(std::min(kSamplesAChunk, run.size()))) {
                times.push_back(sample.time);
                values.push_back(sample.value);
                starts.push_back(sample.start);
            }
            run = run.subspan(times.size());
            out.push_back(encodeFloats(times, values, starts));
        }
    }
    void encodeRun(std::span<const Sample> run, std::vector<ExportedChunk>& out) const
    {
        std::vector<HistogramSample> histograms;
        for (const Sample& sample : run) {
            histograms.push_back(histograms_[sample.histogram]);
        }
        encodeHistograms(histograms, out);
    }

    storage::SampleColumns columns_;
    std::vector<HistogramSample> histograms_;
    std::vector<Sample> samples_;
};

/// Parts that overlap, or one alone.
absl::Status mergeCluster(std::span<ChunkPart> cluster, const ChunkSink& sink)
{
    const ChunkPart& first = cluster.front();
    const bool allSame =
        std::all_of(cluster.begin() + 1, cluster.end(),
                    [&first](const ChunkPart& part) { return areTheSame(first, part); });
    if (allSame && !touches(first)) {
        return sink.copy(first);
    }
    Mixture mixture;
    for (const ChunkPart& part : cluster) {
        NARTHEX_RETURN_IF_ERROR(mixture.take(part));
    }
    std::vector<ExportedChunk> chunks;
    mixture.encode(chunks);
    for (const ExportedChunk& chunk : chunks) {
        NARTHEX_RETURN_IF_ERROR(sink.add(chunk));
    }
    return absl::OkStatus();
}

} // namespace

absl::Status mergeChunks(std::vector<ChunkPart>& parts, const ChunkSink& sink)
{
    std::erase_if(parts, isGone);
    std::sort(parts.begin(), parts.end(), [](const ChunkPart& a, const ChunkPart& b) {
        return std::tie(a.meta.minTime, a.rank) < std::tie(b.meta.minTime, b.rank);
    });
    for (std::size_t begin = 0; begin < parts.size();) {
        std::int64_t last = parts[begin].meta.maxTime;
        std::size_t end = begin + 1;
        while (end < parts.size() && parts[end].meta.minTime <= last) {
            last = std::max(last, parts[end++].meta.maxTime);
        }
        NARTHEX_RETURN_IF_ERROR(mergeCluster(std::span(parts).subspan(begin, end - begin), sink));
        begin = end;
    }
    return absl::OkStatus();
}

} // namespace narthex::tsdb
