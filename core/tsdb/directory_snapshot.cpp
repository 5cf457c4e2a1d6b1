// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/directory_snapshot.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSamplesAChunk = 120;

absl::Status prepare(const fs::path& directory, const fs::path& target)
{
    std::error_code error;
    if (isUlid(target.filename().string())) {
        return base::invalidArgument("snapshot folder {} has the name of a block; choose another",
                                     target.string());
    }
    if (fs::weakly_canonical(target, error) == fs::weakly_canonical(directory, error)) {
        return base::invalidArgument(
            "a snapshot of {} cannot go into itself; choose another folder "
            "on its file system",
            directory.string());
    }
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(target));
    if (!fs::is_empty(target, error) || error) {
        return base::invalidArgument("snapshot folder {} is not empty", target.string());
    }
    return absl::OkStatus();
}

absl::Status link(const fs::path& from, const fs::path& to)
{
    std::error_code error;
    fs::create_hard_link(from, to, error);
    return error ? base::errnoStatus(
                       error.value(),
                       fmt::format("link {} (a snapshot shares its files with the directory: both "
                                   "are on one file system that has hard links)",
                                   to.string()))
                 : absl::OkStatus();
}

absl::Status linkBlock(const Block& block, const fs::path& target)
{
    const fs::path finished = target / block.directory().filename();
    fs::path temporary = finished;
    temporary += kCreationSuffix;
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(temporary / "chunks"));
    std::error_code error;
    for (fs::directory_iterator it(block.directory() / "chunks", error), end; !error && it != end;
         it.increment(error)) {
        NARTHEX_RETURN_IF_ERROR(link(it->path(), temporary / "chunks" / it->path().filename()));
    }
    if (error) {
        return base::errnoStatus(error.value(),
                                 fmt::format("list {}/chunks", block.directory().string()));
    }
    for (const char* name : {"index", "meta.json", "tombstones"}) {
        std::error_code ignored;
        if (fs::exists(block.directory() / name, ignored)) {
            NARTHEX_RETURN_IF_ERROR(link(block.directory() / name, temporary / name));
        }
    }
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(temporary));
    fs::rename(temporary, finished, error);
    return error ? base::errnoStatus(error.value(), fmt::format("rename {}", temporary.string()))
                 : absl::OkStatus();
}

/// Samples as chunks: what is left of a series after late samples and deletions.
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

struct HeadEntry
{
    model::Labels labels;
    HeadRef ref = 0;
    std::shared_ptr<const storage::Series> series;
};

/// The head's series in order of labels.
absl::StatusOr<std::vector<HeadEntry>> headEntries(const Head& head,
                                                   const storage::Querier& querier)
{
    absl::flat_hash_map<std::string, HeadRef> refs;
    {
        const LabelIndex::ReadLock source(head.labelIndex());
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView all, source.all(scratch));
        const ReadView everything;
        for (const HeadRef ref : all) {
            if (const auto labels =
                    head.labelsIfIn(ref, everything, head.minTime(), head.maxTime())) {
                refs.emplace(labels->bytes(), ref);
            }
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto set, querier.select({}, {}, {}));
    NARTHEX_ASSIGN_OR_RETURN(const auto all,
                             storage::collect(*set, std::numeric_limits<std::size_t>::max()));
    std::vector<HeadEntry> entries;
    for (const auto& series : all) {
        const auto ref = refs.find(series->labels().bytes());
        entries.push_back({series->labels(), ref == refs.end() ? 0 : ref->second, series});
    }
    return entries;
}

std::vector<std::string> symbolsOf(const std::vector<HeadEntry>& entries)
{
    base::StringSet found;
    for (const HeadEntry& entry : entries) {
        for (const model::LabelView& label : entry.labels) {
            for (const std::string_view text : {label.name, label.value}) {
                if (!found.contains(text)) {
                    found.emplace(text);
                }
            }
        }
    }
    std::vector<std::string> symbols(found.begin(), found.end());
    std::sort(symbols.begin(), symbols.end());
    return symbols;
}

absl::StatusOr<std::uint64_t> writeHead(Head& head, const fs::path& target,
                                        const base::Clock& clock)
{
    constexpr base::Timestamp kFirst = base::Timestamp::min();
    constexpr base::Timestamp kLast = base::Timestamp::max();
    const auto querier = head.querier(kFirst.ms, kLast.ms);
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<HeadEntry> entries, headEntries(head, *querier));
    const std::string ulid = makeUlid(clock.now());
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(target, ulid, symbolsOf(entries)));
    BlockMeta meta;
    meta.minTime = kLast.ms;
    meta.maxTime = kFirst.ms;
    meta.sources = {ulid};
    std::vector<ExportedChunk> chunks;
    storage::SampleColumns columns;
    for (const HeadEntry& entry : entries) {
        chunks.clear();
        if (entry.ref != 0 && !head.hasLate()) {
            NARTHEX_RETURN_IF_ERROR(head.exportChunks(entry.ref, kFirst.ms, kLast.ms, chunks));
        } else {
            columns.clear();
            NARTHEX_RETURN_IF_ERROR(entry.series->read(kFirst, kLast, columns));
            encode(columns, chunks);
        }
        if (!chunks.empty()) {
            meta.minTime = std::min(meta.minTime, chunks.front().minTime);
            meta.maxTime = std::max(meta.maxTime, chunks.back().maxTime + 1);
        }
        NARTHEX_RETURN_IF_ERROR(writer->addSeries(entry.labels, chunks));
    }
    if (writer->stats().samples == 0) {
        return 0;
    }
    NARTHEX_ASSIGN_OR_RETURN(meta, writer->finish(meta));
    return meta.stats.samples;
}

} // namespace

absl::StatusOr<SnapshotReport> snapshotDirectory(const ReadOnlyDb& db, const fs::path& directory,
                                                 const fs::path& target, const base::Clock& clock)
{
    NARTHEX_RETURN_IF_ERROR(prepare(directory, target));
    SnapshotReport report;
    for (const auto& block : db.blocks()) {
        NARTHEX_RETURN_IF_ERROR(linkBlock(*block, target));
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
