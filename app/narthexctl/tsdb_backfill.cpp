// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsdb_backfill.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/openmetrics_import.h"

#include <fmt/format.h>

#include <memory>

namespace narthex::ctl {
namespace {

struct ImportFlags
{
    std::string file;
    std::string directory = "data/";
    std::string maxBlockDuration;
    std::vector<std::string> labels;
};

absl::StatusOr<tsdb::ImportOptions> importOptions(const ImportFlags& flags)
{
    tsdb::ImportOptions options;
    if (!flags.maxBlockDuration.empty()) {
        auto duration = base::parseDuration(flags.maxBlockDuration);
        if (!duration.ok()) {
            return base::annotate(duration.status(), "--max-block-duration");
        }
        options.maxBlockMs = duration->ms();
    }
    model::LabelsBuilder labels;
    for (const std::string& label : flags.labels) {
        const std::size_t equal = label.find('=');
        if (equal == std::string::npos || equal == 0) {
            return base::invalidArgument("--label {}: expected name=value", label);
        }
        labels.set(label.substr(0, equal), label.substr(equal + 1));
    }
    options.addedLabels = labels.build();
    return options;
}

absl::Status import(const ImportFlags& flags, BlockPrinter& printer)
{
    NARTHEX_ASSIGN_OR_RETURN(const tsdb::ImportOptions options, importOptions(flags));
    NARTHEX_ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::open(flags.file));
    const base::SystemClock clock;
    const auto print = [&printer](const tsdb::BlockMeta& meta) { printer.print(meta); };
    const auto report =
        tsdb::importOpenMetrics(file.bytes(), flags.directory, options, clock, print, {});
    if (!report.ok()) {
        const auto place = base::positionOf(report.status());
        return base::annotate(
            report.status(),
            place && place->line
                ? fmt::format("{}:{}:{}", flags.file, *place->line, place->column.value_or(1))
                : flags.file);
    }
    if (report->duplicates > 0) {
        fmt::print(stderr,
                   "{} samples repeat the time of an earlier one of their series; the earlier one "
                   "was kept\n",
                   report->duplicates);
    }
    return absl::OkStatus();
}

void addOpenMetrics(CLI::App& parent, const std::shared_ptr<PrintFlags>& printing, int& exitCode)
{
    CLI::App* command = parent.add_subcommand(
        "openmetrics", "Import samples from OpenMetrics text. Every sample needs its time, and the "
                       "file ends with # EOF; a mistake in it leaves no block behind.");
    command->fallthrough();
    auto flags = std::make_shared<ImportFlags>();
    command->add_option("input-file", flags->file, "OpenMetrics file")->required();
    command->add_option("output-directory", flags->directory, "Where the blocks are written")
        ->capture_default_str();
    command->add_option("--max-block-duration", flags->maxBlockDuration,
                        "Longest time that a block may span: 2h, or the largest of 6h, 18h, 54h … "
                        "up to this");
    command
        ->add_option("--label", flags->labels, "name=value to put on every series; may be repeated")
        ->allow_extra_args(false);
    command->footer("Example: narthexctl tsdb create-blocks-from openmetrics history.om imported/");
    command->callback([flags, printing, &exitCode] {
        BlockPrinter printer(flags->directory, *printing);
        const absl::Status status = import(*flags, printer);
        exitCode = status.ok() ? kOk : failed(status);
    });
}

} // namespace

void BlockPrinter::print(const tsdb::BlockMeta& meta)
{
    if (flags_.quiet) {
        return;
    }
    const auto block = tsdb::Block::open(directory_ / meta.ulid);
    if (block.ok()) {
        fmt::print("{}", blockTable({*block}, !hasHeader_, flags_.humanReadable));
        hasHeader_ = true;
    }
}

void addTsdbCreateBlocks(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command =
        tsdb.add_subcommand("create-blocks-from", "Make blocks from old data or for new rules.");
    command->require_subcommand(1);
    auto printing = std::make_shared<PrintFlags>();
    command->add_flag("-r,--human-readable", printing->humanReadable, "Times and sizes for people");
    command->add_flag("-q,--quiet", printing->quiet, "Do not print the blocks");
    command->footer("Write into a folder of its own and move the blocks into the data directory "
                    "of a server that is stopped, or straight into it: the server finds them at "
                    "its next start.");
    addOpenMetrics(*command, printing, exitCode);
    addTsdbRules(*command, printing, exitCode);
}

} // namespace narthex::ctl
