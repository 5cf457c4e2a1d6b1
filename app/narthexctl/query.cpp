// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "query.h"

#include "commands.h"
#include "query_print.h"

#include "core/base/clock.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/net/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace narthex::ctl {
namespace {

/// How the wait for an answer ended, told as promtool tells it.
absl::Status queryError(const absl::Status& status)
{
    return status.ok() ? status : base::annotate(status, "query error");
}

base::Timestamp systemTime() { return base::SystemClock().now(); }

absl::Status instant(ServerAccess& server, const QueryFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp time,
                             timeArgument(flags.time, "evaluation", systemTime()));
    const auto answer =
        server.post("/api/v1/query", {{"query", flags.expression}, {"time", secondsText(time)}});
    NARTHEX_RETURN_IF_ERROR(queryError(answer.status()));
    fmt::print("{}", resultText(answer->data, flags.format));
    return absl::OkStatus();
}

absl::StatusOr<base::Duration> stepOf(const QueryFlags& flags, base::Duration range)
{
    constexpr double kSteps = 250;
    if (!flags.step.empty()) {
        auto step = base::parseDuration(flags.step);
        return step.ok() ? step : base::annotate(step.status(), "--step");
    }
    const double seconds = std::max(std::floor(range.seconds() / kSteps), 1.0);
    return base::Duration::fromMs(static_cast<std::int64_t>(seconds) * 1000);
}

absl::Status range(ServerAccess& server, const QueryFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp end,
                             timeArgument(flags.end, "end", systemTime()));
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp start,
                             timeArgument(flags.start, "start", end - 5_min));
    if (start >= end) {
        return base::invalidArgument("start time is not before end time");
    }
    NARTHEX_ASSIGN_OR_RETURN(const base::Duration step, stepOf(flags, end - start));
    const auto answer =
        server.post("/api/v1/query_range", {{"query", flags.expression},
                                            {"start", secondsText(start)},
                                            {"end", secondsText(end)},
                                            {"step", base::formatFloatPlain(step.seconds())}});
    NARTHEX_RETURN_IF_ERROR(queryError(answer.status()));
    fmt::print("{}", resultText(answer->data, flags.format));
    return absl::OkStatus();
}

/// match[], start and end of questions about series.
absl::StatusOr<net::Parameters> seriesParameters(const QueryFlags& flags)
{
    constexpr base::Duration kReach = 9999_h;
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp start,
                             timeArgument(flags.start, "start", systemTime() - kReach));
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp end,
                             timeArgument(flags.end, "end", systemTime() + kReach));
    net::Parameters parameters{{"start", secondsText(start)}, {"end", secondsText(end)}};
    for (const std::string& matcher : flags.matchers) {
        parameters.emplace_back("match[]", matcher);
    }
    return parameters;
}

absl::Status series(ServerAccess& server, const QueryFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const net::Parameters parameters, seriesParameters(flags));
    const auto answer = server.post("/api/v1/series", parameters);
    NARTHEX_RETURN_IF_ERROR(queryError(answer.status()));
    fmt::print("{}", seriesText(answer->data, flags.format));
    return absl::OkStatus();
}

absl::Status labels(ServerAccess& server, const QueryFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const net::Parameters parameters, seriesParameters(flags));
    const auto answer = server.get(
        fmt::format("/api/v1/label/{}/values", net::percentEncode(flags.labelName)), parameters);
    NARTHEX_RETURN_IF_ERROR(queryError(answer.status()));
    for (const std::string& warning : answer->warnings) {
        fmt::print(stderr, "query warning: {}\n", warning);
    }
    fmt::print("{}", valuesText(answer->data, flags.labelName, flags.format));
    return absl::OkStatus();
}

void addCommon(CLI::App& command, QueryFlags& flags)
{
    command
        .add_option("-o,--format", flags.format,
                    "promql (as promtool prints results), json, table or csv")
        ->check(CLI::IsMember({"promql", "json", "table", "csv"}))
        ->capture_default_str();
    addServerOptions(command, flags.server);
}

using Work = absl::Status (*)(ServerAccess&, const QueryFlags&);

CLI::App* addQuestion(CLI::App& query, const char* name, const char* what,
                      const std::shared_ptr<QueryFlags>& flags, int& exitCode, Work work)
{
    CLI::App* command = query.add_subcommand(name, what);
    command->add_option("SERVER", flags->url, "The server: http://localhost:9090")->required();
    addCommon(*command, *flags);
    command->callback([flags, &exitCode, work] {
        exitCode = withServer(flags->url, flags->server, "", [&flags, work](ServerAccess& server) {
            return work(server, *flags);
        });
    });
    return command;
}

void addSpan(CLI::App& command, QueryFlags& flags, const char* startDefault, const char* endDefault)
{
    command.add_option(
        "--start", flags.start,
        fmt::format("First time: RFC 3339, or seconds since the epoch ({})", startDefault));
    command.add_option("--end", flags.end, fmt::format("Last time ({})", endDefault));
}

} // namespace

void addQuery(CLI::App& app, int& exitCode)
{
    CLI::App* query = app.add_subcommand(
        "query", "Ask a Prometheus-compatible server. Exit code 1: the server could not be asked, "
                 "or refused.");
    query->require_subcommand(1);
    query->footer("Example: narthexctl query instant http://localhost:9090 'sum(up)'");
    auto flags = std::make_shared<QueryFlags>();
    addCommon(*query, *flags);

    CLI::App* now = addQuestion(*query, "instant", "The value of an expression at one time.", flags,
                                exitCode, instant);
    now->add_option("EXPR", flags->expression, "The expression")->required();
    now->add_option("--time", flags->time, "RFC 3339, or seconds since the epoch (now)");
    now->footer("Example: narthexctl query instant localhost:9090 'rate(http_requests_total[5m])'");

    CLI::App* past = addQuestion(*query, "range", "The values of an expression over time.", flags,
                                 exitCode, range);
    past->add_option("EXPR", flags->expression, "The expression")->required();
    addSpan(*past, *flags, "five minutes before the end", "now");
    past->add_option("--step", flags->step,
                     "Time between values (a 250th of the span, at least 1s)");
    past->footer("Example: narthexctl query range -o csv --start 1700000000 --end 1700003600 "
                 "localhost:9090 up");

    CLI::App* which =
        addQuestion(*query, "series", "The series that selectors choose.", flags, exitCode, series);
    which
        ->add_option("--match", flags->matchers,
                     "Selector of series; may be repeated, what any chooses is shown")
        ->allow_extra_args(false)
        ->required();
    addSpan(*which, *flags, "9999 hours ago", "in 9999 hours");
    which->footer("Example: narthexctl query series --match 'up{job=\"node\"}' localhost:9090");

    CLI::App* values =
        addQuestion(*query, "labels", "The values of a label.", flags, exitCode, labels);
    values->add_option("NAME", flags->labelName, "The label")->required();
    values->add_option("--match", flags->matchers, "Only those of series of this selector")
        ->allow_extra_args(false);
    addSpan(*values, *flags, "9999 hours ago", "in 9999 hours");
    values->footer("Example: narthexctl query labels localhost:9090 job");

    addQueryAnalyze(*query, flags, exitCode);
}

} // namespace narthex::ctl
