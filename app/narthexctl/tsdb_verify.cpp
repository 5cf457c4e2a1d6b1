// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsdb_commands.h"

#include "core/base/status.h"
#include "core/tsdb/verify.h"

#include <fmt/format.h>

#include <memory>

namespace narthex::ctl {
namespace {

int runVerify(const std::string& directory)
{
    const auto report = tsdb::verifyDirectory(directory, {});
    if (!report.ok()) {
        fmt::print(stderr, "{}\n", base::messageOf(report.status()));
        return kCannotStart;
    }
    Output out;
    for (const tsdb::Damage& damage : report->damages) {
        out.add(fmt::format("DAMAGED {}: {}\n        remedy: {}\n", damage.path.string(),
                            damage.what, damage.remedy));
    }
    if (report->damageCount > report->damages.size()) {
        out.add(
            fmt::format("… and {} more places\n", report->damageCount - report->damages.size()));
    }
    for (const std::string& note : report->notes) {
        out.add(fmt::format("note    {}\n", note));
    }
    const tsdb::VerifyCounts& counts = report->counts;
    out.add(fmt::format(
        "{}: {} blocks with {} series, {} chunks, {} samples, {} deleted ranges; "
        "{} log segments with {} records; {} head chunks; {} read: {}\n",
        directory, counts.blocks, counts.series, counts.chunks, counts.samples, counts.tombstones,
        counts.logSegments, counts.logRecords, counts.headChunks, binaryBytes(counts.bytes),
        report->damageCount == 0 ? std::string("all sound")
                                 : fmt::format("{} damaged places", report->damageCount)));
    if (const absl::Status status = out.finish(); !status.ok()) {
        return failed(status);
    }
    return report->damageCount == 0 ? kOk : kFailed;
}

} // namespace

void addTsdbVerify(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "verify", "Read everything and tell what is damaged: checksums of index, chunks, "
                  "tombstones, logs and head chunks, order of series and samples.");
    auto directory = std::make_shared<std::string>("data/");
    command->add_option("db-path", *directory, "Data directory")->capture_default_str();
    command->footer("Example: narthexctl tsdb verify data/\n\nExit code 0: all is sound; 1: "
                    "something is damaged; 2: cannot be read. A "
                    "directory in use may show an unfinished record at the end of its log.");
    command->callback([directory, &exitCode] { exitCode = runVerify(*directory); });
}

} // namespace narthex::ctl
