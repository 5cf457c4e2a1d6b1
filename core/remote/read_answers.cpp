// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What servers of remote read answer, as series of a storage. Source: spec/remote.md, 4 and 5.
#include "core/base/status.h"
#include "core/remote/read_client.h"
#include "core/remote/snappy_block.h"
#include "core/tsdb/merged_querier.h"

#include <algorithm>
#include <utility>

namespace narthex::remote {
namespace {

model::Labels stripped(model::Labels labels, const std::vector<std::string>& strip)
{
    return strip.empty() ? std::move(labels) : labels.without(strip);
}

struct KeptChunk
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    tsdb::ChunkEncoding encoding = tsdb::ChunkEncoding::None;
    std::string data;
};

/// Chunks as they came, decoded when they are read.
class ChunkSeries final : public storage::Series
{
public:
    ChunkSeries(model::Labels labels, base::Timestamp from, base::Timestamp to)
        : labels_(std::move(labels)), from_(from), to_(to)
    {}
    void add(const ReadChunk& chunk)
    {
        chunks_.push_back({.minTime = chunk.minTime,
                           .maxTime = chunk.maxTime,
                           .encoding = chunk.encoding,
                           .data = std::string(chunk.data)});
    }
    void addAll(ChunkSeries&& other)
    {
        std::move(other.chunks_.begin(), other.chunks_.end(), std::back_inserter(chunks_));
    }
    void sortChunks()
    {
        std::stable_sort(chunks_.begin(), chunks_.end(),
                         [](const auto& a, const auto& b) { return a.minTime < b.minTime; });
    }

    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        const base::Timestamp first = std::max(from, from_);
        const base::Timestamp last = std::min(to, to_);
        const std::size_t samples = out.times.size();
        const std::size_t histograms = out.histogramTimes.size();
        storage::SampleColumns part;
        for (const KeptChunk& chunk : chunks_) {
            if (chunk.maxTime < first.ms || chunk.minTime > last.ms) {
                continue;
            }
            part.clear();
            NARTHEX_RETURN_IF_ERROR(appendChunk({.minTime = chunk.minTime,
                                                 .maxTime = chunk.maxTime,
                                                 .encoding = chunk.encoding,
                                                 .data = chunk.data},
                                                first, last, part));
            tsdb::mergeColumns(out, samples, histograms, part);
        }
        return absl::OkStatus();
    }

private:
    const model::Labels labels_;
    const base::Timestamp from_;
    const base::Timestamp to_;
    std::vector<KeptChunk> chunks_;
};

template <typename Value>
void appendRange(const std::vector<std::int64_t>& times, const std::vector<Value>& values,
                 base::Timestamp from, base::Timestamp to, std::vector<std::int64_t>& outTimes,
                 std::vector<Value>& outValues)
{
    const auto first = std::lower_bound(times.begin(), times.end(), from.ms);
    const auto last = std::upper_bound(first, times.end(), to.ms);
    outTimes.insert(outTimes.end(), first, last);
    outValues.insert(outValues.end(), values.begin() + (first - times.begin()),
                     values.begin() + (last - times.begin()));
}

/// Samples as they came, in order of time.
class SampledSeries final : public storage::Series
{
public:
    SampledSeries(model::Labels labels, base::Timestamp from, base::Timestamp to)
        : labels_(std::move(labels)), from_(from), to_(to)
    {}
    void add(storage::SampleColumns& samples) { tsdb::mergeColumns(samples_, 0, 0, samples); }
    void addAll(SampledSeries&& other) { add(other.samples_); }

    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        const base::Timestamp first = std::max(from, from_);
        const base::Timestamp last = std::min(to, to_);
        if (first <= last) {
            appendRange(samples_.times, samples_.values, first, last, out.times, out.values);
            appendRange(samples_.histogramTimes, samples_.histograms, first, last,
                        out.histogramTimes, out.histograms);
        }
        return absl::OkStatus();
    }

private:
    const model::Labels labels_;
    const base::Timestamp from_;
    const base::Timestamp to_;
    storage::SampleColumns samples_;
};

/// In order of labels; of equal labels, which stripping may make, one.
template <typename One>
SeriesList inOrder(std::vector<std::shared_ptr<One>> series)
{
    std::stable_sort(series.begin(), series.end(),
                     [](const auto& a, const auto& b) { return a->labels() < b->labels(); });
    SeriesList result;
    std::shared_ptr<One> last;
    for (std::shared_ptr<One>& each : series) {
        if (last != nullptr && last->labels() == each->labels()) {
            last->addAll(std::move(*each));
            continue;
        }
        last = each;
        result.push_back(std::move(each));
    }
    return result;
}

/// A column must rise: a server that is out of order would spoil the query.
absl::Status checkOrder(const std::vector<std::int64_t>& times, const model::Labels& labels)
{
    const auto wrong = std::adjacent_find(times.begin(), times.end(), std::greater_equal<>());
    return wrong == times.end() ? absl::OkStatus()
                                : base::dataLoss("series {}: sample at {} comes after one at {}",
                                                 labels.toString(), *(wrong + 1), *wrong);
}

} // namespace

absl::StatusOr<SeriesList> readStreamedAnswer(std::string_view body, std::uint64_t limitBytes,
                                              base::Timestamp from, base::Timestamp to,
                                              const std::vector<std::string>& strip)
{
    constexpr std::size_t kPieceBytes = 1U << 20U;
    FrameReader frames(limitBytes);
    std::vector<std::shared_ptr<ChunkSeries>> series;
    model::Labels newest; // as the server names it
    while (!body.empty()) {
        const std::string_view piece = body.substr(0, kPieceBytes);
        body.remove_prefix(piece.size());
        frames.feed(piece);
        while (true) {
            NARTHEX_ASSIGN_OR_RETURN(const std::optional<std::string_view> message, frames.next());
            if (!message) {
                break;
            }
            NARTHEX_ASSIGN_OR_RETURN(ReadFrame frame, decodeReadFrame(*message));
            if (frame.queryIndex != 0) {
                return base::dataLoss("a frame answers query {}, and one was asked",
                                      frame.queryIndex);
            }
            for (ChunkedSeries& each : frame.series) {
                if (series.empty() || each.labels != newest) {
                    newest = each.labels;
                    series.push_back(std::make_shared<ChunkSeries>(
                        stripped(std::move(each.labels), strip), from, to));
                }
                for (const ReadChunk& chunk : each.chunks) {
                    series.back()->add(chunk);
                }
            }
        }
    }
    NARTHEX_RETURN_IF_ERROR(frames.finish());
    for (const auto& each : series) {
        each->sortChunks();
    }
    return inOrder(std::move(series));
}

absl::StatusOr<SeriesList> readSampledAnswer(std::string_view body, base::Timestamp from,
                                             base::Timestamp to,
                                             const std::vector<std::string>& strip)
{
    std::string raw;
    NARTHEX_RETURN_IF_ERROR(uncompressBlock(body, ReadClient::kAnswerLimitBytes, raw));
    NARTHEX_ASSIGN_OR_RETURN(auto queries, decodeReadResponse(raw));
    if (queries.size() != 1) {
        return base::dataLoss("the answer has results of {} queries, and one was asked",
                              queries.size());
    }
    std::vector<std::shared_ptr<SampledSeries>> series;
    for (ReadSeries& each : queries[0]) {
        NARTHEX_RETURN_IF_ERROR(checkOrder(each.samples.times, each.labels));
        NARTHEX_RETURN_IF_ERROR(checkOrder(each.samples.histogramTimes, each.labels));
        series.push_back(
            std::make_shared<SampledSeries>(stripped(std::move(each.labels), strip), from, to));
        series.back()->add(each.samples);
    }
    return inOrder(std::move(series));
}

} // namespace narthex::remote
