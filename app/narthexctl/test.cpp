// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/promql/testscript/junit.h"
#include "core/promql/testscript/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace narthex::ctl {
namespace {

namespace fs = std::filesystem;
namespace ts = promql::testscript;

struct PromqlFlags
{
    std::vector<std::string> files;
    std::string run;
    bool failFast = false;
    bool list = false;
    std::string junit;
    std::string updateInto;
};

int complain(int code, const absl::Status& status)
{
    fmt::print(stderr, "{}\n", base::messageOf(status));
    return code;
}

/// The files that a pattern stands for, in order; the pattern itself when it is a plain name.
std::vector<std::string> expanded(const std::string& pattern)
{
    const std::vector<std::string> files = base::matchFiles(pattern);
    return files.empty() ? std::vector<std::string>{pattern} : files;
}

absl::Status listEvaluations(const std::string& file, std::string_view script,
                             const PromqlFlags& flags)
{
    const auto commands = ts::parseScript(script, ts::scriptOptions().features);
    if (!commands.ok()) {
        return base::annotate(commands.status(), file);
    }
    for (const ts::Command& command : *commands) {
        const auto* eval = std::get_if<ts::Eval>(&command.what);
        if (eval != nullptr && eval->query.find(flags.run) != std::string::npos) {
            fmt::print("{}:{}: {}\n", file, eval->line, eval->query);
        }
    }
    return absl::OkStatus();
}

/// A copy with the values that were found; never over the script itself.
absl::Status writeUpdated(const std::string& file, std::string_view script,
                          const ts::Report& report, const fs::path& folder)
{
    const fs::path target = folder / fs::path(file).filename();
    std::error_code ignored;
    if (fs::equivalent(target, file, ignored)) {
        return base::invalidArgument("{}: the copy would replace the script; name another folder",
                                     file);
    }
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        return base::unavailable("{}: {}", folder.string(), error.message());
    }
    return base::writeFileAtomically(target, ts::withFoundValues(script, report));
}

/// Runs files one after another and keeps their reports.
class ScriptRun
{
public:
    explicit ScriptRun(const PromqlFlags& flags) : flags_(flags) {}

    /// Not OK when the file could not be used at all.
    absl::Status add(const std::string& file)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string script, base::readFile(file));
        if (flags_.list) {
            return listEvaluations(file, script, flags_);
        }
        ts::Report report =
            ts::Runner(engine_).run(script, {.filter = flags_.run, .stopAtFirst = flags_.failFast});
        for (const ts::Failure& failure : report.failures) {
            fmt::print("{}:{}: {}\n", file, failure.line, ts::failureText(failure));
        }
        commands_ += report.commands;
        failures_ += report.failures.size();
        reports_.push_back({file, std::move(report)});
        return flags_.updateInto.empty()
                   ? absl::OkStatus()
                   : writeUpdated(file, script, reports_.back().report, flags_.updateInto);
    }

    [[nodiscard]] bool failed() const { return failures_ > 0; }

    absl::Status finish() const
    {
        if (flags_.list) {
            return absl::OkStatus();
        }
        fmt::print("files: {}, commands: {}, failures: {}\n", reports_.size(), commands_,
                   failures_);
        return flags_.junit.empty()
                   ? absl::OkStatus()
                   : base::writeFileAtomically(flags_.junit, ts::junitXml(reports_));
    }

private:
    const PromqlFlags& flags_;
    base::WorkerPool pool_;
    base::SystemClock clock_;
    promql::Engine engine_{ts::scriptOptions(), pool_, clock_};
    std::vector<ts::FileReport> reports_;
    std::size_t commands_ = 0;
    std::size_t failures_ = 0;
};

int testPromql(const PromqlFlags& flags)
{
    ScriptRun run(flags);
    int code = kOk;
    for (const std::string& pattern : flags.files) {
        for (const std::string& file : expanded(pattern)) {
            if (const absl::Status status = run.add(file); !status.ok()) {
                code = complain(kFailed, status);
            }
            if (flags.failFast && (run.failed() || code != kOk)) {
                break;
            }
        }
        if (flags.failFast && (run.failed() || code != kOk)) {
            break;
        }
    }
    if (const absl::Status status = run.finish(); !status.ok()) {
        return complain(kFailed, status);
    }
    return run.failed() ? kFailed : code;
}

} // namespace

void addTest(CLI::App& app, int& exitCode)
{
    CLI::App* test = app.add_subcommand("test", "Run tests of queries and rules.");
    test->require_subcommand(1);
    CLI::App* promql = test->add_subcommand(
        "promql", "Run query test scripts, in the language of Prometheus' own.");
    auto flags = std::make_shared<PromqlFlags>();
    promql->add_option("FILE", flags->files, "Scripts, or patterns like 'tests/*.test'")
        ->required();
    promql->add_option("--run", flags->run, "Only evaluations whose query contains this text");
    promql->add_flag("--fail-fast", flags->failFast, "Stop at the first failure");
    promql->add_flag("--list", flags->list, "Print the evaluations, run nothing");
    promql->add_option("--junit", flags->junit,
                       "Also write the results to this file, as JUnit XML");
    promql->add_option("--update-into", flags->updateInto,
                       "Write copies of the scripts into this folder, with the values that were "
                       "found in place of those expected");
    promql->footer("Example: narthexctl test promql --run rate 'tests/*.test'");
    promql->callback([flags, &exitCode] { exitCode = testPromql(*flags); });
    addTestRules(*test, exitCode);
}

} // namespace narthex::ctl
