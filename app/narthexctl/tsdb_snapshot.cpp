// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsdb_commands.h"

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/tsdb/directory_snapshot.h"

#include <fmt/format.h>

#include <memory>

namespace narthex::ctl {
namespace {

struct SnapshotFlags
{
    std::string directory;
    std::string target;
    bool skipHead = false;
};

int runSnapshot(const SnapshotFlags& flags)
{
    const auto open = openForReading(flags.directory, !flags.skipHead);
    if (!open.ok()) {
        return failed(open.status());
    }
    const base::SystemClock clock;
    const auto report = tsdb::snapshotDirectory(*open->db, flags.directory, flags.target, clock);
    if (!report.ok()) {
        return failed(report.status());
    }
    fmt::print("{}: {} blocks, {} samples of them from the log\n", flags.target, report->blocks,
               report->headSamples);
    if (open->db->logCorruptions() > 0) {
        fmt::print(stderr,
                   "the log of {} is damaged: samples behind the damage are not in the "
                   "snapshot (narthexctl tsdb verify tells the place)\n",
                   flags.directory);
        return kFailed;
    }
    return kOk;
}

} // namespace

void addTsdbSnapshot(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "snapshot", "Copy a data directory as it is now: blocks as hard links, which take no "
                    "space, and the samples of the log as one more block.");
    auto flags = std::make_shared<SnapshotFlags>();
    command->add_option("db-path", flags->directory, "Data directory")->required();
    command
        ->add_option("target", flags->target,
                     "Folder for the snapshot on the same file system; made if it is missing")
        ->required();
    command->add_flag("--skip-head", flags->skipHead, "Leave out samples that are in no block yet");
    command->footer("Example: narthexctl tsdb snapshot data/ backup/monday");
    command->callback([flags, &exitCode] { exitCode = runSnapshot(*flags); });
}

} // namespace narthex::ctl
