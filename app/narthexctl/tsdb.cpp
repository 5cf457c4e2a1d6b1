// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "table.h"
#include "tsdb_commands.h"

#include "core/base/log.h"
#include "core/base/status.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <unistd.h>
#include <utility>

namespace narthex::ctl {

namespace fs = std::filesystem;

int failed(const absl::Status& status)
{
    fmt::print(stderr, "{}\n", base::messageOf(status));
    return kFailed;
}

absl::StatusOr<OpenDirectory> openForReading(const fs::path& directory, bool withHead)
{
    OpenDirectory open;
    open.pool = std::make_unique<base::WorkerPool>();
    NARTHEX_ASSIGN_OR_RETURN(const base::LogSetup log, base::LogSetup::create("warn"));
    NARTHEX_ASSIGN_OR_RETURN(open.db, tsdb::ReadOnlyDb::open(directory, {.withHead = withHead},
                                                             {*open.pool, log.logger("tsdb")}, {}));
    return open;
}

std::string goDuration(std::int64_t ms)
{
    if (ms == 0) {
        return "0s";
    }
    const auto magnitude =
        ms < 0 ? -static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
    std::string text = ms < 0 ? "-" : "";
    if (magnitude < 1000) {
        return text + fmt::format("{}ms", magnitude);
    }
    const std::uint64_t seconds = magnitude / 1000;
    if (seconds >= 3600) {
        text += fmt::format("{}h", seconds / 3600);
    }
    if (seconds >= 60) {
        text += fmt::format("{}m", seconds / 60 % 60);
    }
    text += std::to_string(seconds % 60);
    if (const std::uint64_t rest = magnitude % 1000; rest != 0) {
        std::string decimals = fmt::format(".{:03}", rest);
        decimals.erase(decimals.find_last_not_of('0') + 1);
        text += decimals;
    }
    return text + "s";
}

std::string goTime(std::int64_t ms)
{
    using namespace std::chrono;
    const sys_seconds time{seconds(ms / 1000)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC",
                       static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::string binaryBytes(std::uint64_t bytes)
{
    constexpr std::array<std::string_view, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes == 0) {
        return "0B";
    }
    std::string text;
    for (std::size_t unit = kUnits.size(); unit-- > 0;) {
        if (const std::uint64_t count = bytes >> (10 * unit) & 1023U; count != 0) {
            text += fmt::format("{}{}", count, kUnits[unit]);
        }
    }
    return text;
}

std::string bracedLabels(const model::Labels& labels)
{
    std::string text = "{";
    for (const model::LabelView& label : labels) {
        if (text.size() > 1) {
            text += ", ";
        }
        text += model::isLegacyLabelName(label.name) ? std::string(label.name)
                                                     : model::quote(label.name);
        text += "=" + model::quote(label.value);
    }
    return text + "}";
}

std::uint64_t blockBytes(const fs::path& directory)
{
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored)) {
            bytes += it->file_size(ignored);
        }
    }
    return bytes;
}

std::string blockTable(const tsdb::ReadOnlyDb::Blocks& blocks, bool withHeader, bool humanReadable,
                       std::string_view format)
{
    Table table;
    if (withHeader) {
        table.columns = {"BLOCK ULID",  "MIN TIME",   "MAX TIME",   "DURATION",
                         "NUM SAMPLES", "NUM CHUNKS", "NUM SERIES", "SIZE"};
    }
    for (const auto& block : blocks) {
        const tsdb::BlockMeta& meta = block->meta();
        const std::uint64_t bytes = blockBytes(block->directory());
        const auto time = [humanReadable](std::int64_t ms) {
            return humanReadable ? goTime(ms) : std::to_string(ms);
        };
        table.rows.push_back({meta.ulid, time(meta.minTime), time(meta.maxTime),
                              goDuration(meta.maxTime - meta.minTime),
                              std::to_string(meta.stats.samples), std::to_string(meta.stats.chunks),
                              std::to_string(meta.stats.series),
                              humanReadable ? binaryBytes(bytes) : std::to_string(bytes)});
    }
    return tableText(table, format, {.gap = 2, .minWidth = 13, .padsLast = false});
}

Output::~Output() { flush(); }

void Output::add(std::string_view text)
{
    constexpr std::size_t kPiece = std::size_t{1} << 16U;
    buffer_ += text;
    if (buffer_.size() >= kPiece) {
        flush();
    }
}

void Output::flush()
{
    if (status_.ok() && std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size()) {
        status_ = base::errnoStatus(errno, "standard output");
    }
    buffer_.clear();
}

absl::Status Output::finish()
{
    flush();
    if (status_.ok() && std::fflush(stdout) != 0) {
        status_ = base::errnoStatus(errno, "standard output");
    }
    return status_;
}

void addTsdb(CLI::App& app, int& exitCode)
{
    CLI::App* tsdb = app.add_subcommand(
        "tsdb", "Look into data directories of Prometheus and Narthex, and make blocks.");
    tsdb->require_subcommand(1);
    tsdb->footer(
        "All but snapshot, create-blocks-from and bench only read, and may be used while a "
        "server runs.");
    addTsdbAnalyze(*tsdb, exitCode);
    addTsdbBench(*tsdb, exitCode);
    addTsdbList(*tsdb, exitCode);
    addTsdbDump(*tsdb, exitCode);
    addTsdbDumpOpenMetrics(*tsdb, exitCode);
    addTsdbVerify(*tsdb, exitCode);
    addTsdbCompat(*tsdb, exitCode);
    addTsdbSnapshot(*tsdb, exitCode);
    addTsdbCreateBlocks(*tsdb, exitCode);
}

} // namespace narthex::ctl
