// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/v1/import.h"

#include "commands.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/base/time.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace narthex::ctl {
namespace {

namespace v1 = rules::v1;

struct ImportFlags
{
    std::vector<std::string> files;
    std::string scrapeInterval = "1m";
    bool sideBySide = false;
};

int complain(const absl::Status& status)
{
    fmt::print(stderr, "  FAILED: {}\n", base::messageOf(status));
    return kFailed;
}

void printSideBySide(const v1::ImportResult& result)
{
    for (const v1::ImportedRule& rule : result.rules) {
        fmt::print("---- line {}: {}\n{}\n---- becomes\n{}\n", rule.line, rule.name, rule.before,
                   rule.after);
    }
}

int importFile(const std::string& file, const v1::ImportOptions& options, bool sideBySide)
{
    fmt::print("Importing {}\n", file);
    const auto text = base::readFile(file);
    if (!text.ok()) {
        return complain(text.status());
    }
    const auto result = v1::importRules(file, *text, options);
    if (!result.ok()) {
        return complain(result.status());
    }
    for (const v1::ImportNote& note : result->notes) {
        std::FILE* const out = note.kind == v1::NoteKind::Information ? stdout : stderr;
        fmt::print(out, "  {}{}\n",
                   note.kind == v1::NoteKind::Error     ? "ERROR: "
                   : note.kind == v1::NoteKind::Warning ? "WARNING: "
                                                        : "",
                   noteText(file, note));
    }
    if (sideBySide) {
        printSideBySide(*result);
        return result->hasErrors() ? kFailed : kOk;
    }
    const std::string target = file + ".yml";
    std::error_code error;
    if (std::filesystem::exists(target, error)) {
        return complain(base::alreadyExists("{} is there already; move it away first", target));
    }
    if (const absl::Status status = base::writeFileAtomically(target, result->yaml); !status.ok()) {
        return complain(status);
    }
    fmt::print("  written: {}\n", target);
    return result->hasErrors() ? kFailed : kOk;
}

int importRules(const ImportFlags& flags)
{
    const auto interval = base::parseDuration(flags.scrapeInterval);
    if (!interval.ok()) {
        fmt::print(stderr, "--scrape-interval: {}\n", base::messageOf(interval.status()));
        return kCannotStart;
    }
    int exitCode = kOk;
    for (const std::string& file : flags.files) {
        const int code = importFile(file, {.scrapeInterval = *interval}, flags.sideBySide);
        exitCode = code == kOk ? exitCode : code;
    }
    return exitCode;
}

} // namespace

void addImport(CLI::App& app, int& exitCode)
{
    CLI::App* import = app.add_subcommand("import", "Bring files of older programs up to date.");
    import->require_subcommand(1);
    CLI::App* command = import->add_subcommand(
        "rules", "Convert rule files of Prometheus 1.x; FILE becomes FILE.yml, nothing is "
                 "overwritten. Exit code 1: a rule could not be converted and is a comment now.");
    auto flags = std::make_shared<ImportFlags>();
    command->add_option("FILE", flags->files, "Rule files")->required();
    command
        ->add_option("--scrape-interval", flags->scrapeInterval,
                     "Windows of up to two of these are reported")
        ->capture_default_str();
    command->add_flag("--diff", flags->sideBySide,
                      "Show each rule before and after, write nothing");
    command->footer("Example: narthexctl import rules --diff old.rules");
    command->callback([flags, &exitCode] { exitCode = importRules(*flags); });
}

} // namespace narthex::ctl
