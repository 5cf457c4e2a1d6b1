// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_cut.h"

#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/tsdb/block_writer.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

std::vector<std::string> symbolsOf(const std::vector<BlockSource::Entry>& entries)
{
    base::StringSet found;
    const auto add = [&found](std::string_view text) {
        if (!found.contains(text)) {
            found.emplace(text);
        }
    };
    for (const BlockSource::Entry& entry : entries) {
        for (const model::LabelView& label : entry.labels) {
            add(label.name);
            add(label.value);
        }
    }
    std::vector<std::string> symbols(found.begin(), found.end());
    std::sort(symbols.begin(), symbols.end());
    return symbols;
}

} // namespace

absl::StatusOr<std::optional<BlockMeta>> writeBlock(BlockSource& source, const NewBlock& block,
                                                    const std::stop_token& stop)
{
    const std::int64_t lastMs = block.endMs - 1;
    NARTHEX_ASSIGN_OR_RETURN(std::vector<BlockSource::Entry> entries,
                             source.series(block.fromMs, lastMs));
    if (entries.empty()) {
        return std::nullopt;
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                             BlockWriter::create(block.directory, block.ulid, symbolsOf(entries),
                                                 block.chunkSegmentBytes));
    writer->setMetrics(block.metrics);
    std::vector<ExportedChunk> chunks;
    for (const BlockSource::Entry& entry : entries) {
        if (stop.stop_requested()) {
            return base::cancelled("cutting a block was stopped");
        }
        chunks.clear();
        NARTHEX_RETURN_IF_ERROR(source.chunks(entry.ref, block.fromMs, lastMs, chunks));
        NARTHEX_RETURN_IF_ERROR(writer->addSeries(entry.labels, chunks));
    }
    if (writer->stats().samples == 0) {
        return std::nullopt;
    }
    BlockMeta meta;
    meta.minTime = block.fromMs;
    meta.maxTime = block.endMs;
    meta.level = block.level;
    meta.sources = {block.ulid};
    meta.hints = block.hints;
    NARTHEX_ASSIGN_OR_RETURN(meta, writer->finish(std::move(meta)));
    return meta;
}

} // namespace narthex::tsdb
