// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server_access.h"
#include "tsdb_backfill.h"

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/client/http/remote_queries.h"
#include "core/rules/rule_file.h"
#include "core/tsdb/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace narthex::ctl {
namespace {

using namespace base::literals;

struct RulesFlags
{
    std::vector<std::string> files;
    std::string url = "http://localhost:9090";
    std::string start;
    std::string end;
    std::string directory = "data/";
    std::string interval = "60s";
    std::string maxBlockDuration;
    ServerFlags server;
};

/// A recording rule with what its evaluation needs.
struct Task
{
    std::string place; // file:line
    rules::Rule rule;
    base::Duration interval;
};

struct Plan
{
    base::Timestamp start;
    base::Timestamp end;
    std::int64_t windowMs = 0;
    std::vector<Task> tasks;
};

template <typename T>
absl::StatusOr<T> parsed(absl::StatusOr<T> value, std::string_view flag)
{
    return value.ok() ? value : base::annotate(value.status(), flag);
}

absl::StatusOr<std::vector<Task>> recordingRules(const std::vector<std::string>& files,
                                                 base::Duration interval)
{
    std::vector<Task> tasks;
    for (const std::string& path : files) {
        NARTHEX_ASSIGN_OR_RETURN(const rules::RuleFile file, rules::loadRuleFile(path, {}));
        for (const rules::RuleGroup& group : file.groups) {
            for (const rules::Rule& rule : group.rules) {
                if (rule.kind == rules::RuleKind::Recording) {
                    tasks.push_back({fmt::format("{}:{}: group \"{}\", rule \"{}\"", path,
                                                 rule.line, group.name, rule.name),
                                     rule, group.interval.value_or(interval)});
                }
            }
        }
    }
    if (tasks.empty()) {
        return base::invalidArgument("there are no recording rules in {}", fmt::join(files, ", "));
    }
    return tasks;
}

absl::StatusOr<Plan> makePlan(const RulesFlags& flags, const base::Clock& clock)
{
    constexpr base::Duration kHeadSpan = 3_h; // newer samples are still in the server's head
    Plan plan;
    NARTHEX_ASSIGN_OR_RETURN(plan.start, parsed(base::parseTimestamp(flags.start), "--start"));
    plan.end = clock.now() - kHeadSpan;
    if (!flags.end.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(plan.end, parsed(base::parseTimestamp(flags.end), "--end"));
    }
    if (plan.start >= plan.end) {
        return base::invalidArgument("start time {} is not before end time {}",
                                     base::formatTimestamp(plan.start),
                                     base::formatTimestamp(plan.end));
    }
    base::Duration longest;
    if (!flags.maxBlockDuration.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(
            longest, parsed(base::parseDuration(flags.maxBlockDuration), "--max-block-duration"));
    }
    plan.windowMs = tsdb::backfillWindowMs(longest.ms());
    NARTHEX_ASSIGN_OR_RETURN(const base::Duration interval,
                             parsed(base::parseDuration(flags.interval), "--eval-interval"));
    if (interval.ms() <= 0) {
        return base::invalidArgument("--eval-interval is not positive");
    }
    NARTHEX_ASSIGN_OR_RETURN(plan.tasks, recordingRules(flags.files, interval));
    return plan;
}

model::Labels resultLabels(const model::Labels& labels, const rules::Rule& rule)
{
    model::LabelsBuilder builder(labels);
    builder.set(model::kMetricName, rule.name);
    for (const auto& [name, value] : rule.labels) {
        builder.set(name, value);
    }
    return builder.build();
}

/// Evaluates one rule over the part of the window that is asked for.
absl::Status evaluate(const Task& task, std::int64_t from, std::int64_t to,
                      client::RemoteQueries& server, tsdb::BlockBuilder& builder)
{
    const std::int64_t step = task.interval.ms();
    const std::int64_t first = tsdb::windowStart(from + step - 1, step); // a multiple of the step
    if (first > to) {
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(const promql::Matrix matrix,
                             server.range(task.rule.expressionText, {first}, {to}, task.interval));
    base::StringSet seen;
    for (const promql::MatrixSeries& series : matrix) {
        const model::Labels labels = resultLabels(series.labels, task.rule);
        if (!seen.insert(labels.bytes()).second) {
            return base::invalidArgument("vector contains metrics with the same labelset after "
                                         "applying rule labels: {}",
                                         labels.toString());
        }
        for (const promql::Point& point : series.points) {
            NARTHEX_RETURN_IF_ERROR(builder.add(labels, point.time.ms, point.value));
        }
    }
    return absl::OkStatus();
}

absl::Status backfill(const RulesFlags& flags, BlockPrinter& printer)
{
    const base::SystemClock clock;
    NARTHEX_ASSIGN_OR_RETURN(const Plan plan, makePlan(flags, clock));
    net::IoLoop loop;
    NARTHEX_ASSIGN_OR_RETURN(net::HttpClientConfig http,
                             readHttpConfig(flags.server.httpConfigFile));
    client::RemoteQueries server(loop, serverUrl(flags.url), std::move(http));
    const std::int64_t firstWindow = tsdb::windowStart(plan.start.ms, plan.windowMs);
    bool hasBlocks = false;
    for (std::int64_t start = firstWindow; start <= plan.end.ms; start += plan.windowMs) {
        tsdb::BlockBuilder builder(start, plan.windowMs);
        const std::int64_t from = std::max(start, plan.start.ms);
        const std::int64_t to = std::min(start + plan.windowMs - 1, plan.end.ms);
        for (const Task& task : plan.tasks) {
            const absl::Status status = evaluate(task, from, to, server, builder);
            if (!status.ok()) {
                return base::annotate(
                    status, hasBlocks ? fmt::format("{} (the blocks up to here are whole; go on "
                                                    "with --start={})",
                                                    task.place, base::formatTimestamp({from}))
                                      : task.place);
            }
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::optional<tsdb::BlockMeta> meta,
                                 builder.write(flags.directory, clock));
        if (meta) {
            printer.print(*meta);
            hasBlocks = true;
        }
    }
    return absl::OkStatus();
}

} // namespace

void addTsdbRules(CLI::App& parent, const std::shared_ptr<PrintFlags>& printing, int& exitCode)
{
    CLI::App* command = parent.add_subcommand(
        "rules", "Evaluate recording rules over the past with the data of a server, and write "
                 "their series into blocks. Alerting rules are left out.");
    command->fallthrough();
    auto flags = std::make_shared<RulesFlags>();
    command->add_option("rule-files", flags->files, "Files with recording rules")->required();
    command->add_option("--url", flags->url, "Prometheus-compatible server that has the data")
        ->capture_default_str();
    command
        ->add_option("--start", flags->start,
                     "First time to evaluate at: RFC 3339, or seconds since the epoch")
        ->required();
    command->add_option("--end", flags->end, "Last time (three hours ago)");
    command->add_option("--output-dir", flags->directory, "Where the blocks are written")
        ->capture_default_str();
    command
        ->add_option("--eval-interval", flags->interval,
                     "How often rules are evaluated whose group does not say")
        ->capture_default_str();
    command->add_option("--max-block-duration", flags->maxBlockDuration,
                        "Longest time that a block may span");
    addHttpConfig(*command, flags->server);
    command->footer(
        "Example: narthexctl tsdb create-blocks-from rules --start 2024-01-01T00:00:00Z "
        "--url http://localhost:9090 rules.yml");
    command->callback([flags, printing, &exitCode] {
        BlockPrinter printer(flags->directory, *printing);
        const absl::Status status = backfill(*flags, printer);
        exitCode = status.ok() ? kOk : failed(status);
    });
}

} // namespace narthex::ctl
