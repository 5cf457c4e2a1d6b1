// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsdb_commands.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace narthex::ctl {
namespace {

struct AnalyzeFlags
{
    std::string directory = "data/";
    std::string block;
    std::size_t limit = 20;
    bool extended = false;
    std::string selector;
};

using Ranking = std::vector<std::pair<std::string, std::uint64_t>>;

/// What one walk over the series counts.
struct Counts
{
    base::StringMap<std::uint64_t> uncoveredByName; // ms of the block without samples
    base::StringMap<std::uint64_t> uncoveredByPair;
    base::StringMap<std::uint64_t> seriesByPair;
    /// By name of the label; only with matchers.
    base::StringMap<base::StringMap<std::uint64_t>> seriesByValue;
    std::uint64_t series = 0;
    std::uint64_t entries = 0;
    /// Chunks by tenths of 120 samples.
    std::array<std::uint64_t, 10> fullness{};
    std::uint64_t chunks = 0;
};

absl::StatusOr<std::shared_ptr<const tsdb::Block>> chooseBlock(const AnalyzeFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const OpenDirectory open, openForReading(flags.directory, false));
    const tsdb::ReadOnlyDb::Blocks& blocks = open.db->blocks();
    if (flags.block.empty()) {
        if (blocks.empty()) {
            return base::notFound("no blocks in {}: a server cuts the first one after about three "
                                  "hours",
                                  flags.directory);
        }
        return blocks.back();
    }
    for (const auto& block : blocks) {
        if (block->meta().ulid == flags.block) {
            return block;
        }
    }
    return base::notFound("block {} not found", flags.block);
}

absl::Status countChunks(const tsdb::Block& block, const std::vector<tsdb::ChunkMeta>& chunks,
                         Counts& counts)
{
    constexpr std::uint64_t kFullSamples = 120;
    for (const tsdb::ChunkMeta& chunk : chunks) {
        NARTHEX_ASSIGN_OR_RETURN(const tsdb::StoredChunk stored, block.chunks().read(chunk.ref));
        const std::uint64_t samples =
            stored.data.size() < 2 ? 0 : base::loadBigEndian<std::uint16_t>(stored.data.data());
        const std::uint64_t tenths =
            (std::min(samples, kFullSamples) * counts.fullness.size() + kFullSamples - 1) /
            kFullSamples;
        ++counts.fullness[std::max<std::uint64_t>(tenths, 1) - 1];
        ++counts.chunks;
    }
    return absl::OkStatus();
}

/// Of the series that match all matchers.
absl::StatusOr<Counts> countSeries(const tsdb::Block& block, bool withChunks,
                                   const model::Matchers& matchers)
{
    const std::int64_t span = block.meta().maxTime - block.meta().minTime;
    tsdb::Postings scratch;
    NARTHEX_ASSIGN_OR_RETURN(const tsdb::PostingsView all, block.index().all(scratch));
    Counts counts;
    model::Labels labels;
    std::vector<tsdb::ChunkMeta> chunks;
    std::string pair;
    for (const tsdb::PostingsRef ref : all) {
        NARTHEX_RETURN_IF_ERROR(block.index().series(ref, labels, chunks));
        if (!model::matchesAll(matchers, labels)) {
            continue;
        }
        ++counts.series;
        if (!matchers.empty()) {
            for (const model::LabelView& label : labels) {
                ++counts.seriesByValue[label.name][label.value];
            }
        }
        const std::int64_t covered =
            chunks.empty() ? 0 : chunks.back().maxTime - chunks.front().minTime;
        const auto uncovered = static_cast<std::uint64_t>(span - covered);
        for (const model::LabelView& label : labels) {
            pair.assign(label.name).append("=").append(label.value);
            counts.uncoveredByName[label.name] += uncovered;
            counts.uncoveredByPair[pair] += uncovered;
            ++counts.seriesByPair[pair];
            ++counts.entries;
        }
        if (withChunks) {
            NARTHEX_RETURN_IF_ERROR(countChunks(block, chunks, counts));
        }
    }
    return counts;
}

/// The highest first; equal ones by name, so that two runs print the same.
void print(Output& out, std::string_view title, Ranking ranking, std::size_t limit)
{
    std::sort(ranking.begin(), ranking.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    out.add(fmt::format("\n{}:\n", title));
    for (std::size_t i = 0; i < std::min(limit, ranking.size()); ++i) {
        out.add(fmt::format("{} {}\n", ranking[i].second, ranking[i].first));
    }
}

Ranking shares(const base::StringMap<std::uint64_t>& uncovered, std::int64_t span)
{
    Ranking ranking;
    for (const auto& [name, ms] : uncovered) {
        ranking.emplace_back(name, span <= 0 ? 0 : ms / static_cast<std::uint64_t>(span));
    }
    return ranking;
}

absl::Status printIndexLists(Output& out, const tsdb::IndexReader& index, std::size_t limit)
{
    Ranking lengths;
    Ranking cardinalities;
    Ranking metrics;
    for (const std::string& name : index.labelNames()) {
        std::uint64_t length = 0;
        std::uint64_t count = 0;
        absl::Status status;
        const auto visit = [&](std::string_view value) {
            length += value.size();
            ++count;
            if (name == model::kMetricName) {
                tsdb::Postings scratch;
                const auto list = index.withLabel(name, value, scratch);
                status.Update(list.status());
                metrics.emplace_back(value, list.ok() ? list->size() : 0);
            }
            return status.ok();
        };
        NARTHEX_RETURN_IF_ERROR(index.eachValue(name, "", visit));
        NARTHEX_RETURN_IF_ERROR(status);
        lengths.emplace_back(name, length);
        cardinalities.emplace_back(name, count);
    }
    print(out, "Label names with highest cumulative label value length", std::move(lengths), limit);
    print(out, "Highest cardinality labels", std::move(cardinalities), limit);
    print(out, "Highest cardinality metric names", std::move(metrics), limit);
    return absl::OkStatus();
}

/// The same lists for the series that were counted.
void printMatchedLists(Output& out, const Counts& counts, std::size_t limit)
{
    Ranking lengths;
    Ranking cardinalities;
    Ranking metrics;
    for (const auto& [name, values] : counts.seriesByValue) {
        std::uint64_t length = 0;
        for (const auto& [value, series] : values) {
            length += value.size();
            if (name == model::kMetricName) {
                metrics.emplace_back(value, series);
            }
        }
        lengths.emplace_back(name, length);
        cardinalities.emplace_back(name, values.size());
    }
    print(out, "Label names with highest cumulative label value length", std::move(lengths), limit);
    print(out, "Highest cardinality labels", std::move(cardinalities), limit);
    print(out, "Highest cardinality metric names", std::move(metrics), limit);
}

void printFullness(Output& out, const Counts& counts)
{
    out.add("\nCompaction analysis:\n"
            "Fullness: Amount of samples in chunks (100% is 120 samples)\n");
    for (std::size_t i = 0; i < counts.fullness.size(); ++i) {
        const std::uint64_t percentage =
            counts.chunks == 0 ? 0 : 100 * counts.fullness[i] / counts.chunks;
        out.add(fmt::format("{:7}%: {}\n", (i + 1) * 10, std::string(percentage, '#')));
    }
}

absl::Status analyze(const AnalyzeFlags& flags, Output& out)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::shared_ptr<const tsdb::Block> block, chooseBlock(flags));
    const tsdb::BlockMeta& meta = block->meta();
    const std::int64_t span = meta.maxTime - meta.minTime;
    model::Matchers matchers;
    if (!flags.selector.empty()) {
        auto parsed = promql::parseSelector(flags.selector);
        NARTHEX_RETURN_IF_ERROR(base::annotate(parsed.status(), "--match"));
        matchers = *std::move(parsed);
    }
    auto counted = countSeries(*block, flags.extended, matchers);
    if (!counted.ok()) {
        return base::annotate(counted.status(),
                              fmt::format("block {} (narthexctl tsdb verify tells what is damaged)",
                                          block->directory().string()));
    }
    const Counts& counts = *counted;
    const std::string matched = matchers.empty() ? ""
                                                 : fmt::format("Matcher: {}\nMatched series: {}\n",
                                                               flags.selector, counts.series);
    out.add(fmt::format("Block ID: {}\nDuration: {}\nSeries: {}\n{}Label names: {}\n"
                        "Postings (unique label pairs): {}\n"
                        "Postings entries (total label pairs): {}\n",
                        meta.ulid, goDuration(span), meta.stats.series, matched,
                        matchers.empty() ? block->index().labelNames().size()
                                         : counts.seriesByValue.size(),
                        counts.seriesByPair.size(), counts.entries));
    print(out, "Label pairs most involved in churning", shares(counts.uncoveredByPair, span),
          flags.limit);
    print(out, "Label names most involved in churning", shares(counts.uncoveredByName, span),
          flags.limit);
    print(out, "Most common label pairs",
          Ranking(counts.seriesByPair.begin(), counts.seriesByPair.end()), flags.limit);
    if (matchers.empty()) {
        NARTHEX_RETURN_IF_ERROR(printIndexLists(out, block->index(), flags.limit));
    } else {
        printMatchedLists(out, counts, flags.limit);
    }
    if (flags.extended) {
        printFullness(out, counts);
    }
    return absl::OkStatus();
}

int runAnalyze(const AnalyzeFlags& flags)
{
    Output out;
    absl::Status status = analyze(flags, out);
    status.Update(out.finish());
    return status.ok() ? kOk : failed(status);
}

} // namespace

void addTsdbAnalyze(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "analyze", "Tell churn, cardinality of labels and fullness of chunks of one block.");
    auto flags = std::make_shared<AnalyzeFlags>();
    command->add_option("db-path", flags->directory, "Data directory")->capture_default_str();
    command->add_option("block-id", flags->block, "Block to analyze (the last one)");
    command->add_option("--limit", flags->limit, "Items in each list")->capture_default_str();
    command->add_flag("--extended", flags->extended,
                      "Read all chunks, too, and tell how full they are");
    command->add_option("--match", flags->selector, "Only series of this selector");
    command->footer("Example: narthexctl tsdb analyze --limit 5 --match '{job=\"node\"}' data/");
    command->callback([flags, &exitCode] { exitCode = runAnalyze(*flags); });
}

} // namespace narthex::ctl
