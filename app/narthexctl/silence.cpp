// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `silence`: list, add, change, expire, import. Source: spec/alertmanager.md, 12.
#include "amtool.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

namespace narthex::ctl {
namespace {

using client::AlertmanagerClient;
using client::Json;

struct SilenceFlags
{
    AmSettings settings;
    bool expired = false;
    bool quiet = false;
    std::string createdBy;
    std::string id;
    std::string within;
    std::string author;
    std::string comment;
    std::string duration = "1h";
    std::string start;
    std::string end;
    bool force = false;
    std::size_t workers = 8;
    std::vector<std::string> annotations;
    std::vector<std::string> arguments;
};

/// What every silence that is sent has.
struct SilenceParts
{
    std::string id;
    Json matchers;
    model::Matchers own; // where `matchers` is empty
    std::string startsAt;
    std::string endsAt;
    std::string createdBy;
    std::string comment;
    model::Labels annotations;
};

std::string bodyOf(const SilenceParts& parts)
{
    std::string body;
    base::JsonWriter json(body);
    json.beginObject();
    if (!parts.id.empty()) {
        json.member("id", parts.id);
    }
    json.key("matchers");
    if (parts.matchers.isArray()) {
        json.raw(parts.matchers.json());
    } else {
        json.beginArray();
        for (const model::Matcher& matcher : parts.own) {
            const model::MatchType type = matcher.type();
            json.beginObject().member("name", matcher.name()).member("value", matcher.value());
            json.key("isRegex").boolean(type == model::MatchType::Regex ||
                                        type == model::MatchType::NotRegex);
            json.key("isEqual").boolean(type == model::MatchType::Equal ||
                                        type == model::MatchType::Regex);
            json.endObject();
        }
        json.endArray();
    }
    json.member("startsAt", parts.startsAt).member("endsAt", parts.endsAt);
    json.member("createdBy", parts.createdBy).member("comment", parts.comment);
    if (!parts.annotations.empty()) {
        json.key("annotations").beginObject();
        for (const model::LabelView pair : parts.annotations) {
            json.member(pair.name, pair.value);
        }
        json.endObject();
    }
    json.endObject();
    return body;
}

absl::StatusOr<std::string> post(AlertmanagerClient& client, const SilenceParts& parts)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                             client.send("POST", "/api/v2/silences", bodyOf(parts)));
    return answer["silenceID"].text();
}

void showSilences(const SilenceFlags& flags, const std::vector<Json>& silences)
{
    if (flags.settings.output == "json") {
        std::string text;
        base::JsonWriter json(text);
        json.beginArray();
        for (const Json& silence : silences) {
            json.raw(silence.json());
        }
        json.endArray();
        fmt::print("{}\n", text);
        return;
    }
    const bool extended = flags.settings.output == "extended";
    std::vector<std::vector<std::string>> rows;
    rows.push_back(
        extended ? std::vector<std::string>{"ID", "Matchers", "Starts At", "Ends At", "Updated At",
                                            "Created By", "Comment", "State"}
                 : std::vector<std::string>{"ID", "Matchers", "Ends At", "Created By", "Comment"});
    for (const Json& silence : silences) {
        const auto time = [&](const char* key) {
            return showTime(flags.settings, silence[key].text());
        };
        const std::string matchers = showMatchers(silence);
        if (extended) {
            rows.push_back({silence["id"].text(), matchers, time("startsAt"), time("endsAt"),
                            time("updatedAt"), silence["createdBy"].text(),
                            silence["comment"].text(), silence["status"]["state"].text()});
        } else {
            rows.push_back({silence["id"].text(), matchers, time("endsAt"),
                            silence["createdBy"].text(), silence["comment"].text()});
        }
    }
    printTable(flags.settings, rows);
}

absl::Status query(AlertmanagerClient& client, const SilenceFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(flags.arguments));
    net::Parameters parameters;
    for (const model::Matcher& matcher : matchers) {
        parameters.emplace_back("filter", matcher.toString());
    }
    base::Duration within;
    if (!flags.within.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(within, base::parseDuration(flags.within));
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, client.get("/api/v2/silences", parameters));
    std::vector<Json> silences = answer.items();
    const base::Timestamp moment = now();
    std::erase_if(silences, [&](const Json& silence) {
        const bool isExpired = silence["status"]["state"].text() == "expired";
        const auto end = base::parseTimestamp(silence["endsAt"].text());
        const bool isNear = !end.ok() || flags.within.empty() ||
                            (isExpired ? *end >= moment - within : *end <= moment + within);
        return isExpired != flags.expired || !isNear ||
               (!flags.createdBy.empty() && silence["createdBy"].text() != flags.createdBy) ||
               (!flags.id.empty() && silence["id"].text() != flags.id);
    });
    if (flags.quiet) {
        for (const Json& silence : silences) {
            fmt::print("{}\n", silence["id"].text());
        }
    } else {
        showSilences(flags, silences);
    }
    return absl::OkStatus();
}

/// Matchers and times of a silence to be made.
absl::StatusOr<SilenceParts> partsOf(const SilenceFlags& flags)
{
    SilenceParts parts{.createdBy = flags.settings.author, .comment = flags.comment};
    NARTHEX_ASSIGN_OR_RETURN(parts.own, readMatchers(flags.arguments));
    if (parts.own.empty()) {
        return base::invalidArgument("no matchers specified");
    }
    base::Timestamp start = now();
    if (!flags.start.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(start, readMoment(flags.start, start));
    }
    base::Timestamp end;
    if (flags.end.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(const base::Duration length, base::parseDuration(flags.duration));
        if (length.ns <= 0) {
            return base::invalidArgument("silence duration must be greater than 0");
        }
        end = start + length;
    } else {
        NARTHEX_ASSIGN_OR_RETURN(end, readMoment(flags.end, now()));
    }
    if (end < start) {
        return base::invalidArgument("silence cannot start after it ends");
    }
    parts.startsAt = base::formatTimestamp(start);
    parts.endsAt = base::formatTimestamp(end);
    return parts;
}

absl::Status add(AlertmanagerClient& client, const SilenceFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(SilenceParts parts, partsOf(flags));
    if (flags.settings.commentRequired && flags.comment.empty()) {
        return base::invalidArgument("comment required: say why with --comment");
    }
    NARTHEX_ASSIGN_OR_RETURN(parts.annotations, readLabels(flags.annotations, false));
    NARTHEX_ASSIGN_OR_RETURN(const std::string id, post(client, parts));
    fmt::print("{}\n", id);
    return absl::OkStatus();
}

void showWarnings(const Json& warnings)
{
    for (const Json& warning : warnings.items()) {
        fmt::print("  {}: {}\n", warning["kind"].text(), warning["message"].text());
    }
}

/// What a silence would do, or one that is there does and did.
absl::Status preview(AlertmanagerClient& client, const SilenceFlags& flags)
{
    Json answer;
    if (!flags.id.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(
            answer, client.get("/api/narthex/v1/silences/" + net::percentEncode(flags.id)));
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const SilenceParts parts, partsOf(flags));
        NARTHEX_ASSIGN_OR_RETURN(
            answer, client.send("POST", "/api/narthex/v1/silences/preview", bodyOf(parts)));
    }
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer.json());
        return absl::OkStatus();
    }
    fmt::print("{} firing alerts match\n", answer["matching"].json());
    Rows rows{{"Alert", "Labels", "Since"}};
    for (const Json& alert : answer["alerts"].items()) {
        rows.push_back({alert["fingerprint"].text(), pairsText(alert["labels"]),
                        showTime(flags.settings, alert["startsAt"].text())});
    }
    for (const Json& alert : answer["suppressed"].items()) {
        rows.push_back({alert["fingerprint"].text(), pairsText(alert["labels"]),
                        "silenced " + showTime(flags.settings, alert["first"].text())});
    }
    if (rows.size() > 1) {
        printTable(flags.settings, rows);
    }
    showWarnings(answer["warnings"]);
    return absl::OkStatus();
}

absl::Status warnings(AlertmanagerClient& client, const SilenceFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, client.get("/api/narthex/v1/silences/warnings"));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer.json());
        return absl::OkStatus();
    }
    for (const Json& each : answer.items()) {
        const Json silence = each["silence"];
        fmt::print("{}  until {}  {}  {}\n", silence["id"].text(),
                   showTime(flags.settings, silence["endsAt"].text()), silence["createdBy"].text(),
                   silence["comment"].text());
        showWarnings(each["warnings"]);
    }
    return absl::OkStatus();
}

absl::Status change(AlertmanagerClient& client, const SilenceFlags& flags)
{
    std::vector<Json> changed;
    for (const std::string& id : flags.arguments) {
        const std::string path = "/api/v2/silence/" + net::percentEncode(id);
        NARTHEX_ASSIGN_OR_RETURN(const Json old, client.get(path));
        SilenceParts parts{.id = id,
                           .matchers = old["matchers"],
                           .startsAt = old["startsAt"].text(),
                           .endsAt = old["endsAt"].text(),
                           .createdBy = old["createdBy"].text(),
                           .comment =
                               flags.comment.empty() ? old["comment"].text() : flags.comment};
        if (!flags.start.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp start, readMoment(flags.start, now()));
            parts.startsAt = base::formatTimestamp(start);
        }
        if (!flags.end.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp end, readMoment(flags.end, now()));
            parts.endsAt = base::formatTimestamp(end);
        } else if (!flags.duration.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(const base::Duration length,
                                     base::parseDuration(flags.duration));
            NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp start,
                                     base::parseTimestamp(parts.startsAt));
            parts.endsAt = base::formatTimestamp(start + length);
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string newId, post(client, parts));
        NARTHEX_ASSIGN_OR_RETURN(Json stored,
                                 client.get("/api/v2/silence/" + net::percentEncode(newId)));
        changed.push_back(std::move(stored));
    }
    if (flags.quiet) {
        for (const Json& silence : changed) {
            fmt::print("{}\n", silence["id"].text());
        }
    } else {
        showSilences(flags, changed);
    }
    return absl::OkStatus();
}

absl::Status expire(AlertmanagerClient& client, const SilenceFlags& flags)
{
    std::string problems;
    for (const std::string& id : flags.arguments) {
        const absl::Status status =
            client.send("DELETE", "/api/v2/silence/" + net::percentEncode(id), {}).status();
        if (!status.ok()) {
            problems += fmt::format("{}{}", problems.empty() ? "" : "\n", base::messageOf(status));
        }
    }
    return problems.empty() ? absl::OkStatus() : absl::UnavailableError(problems);
}

absl::Status importAll(AlertmanagerClient& client, const SilenceFlags& flags)
{
    std::string text;
    if (flags.arguments.empty() || flags.arguments[0] == "-") {
        text.assign(std::istreambuf_iterator<char>(std::cin), {});
    } else {
        NARTHEX_ASSIGN_OR_RETURN(text, base::readFile(flags.arguments[0]));
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json list, Json::parse(text));
    if (!list.isArray()) {
        return base::invalidArgument("expected a JSON list of silences, as -o json prints it");
    }
    std::size_t failed = 0;
    for (const Json& silence : list.items()) {
        std::string body = silence.json();
        if (flags.force) {
            body = bodyOf({.matchers = silence["matchers"],
                           .startsAt = silence["startsAt"].text(),
                           .endsAt = silence["endsAt"].text(),
                           .createdBy = silence["createdBy"].text(),
                           .comment = silence["comment"].text()});
        }
        const absl::Status status = client.send("POST", "/api/v2/silences", body).status();
        if (!status.ok()) {
            ++failed;
            fmt::print(stderr, "Error adding silence id='{}': {}\n", silence["id"].text(),
                       base::messageOf(status));
        }
    }
    return failed == 0 ? absl::OkStatus()
                       : base::unavailable("couldn't import {} out of {} silences", failed,
                                           list.items().size());
}

void addWriting(CLI::App& silence, int& exitCode)
{
    CLI::App* create = silence.add_subcommand("add", "Silence what matches; prints the id.");
    auto flags = std::make_shared<SilenceFlags>();
    create->add_option("-a,--author", flags->settings.author, "Who you are");
    create->add_option("-c,--comment", flags->comment, "Why");
    create->add_option("-d,--duration", flags->duration, "For how long")->capture_default_str();
    create->add_option("--start", flags->start, "From: time (RFC 3339) or duration from now");
    create->add_option("--end", flags->end, "Until: time (RFC 3339) or duration from now");
    create->add_option("--annotation", flags->annotations, "name=value; may be given again");
    create->add_option("MATCHERS", flags->arguments, "All must hold; a first word is the alertname")
        ->required();
    create->footer("Example: narthexctl silence add --duration 2h --comment upgrade instance=db1");
    onRun(*create, flags, exitCode, add);

    CLI::App* update = silence.add_subcommand("update", "Change silences.");
    auto changes = std::make_shared<SilenceFlags>();
    changes->duration.clear();
    update->add_option("-d,--duration", changes->duration, "Length, from the start on");
    update->add_option("--start", changes->start, "New start");
    update->add_option("--end", changes->end, "New end");
    update->add_option("-c,--comment", changes->comment, "New comment");
    update->add_flag("-q,--quiet", changes->quiet, "Print ids alone");
    update->add_option("IDS", changes->arguments, "Silences")->required();
    update->footer(
        "Example: narthexctl silence update --duration 4h 5c2e40bb-6d3d-4ac2-b5ae-6a0bd1b2c8c0");
    onRun(*update, changes, exitCode, change);

    CLI::App* end = silence.add_subcommand("expire", "End silences now.");
    auto ending = std::make_shared<SilenceFlags>();
    end->add_option("IDS", ending->arguments, "Silences; all are tried")->required();
    end->footer("Example: narthexctl silence expire 5c2e40bb-6d3d-4ac2-b5ae-6a0bd1b2c8c0");
    onRun(*end, ending, exitCode, expire);

    CLI::App* import =
        silence.add_subcommand("import", "Add silences from JSON, as -o json prints.");
    auto importing = std::make_shared<SilenceFlags>();
    import->add_flag("-f,--force", importing->force, "With new ids");
    import->add_option("-w,--worker", importing->workers, "Accepted for scripts; one is enough");
    import->add_option("FILE", importing->arguments, "Nothing or -: standard input");
    import->footer("Example: narthexctl silence import < silences.json");
    onRun(*import, importing, exitCode, importAll);
}

void addQuery(CLI::App* list, int& exitCode)
{
    auto flags = std::make_shared<SilenceFlags>();
    list->add_flag("--expired", flags->expired, "Expired ones instead");
    list->add_flag("-q,--quiet", flags->quiet, "Print ids alone");
    list->add_option("--created-by", flags->createdBy, "Of this author");
    list->add_option("--id", flags->id, "This one");
    list->add_option("--within", flags->within, "Those that end, or ended, within this time");
    list->add_option("MATCHERS", flags->arguments, "A first word is the alertname");
    list->footer("Example: narthexctl silence query --format csv instance=db1");
    onRun(*list, flags, exitCode, query);
}

void addLooking(CLI::App& silence, int& exitCode)
{
    CLI::App* look = silence.add_subcommand(
        "preview",
        "What a silence would do, or does: the alerts it holds, what speaks against it.");
    auto flags = std::make_shared<SilenceFlags>();
    look->add_option("-d,--duration", flags->duration, "For how long")->capture_default_str();
    look->add_option("--start", flags->start, "From: time (RFC 3339) or duration from now");
    look->add_option("--end", flags->end, "Until: time (RFC 3339) or duration from now");
    CLI::Option* id = look->add_option("--id", flags->id, "This one, and what it held so far");
    look->add_option("MATCHERS", flags->arguments, "All must hold; a first word is the alertname")
        ->excludes(id);
    onRun(*look, flags, exitCode, preview);

    CLI::App* warned = silence.add_subcommand(
        "warnings", "Active silences that match nothing, match much, or end soon.");
    onRun(*warned, std::make_shared<SilenceFlags>(), exitCode, warnings);
}

} // namespace

void addSilence(CLI::App& app, int& exitCode)
{
    CLI::App* silence = app.add_subcommand(
        "silence", "Silences of an Alertmanager or of our server: list, add, change, expire.");
    silence->require_subcommand(0, 1);
    addQuery(silence, exitCode); // nothing said: query
    addQuery(silence->add_subcommand("query", "List silences that match."), exitCode);
    addWriting(*silence, exitCode);
    addLooking(*silence, exitCode);
}

} // namespace narthex::ctl
