// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/directory_snapshot.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/block_admin.h"
#include "core/tsdb/head_source.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSamplesAChunk = 120;
constexpr base::Timestamp kFirst = base::Timestamp::min();
constexpr base::Timestamp kLast = base::Timestamp::max();

void encode(const storage::SampleColumns& columns, std::vector<ExportedChunk>& out)
{
    for (std::size_t begin = 0; begin < columns.times.size(); begin += kSamplesAChunk) {
        const auto from = static_cast<std::ptrdiff_t>(begin);
        const auto to =
            static_cast<std::ptrdiff_t>(std::min(begin + kSamplesAChunk, columns.times.size()));
        const std::vector<std::int64_t> times(columns.times.begin() + from,
                                              columns.times.begin() + to);
        const std::vector<double> values(columns.values.begin() + from,
                                         columns.values.begin() + to);
        out.push_back({times.front(), times.back(), ChunkEncoding::Xor,
                       static_cast<std::uint32_t>(times.size()), xorEncode(times, values)});
    }
    std::vector<HistogramSample> histograms;
    for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
        histograms.push_back({columns.histogramTimes[i], {columns.histograms[i], nullptr}});
    }
    encodeHistograms(histograms, out);
    std::sort(out.begin(), out.end(),
              [](const ExportedChunk& a, const ExportedChunk& b) { return a.minTime < b.minTime; });
}

/// A head with late samples: as queries see it, for its chunks overlap.
class QueriedSource final : public BlockSource
{
public:
    explicit QueriedSource(Head& head) : querier_(head.querier(kFirst.ms, kLast.ms)) {}

    absl::StatusOr<std::vector<Entry>> series(std::int64_t /*fromMs*/,
                                              std::int64_t /*toMs*/) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto set, querier_->select({}, {}, {}));
        NARTHEX_ASSIGN_OR_RETURN(series_,
                                 storage::collect(*set, std::numeric_limits<std::size_t>::max()));
        std::vector<Entry> entries;
        for (std::uint64_t i = 0; i < series_.size(); ++i) {
            entries.push_back({series_[i]->labels(), i});
        }
        return entries;
    }
    absl::Status chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                        std::vector<ExportedChunk>& out) override
    {
        columns_.clear();
        NARTHEX_RETURN_IF_ERROR(series_[ref]->read({fromMs}, {toMs}, columns_));
        encode(columns_, out);
        return absl::OkStatus();
    }

private:
    const std::unique_ptr<storage::Querier> querier_;
    std::vector<std::shared_ptr<const storage::Series>> series_;
    storage::SampleColumns columns_;
};

/// The times of what queries see; none without samples.
absl::StatusOr<std::optional<TimeInterval>> timesOf(Head& head)
{
    if (head.isEmpty() && !head.hasLate()) {
        return std::nullopt;
    }
    if (!head.hasLate()) {
        return TimeInterval{head.minTime(), head.maxTime()};
    }
    QueriedSource source(head);
    NARTHEX_ASSIGN_OR_RETURN(const auto entries, source.series(kFirst.ms, kLast.ms));
    std::optional<TimeInterval> times;
    std::vector<ExportedChunk> chunks;
    for (const BlockSource::Entry& entry : entries) {
        chunks.clear();
        NARTHEX_RETURN_IF_ERROR(source.chunks(entry.ref, kFirst.ms, kLast.ms, chunks));
        for (const ExportedChunk& chunk : chunks) {
            times = times ? TimeInterval{std::min(times->minTime, chunk.minTime),
                                         std::max(times->maxTime, chunk.maxTime)}
                          : TimeInterval{chunk.minTime, chunk.maxTime};
        }
    }
    return times;
}

absl::StatusOr<std::uint64_t> writeHead(Head& head, const fs::path& target,
                                        const base::Clock& clock)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::optional<TimeInterval> times, timesOf(head));
    if (!times) {
        return 0;
    }
    NewBlock block{.directory = target, .ulid = makeUlid(clock.now())};
    block.fromMs = times->minTime;
    block.endMs = times->maxTime + 1;
    std::optional<BlockMeta> meta;
    if (head.hasLate()) {
        QueriedSource source(head);
        NARTHEX_ASSIGN_OR_RETURN(meta, writeBlock(source, block, {}));
    } else {
        HeadSource source(head);
        NARTHEX_ASSIGN_OR_RETURN(meta, writeBlock(source, block, {}));
    }
    return meta ? meta->stats.samples : 0;
}

} // namespace

absl::StatusOr<SnapshotReport> snapshotDirectory(const ReadOnlyDb& db, const fs::path& directory,
                                                 const fs::path& target, const base::Clock& clock)
{
    NARTHEX_RETURN_IF_ERROR(prepareSnapshot(directory, target));
    SnapshotReport report;
    for (const auto& block : db.blocks()) {
        if (absl::Status status = snapshotBlock(*block, target); !status.ok()) {
            return base::annotate(
                status, fmt::format("a snapshot shares its files with {}: both are on one file "
                                    "system that has hard links",
                                    directory.string()));
        }
        ++report.blocks;
    }
    if (db.head() != nullptr) {
        NARTHEX_ASSIGN_OR_RETURN(report.headSamples, writeHead(*db.head(), target, clock));
        report.blocks += report.headSamples > 0 ? 1U : 0U;
    }
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(target));
    return report;
}

} // namespace narthex::tsdb
