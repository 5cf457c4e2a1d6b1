// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Blocks for tests, from a table of samples.
// Owner: a test. Threads: one at a time. Units: milliseconds.
#pragma once

#include "core/base/status.h"
#include "core/tsdb/block_cut.h"
#include "core/tsdb/block_list.h"
#include "core/tsdb/ulid.h"
#include "core/tsdb/xor_chunk.h"
#include "support/tsdb_fixture.h"

#include <map>
#include <string>
#include <vector>

namespace narthex::test {

/// Series name (label `__name__`, and `job` if there is a slash) to its samples' times; the value
/// is time / 10. Chunks of `samplesAChunk`.
class TableSource final : public tsdb::BlockSource
{
public:
    using Table = std::map<std::string, std::vector<std::int64_t>>;
    explicit TableSource(Table table, std::size_t samplesAChunk = 4, double offset = 0)
        : table_(std::move(table)), samplesAChunk_(samplesAChunk), offset_(offset)
    {}

    static model::Labels labelsOf(const std::string& name)
    {
        const std::size_t slash = name.find('/');
        return slash == std::string::npos
                   ? model::Labels{{"__name__", name}}
                   : model::Labels{{"__name__", std::string_view(name).substr(0, slash)},
                                   {"job", std::string_view(name).substr(slash + 1)}};
    }

    absl::StatusOr<std::vector<Entry>> series(std::int64_t /*from*/, std::int64_t /*to*/) override
    {
        std::vector<Entry> entries;
        for (const auto& [name, times] : table_) {
            entries.push_back({labelsOf(name), entries.size()});
        }
        return entries;
    }
    absl::Status chunks(std::uint64_t ref, std::int64_t from, std::int64_t to,
                        std::vector<tsdb::ExportedChunk>& out) override
    {
        const auto& all = std::next(table_.begin(), static_cast<std::ptrdiff_t>(ref))->second;
        std::vector<std::int64_t> times;
        std::vector<double> values;
        const auto flush = [&] {
            if (!times.empty()) {
                out.push_back({times.front(), times.back(), tsdb::ChunkEncoding::Xor,
                               static_cast<std::uint32_t>(times.size()),
                               tsdb::xorEncode(times, values)});
            }
            times.clear();
            values.clear();
        };
        for (const std::int64_t time : all) {
            if (time >= from && time <= to) {
                times.push_back(time);
                values.push_back(static_cast<double>(time) / 10 + offset_);
            }
            if (times.size() == samplesAChunk_) {
                flush();
            }
        }
        flush();
        return absl::OkStatus();
    }

private:
    const Table table_;
    const std::size_t samplesAChunk_;
    const double offset_;
};

/// Writes a block of [from, end) below `parent`; its ULID.
inline std::string writeTable(const std::filesystem::path& parent, const TableSource::Table& table,
                              std::int64_t from, std::int64_t end, double offset = 0,
                              std::vector<std::string> hints = {})
{
    TableSource source(table, 4, offset);
    static std::int64_t number = 0; // names in the order of writing
    const tsdb::NewBlock block{.directory = parent,
                               .ulid = tsdb::makeUlid({++number}),
                               .fromMs = from,
                               .endMs = end,
                               .hints = std::move(hints)};
    const auto written = tsdb::writeBlock(source, block, {});
    if (!written.ok() || !*written) {
        std::fprintf(stderr, "block: %s\n", written.status().ToString().c_str());
        std::abort();
    }
    return block.ulid;
}

inline Contents contentsOf(const tsdb::Block& block, const model::Matchers& matchers = {})
{
    // A copy shares the files.
    const auto shared = std::make_shared<const tsdb::Block>(block);
    return contentsOf(*tsdb::makeBlockQuerier(shared, INT64_MIN, INT64_MAX), matchers);
}

/// Times of each series, for short comparisons.
inline TableSource::Table timesOf(const Contents& contents)
{
    TableSource::Table table;
    for (const auto& [name, samples] : contents) {
        for (const auto& sample : samples) {
            table[name].push_back(sample.first);
        }
    }
    return table;
}

} // namespace narthex::test
