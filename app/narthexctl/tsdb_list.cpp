// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "table.h"
#include "tsdb_commands.h"

#include "core/base/status.h"

#include <memory>

namespace narthex::ctl {
namespace {

struct ListFlags
{
    std::string directory = "data/";
    bool humanReadable = false;
    std::string format = "table";
};

int runList(const ListFlags& flags)
{
    const auto open = openForReading(flags.directory, false);
    if (!open.ok()) {
        return failed(open.status());
    }
    Output out;
    out.add(blockTable(open->db->blocks(), true, flags.humanReadable, flags.format));
    const absl::Status status = out.finish();
    return status.ok() ? kOk : failed(status);
}

} // namespace

void addTsdbList(CLI::App& tsdb, int& exitCode)
{
    CLI::App* list = tsdb.add_subcommand("list", "List the blocks of a data directory.");
    auto flags = std::make_shared<ListFlags>();
    list->add_option("db-path", flags->directory, "Data directory")->capture_default_str();
    list->add_flag("-r,--human-readable", flags->humanReadable, "Times and sizes for people");
    addFormat(*list, flags->format);
    list->footer("Example: narthexctl tsdb list -r data/");
    list->callback([flags, &exitCode] { exitCode = runList(*flags); });
}

} // namespace narthex::ctl
