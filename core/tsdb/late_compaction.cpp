// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/late_compaction.h"

#include "core/base/status.h"
#include "core/tsdb/block_writer.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>
#include <set>

namespace narthex::tsdb {
namespace {

constexpr absl::Duration kWaitAtMost = absl::Seconds(30);

struct LateEntry
{
    model::Labels labels;
    HeadRef ref = 0;
    std::vector<ExportedChunk> chunks;
};

std::vector<std::string> symbolsOf(const std::vector<LateEntry>& entries)
{
    std::set<std::string, std::less<>> symbols;
    for (const LateEntry& entry : entries) {
        for (const model::LabelView& label : entry.labels) {
            symbols.emplace(label.name);
            symbols.emplace(label.value);
        }
    }
    return {symbols.begin(), symbols.end()};
}

std::int64_t floorTo(std::int64_t time, std::int64_t range)
{
    return (time >= 0 ? time / range : -((-(time + 1)) / range) - 1) * range;
}

} // namespace

absl::Status LateCompaction::run(const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const Head::LateCut cut, head.beginLateCut());
    if (!cut.chunks.empty()) {
        NARTHEX_RETURN_IF_ERROR(writeBlocks(cut, stop));
        if (!head.isolation().waitForReadersBefore(cut.maxTime + 1, kWaitAtMost)) {
            log->warn("tsdb: a query over late samples takes long, they leave the head now");
        }
        head.endLateCut(cut);
    }
    if (head.lateJournal() == nullptr) {
        return absl::OkStatus();
    }
    const std::filesystem::path folder = directory / "wbl";
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> segments, listWalSegments(folder));
    for (const WalSegmentFile& segment : segments) {
        if (segment.number < cut.segment) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(segment.path));
        }
    }
    return base::syncDirectory(folder);
}

absl::Status LateCompaction::writeBlocks(const Head::LateCut& cut, const std::stop_token& stop)
{
    const std::int64_t range = head.blockRangeMs();
    // Late samples may lie far apart: a stretch without any is left out.
    std::int64_t from = floorTo(cut.minTime, range);
    while (from <= cut.maxTime) {
        NARTHEX_RETURN_IF_ERROR(writeBlock(cut, from, stop));
        const std::int64_t next = head.firstLateFrom(cut, from + range);
        if (next == Head::kForever) {
            break;
        }
        from = floorTo(next, range);
    }
    return absl::OkStatus();
}

absl::Status LateCompaction::writeBlock(const Head::LateCut& cut, std::int64_t fromMs,
                                        const std::stop_token& stop)
{
    const std::int64_t end = fromMs + head.blockRangeMs();
    std::vector<LateEntry> entries;
    for (const auto& [ref, chunks] : cut.chunks) {
        if (stop.stop_requested()) {
            return base::cancelled("cutting a block of late samples was stopped");
        }
        LateEntry entry{.ref = ref};
        NARTHEX_RETURN_IF_ERROR(head.exportLate(ref, chunks, fromMs, end - 1, entry.chunks));
        if (!entry.chunks.empty()) {
            entry.labels = model::Labels::fromBytes(std::string(head.table().labels(ref)));
            entries.push_back(std::move(entry));
        }
    }
    if (entries.empty()) {
        return absl::OkStatus();
    }
    std::sort(entries.begin(), entries.end(),
              [](const LateEntry& a, const LateEntry& b) { return a.labels < b.labels; });
    const std::string ulid = makeUlid(clock.now());
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(directory, ulid, symbolsOf(entries)));
    for (const LateEntry& entry : entries) {
        NARTHEX_RETURN_IF_ERROR(writer->addSeries(entry.labels, entry.chunks));
    }
    BlockMeta meta;
    meta.minTime = fromMs;
    meta.maxTime = end;
    meta.sources = {ulid};
    meta.hints = {std::string(kLateHint)};
    NARTHEX_RETURN_IF_ERROR(writer->finish(meta).status());
    NARTHEX_ASSIGN_OR_RETURN(std::shared_ptr<const Block> block, Block::open(directory / ulid));
    log->info("tsdb: block of late samples cut block={} samples={} series={}", ulid,
              block->meta().stats.samples, block->meta().stats.series);
    return blocks.replace(std::move(block), {});
}

} // namespace narthex::tsdb
