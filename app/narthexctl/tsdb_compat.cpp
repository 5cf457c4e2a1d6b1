// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `tsdb compat`: what of a data directory Prometheus 2.42 cannot read: chunks and records of
// Prometheus 3, histograms with custom buckets, logs compressed with zstd. Threads: main.
// Source: spec/http-api.md, 16; spec/tsdb.md.
#include "tsdb_commands.h"

#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/head_chunk_files.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

namespace narthex::ctl {
namespace {

namespace fs = std::filesystem;

/// What 2.42 cannot read, by the place and the reason.
class Findings
{
public:
    void add(const fs::path& place, const std::string& what) { ++counts_[{place.string(), what}]; }
    [[nodiscard]] bool empty() const { return counts_.empty(); }
    void print(Output& out) const
    {
        for (const auto& [finding, count] : counts_) {
            out.add(fmt::format("{}: {} ({} times)\n", finding.first, finding.second, count));
        }
    }

private:
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts_;
};

absl::Status lookAtChunk(const fs::path& place, const tsdb::StoredChunk& chunk, Findings& findings)
{
    using tsdb::ChunkEncoding;
    if (chunk.encoding >= ChunkEncoding::Xor2) {
        findings.add(place, fmt::format("chunk encoding {}", static_cast<int>(chunk.encoding)));
    }
    if (chunk.encoding == ChunkEncoding::None || chunk.encoding == ChunkEncoding::Xor ||
        chunk.encoding == ChunkEncoding::Xor2) {
        return absl::OkStatus();
    }
    storage::SampleColumns columns;
    NARTHEX_RETURN_IF_ERROR(tsdb::decodeChunk(chunk, std::numeric_limits<std::int64_t>::min(),
                                              std::numeric_limits<std::int64_t>::max(), columns));
    const bool isCustom =
        std::any_of(columns.histograms.begin(), columns.histograms.end(),
                    [](const auto& histogram) { return histogram->usesCustomBuckets(); });
    if (isCustom) {
        findings.add(place, "chunk of histograms with schema -53 (custom buckets)");
    }
    return absl::OkStatus();
}

absl::Status lookAtBlock(const tsdb::Block& block, Findings& findings)
{
    tsdb::Postings scratch;
    NARTHEX_ASSIGN_OR_RETURN(const tsdb::PostingsView all, block.index().all(scratch));
    model::Labels labels;
    std::vector<tsdb::ChunkMeta> chunks;
    for (const tsdb::PostingsRef ref : all) {
        NARTHEX_RETURN_IF_ERROR(block.index().series(ref, labels, chunks));
        for (const tsdb::ChunkMeta& chunk : chunks) {
            NARTHEX_ASSIGN_OR_RETURN(const tsdb::StoredChunk stored,
                                     block.chunks().read(chunk.ref));
            NARTHEX_RETURN_IF_ERROR(lookAtChunk(block.directory(), stored, findings));
        }
    }
    return absl::OkStatus();
}

absl::Status lookAtHeadChunks(const fs::path& file, Findings& findings)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile mapped, base::MappedFile::open(file));
    absl::Status status;
    const auto look = [&](const tsdb::HeadChunk& chunk, std::uint64_t) {
        status.Update(lookAtChunk(file, {chunk.encoding, chunk.data}, findings));
    };
    // What is unfinished at the end of a file in use is no matter here: verify tells of damage.
    base::ignore(tsdb::readHeadChunks(mapped.bytes(), look), "tsdb verify tells of it");
    return status;
}

absl::Status lookAtLog(const fs::path& segment, Findings& findings)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile mapped, base::MappedFile::open(segment));
    tsdb::WalReader reader(mapped.bytes());
    while (true) {
        const auto found = reader.next();
        if (!found.ok() || !*found) {
            return absl::OkStatus(); // the end, perhaps of a file in use
        }
        const auto head = static_cast<std::uint8_t>(mapped.bytes()[reader.fragmentAt()]);
        if ((head & tsdb::kWalZstdBit) != 0) {
            findings.add(segment, "log record compressed with zstd");
        }
        const tsdb::WalRecordType type = tsdb::walRecordType(reader.record());
        if (type >= tsdb::WalRecordType::CustomHistograms) {
            findings.add(segment, fmt::format("log record of type {}", static_cast<int>(type)));
        }
    }
}

/// Regular files of a folder, sorted; none if it is missing.
std::vector<fs::path> filesIn(const fs::path& folder)
{
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored)) {
            files.push_back(it->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

absl::Status lookAtDirectory(const fs::path& directory, Findings& findings)
{
    NARTHEX_ASSIGN_OR_RETURN(const OpenDirectory open, openForReading(directory, false));
    for (const auto& block : open.db->blocks()) {
        NARTHEX_RETURN_IF_ERROR(
            base::annotate(lookAtBlock(*block, findings), block->directory().string()));
    }
    for (const fs::path& file : filesIn(directory / "chunks_head")) {
        NARTHEX_RETURN_IF_ERROR(base::annotate(lookAtHeadChunks(file, findings), file.string()));
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<tsdb::WalCheckpoint> checkpoints,
                             tsdb::listCheckpoints(directory / "wal"));
    std::vector<fs::path> logs{directory / "wal", directory / "wbl"};
    for (const tsdb::WalCheckpoint& checkpoint : checkpoints) {
        logs.push_back(checkpoint.directory);
    }
    for (const fs::path& log : logs) {
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<tsdb::WalSegmentFile> segments,
                                 tsdb::listWalSegments(log));
        for (const tsdb::WalSegmentFile& segment : segments) {
            NARTHEX_RETURN_IF_ERROR(lookAtLog(segment.path, findings));
        }
    }
    return absl::OkStatus();
}

int runCompat(const std::string& directory)
{
    Findings findings;
    absl::Status status = lookAtDirectory(directory, findings);
    Output out;
    findings.print(out);
    if (status.ok() && findings.empty()) {
        out.add(fmt::format("{}: Prometheus 2.42 can read all of it\n", directory));
    }
    status.Update(out.finish());
    if (!status.ok()) {
        return failed(status);
    }
    return findings.empty() ? kOk : kFailed;
}

} // namespace

void addTsdbCompat(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "compat", "Tell what of a data directory Prometheus 2.42 cannot read: chunks and log "
                  "records of Prometheus 3, custom buckets, zstd. Exit code 1: there is some.");
    auto directory = std::make_shared<std::string>("data/");
    command->add_option("db-path", *directory, "Data directory")->capture_default_str();
    command->footer("Example: narthexctl tsdb compat data/");
    command->callback([directory, &exitCode] { exitCode = runCompat(*directory); });
}

} // namespace narthex::ctl
