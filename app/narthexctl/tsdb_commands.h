// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The subcommands of `narthexctl tsdb`, and what they share: opening a directory for reading, and
// printing as promtool does, so that scripts read both. Threads: main.
#pragma once

#include "commands.h"

#include "core/base/worker_pool.h"
#include "core/model/matcher.h"
#include "core/tsdb/read_only_db.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::ctl {

void addTsdbAnalyze(CLI::App& tsdb, int& exitCode);
/// `tsdb bench write`.
void addTsdbBench(CLI::App& tsdb, int& exitCode);
void addTsdbCompat(CLI::App& tsdb, int& exitCode);
void addTsdbCreateBlocks(CLI::App& tsdb, int& exitCode);
void addTsdbDump(CLI::App& tsdb, int& exitCode);
void addTsdbDumpOpenMetrics(CLI::App& tsdb, int& exitCode);
void addTsdbList(CLI::App& tsdb, int& exitCode);
void addTsdbSnapshot(CLI::App& tsdb, int& exitCode);
void addTsdbVerify(CLI::App& tsdb, int& exitCode);

/// Prints the message to standard error; the exit code for it.
int failed(const absl::Status& status);

/// A directory open for reading, with the threads that replay its log.
struct OpenDirectory
{
    std::unique_ptr<base::WorkerPool> pool;
    std::unique_ptr<tsdb::ReadOnlyDb> db;
};
absl::StatusOr<OpenDirectory> openForReading(const std::filesystem::path& directory, bool withHead);

/// A span of time as Go prints it: "1m34.001s", "2h0m0s", "0s".
std::string goDuration(std::int64_t ms);
/// "2021-01-06 17:37:16 +0000 UTC"
std::string goTime(std::int64_t ms);
/// "3MiB512KiB3B"
std::string binaryBytes(std::uint64_t bytes);
/// `{__name__="a", b="c"}`
std::string bracedLabels(const model::Labels& labels);

/// Bytes of all files of a block.
std::uint64_t blockBytes(const std::filesystem::path& directory);
/// The table of `tsdb list`. `format`: table, json or csv.
std::string blockTable(const tsdb::ReadOnlyDb::Blocks& blocks, bool withHeader, bool humanReadable,
                       std::string_view format = "table");

/// Standard output in large pieces. Errors: those of writing (a full disk, a closed pipe).
class Output
{
public:
    /// What is left is written; ask finish() to know whether that worked.
    ~Output();
    void add(std::string_view text);
    absl::Status finish();

private:
    void flush();
    std::string buffer_;
    absl::Status status_;
};

} // namespace narthex::ctl
