// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `rules`: questions about rules to a server of ours: why one fires or not, and what rules of a
// file would have done in the past. Source: spec/rules.md, 16.
#include "amtool.h"

#include "core/base/file.h"
#include "core/base/status.h"

namespace narthex::ctl {
namespace {

using client::AlertmanagerClient;
using client::Json;

struct RuleFlags
{
    AmSettings settings;
    std::string name;
    std::string file;
    std::string from = "-24h";
    std::string to;
};

std::string labelsText(const Json& labels)
{
    std::string text;
    for (const auto& [name, value] : labels.members()) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, model::quote(value.text()));
    }
    return "{" + text + "}";
}

absl::Status explain(AlertmanagerClient& client, const RuleFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, client.get("/api/narthex/v1/rules/explain",
                                                           {{"rule_name", flags.name}}));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer["data"].json());
        return absl::OkStatus();
    }
    for (const Json& rule : answer["data"].items()) {
        fmt::print("{} ({}, group {})\n", rule["name"].text(), rule["file"].text(),
                   rule["group"].text());
        for (const std::string& sentence : rule["sentences"].texts()) {
            fmt::print("  {}\n", sentence);
        }
    }
    return absl::OkStatus();
}

void showAlert(const AmSettings& settings, const Json& alert)
{
    fmt::print("  {}  fired {} times, {} s in all{}\n", labelsText(alert["labels"]),
               alert["firings"].text(), alert["firingSeconds"].text(),
               alert["flapping"].boolean() ? ", flapping" : "");
    for (const Json& span : alert["spans"].items()) {
        fmt::print("    {:8} {} to {}\n", span["state"].text(),
                   showTime(settings, span["from"].text()), showTime(settings, span["to"].text()));
    }
}

absl::Status backtest(AlertmanagerClient& client, const RuleFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(std::string text, base::readFile(flags.file));
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp from, readMoment(flags.from, now()));
    base::Timestamp to = now();
    if (!flags.to.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(to, readMoment(flags.to, now()));
    }
    const std::string path =
        fmt::format("/api/narthex/v1/rules/backtest?from={}&to={}&rule_name={}",
                    net::percentEncode(base::formatTimestamp(from)),
                    net::percentEncode(base::formatTimestamp(to)), net::percentEncode(flags.name));
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, client.send("POST", path, std::move(text)));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer["data"].json());
        return absl::OkStatus();
    }
    for (const Json& rule : answer["data"].items()) {
        fmt::print("{} (group {}): {} evaluations, {} firings, {} notifications\n",
                   rule["name"].text(), rule["group"].text(), rule["evaluations"].text(),
                   rule["firings"].text(), rule["notifications"].text());
        if (const std::string failure = rule["firstFailure"].text(); !failure.empty()) {
            fmt::print("  {} evaluations would have failed, the first: {}\n",
                       rule["failures"].text(), failure);
        }
        for (const Json& alert : rule["alerts"].items()) {
            showAlert(flags.settings, alert);
        }
    }
    return absl::OkStatus();
}

} // namespace

void addRules(CLI::App& app, int& exitCode)
{
    CLI::App* group = app.add_subcommand(
        "rules", "Ask a server of ours why a rule fires or not, and what rules would have done.");
    group->require_subcommand(1);
    CLI::App* why = group->add_subcommand("explain", "Why a loaded rule fires, or does not.");
    auto whyFlags = std::make_shared<RuleFlags>();
    why->add_option("NAME", whyFlags->name, "Name of the alert or of the recorded series")
        ->required();
    why->footer("Example: narthexctl rules explain DiskFull");
    onRun(*why, whyFlags, exitCode, explain);
    CLI::App* past = group->add_subcommand(
        "backtest", "When alerts of a file would have been pending and firing; nothing is sent.");
    auto pastFlags = std::make_shared<RuleFlags>();
    past->add_option("FILE", pastFlags->file, "Rule file")->required();
    past->add_option("--rule", pastFlags->name, "This rule alone");
    past->add_option("--from", pastFlags->from, "Time (RFC 3339) or duration from now")
        ->capture_default_str();
    past->add_option("--to", pastFlags->to, "Time (RFC 3339) or duration from now; default now");
    past->footer("Example: narthexctl rules backtest --from=-7d --rule DiskFull rules.yml");
    onRun(*past, pastFlags, exitCode, backtest);
}

} // namespace narthex::ctl
