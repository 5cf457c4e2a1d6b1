// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `alert`: what fires, adding alerts by hand, acknowledging, and what happened to an alert.
// Source: spec/alertmanager.md, 12; spec/acknowledge.md, 6.
#include "amtool.h"

#include "core/alertmanager/matchers.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <algorithm>
#include <cstdio>

namespace narthex::ctl {
namespace {

using client::AlertmanagerClient;
using client::Json;

struct QueryFlags
{
    AmSettings settings;
    bool active = false;
    bool inhibited = false;
    bool silenced = false;
    bool unprocessed = false;
    std::string receiver;
    std::vector<std::string> matchers;
};

void showAlerts(const AmSettings& settings, const Json& alerts)
{
    std::vector<Json> all = alerts.items();
    std::stable_sort(all.begin(), all.end(), [](const Json& a, const Json& b) {
        return a["startsAt"].text() < b["startsAt"].text();
    });
    const bool extended = settings.output == "extended";
    std::vector<std::vector<std::string>> rows;
    rows.push_back(extended
                       ? std::vector<std::string>{"Labels", "Annotations", "Starts At", "Ends At",
                                                  "Generator URL", "State"}
                       : std::vector<std::string>{"Alertname", "Starts At", "Summary", "State"});
    for (const Json& alert : all) {
        const std::string state = alert["status"]["state"].text();
        if (extended) {
            rows.push_back({pairsText(alert["labels"]), pairsText(alert["annotations"]),
                            showTime(settings, alert["startsAt"].text()),
                            showTime(settings, alert["endsAt"].text()),
                            alert["generatorURL"].text(), state});
        } else {
            rows.push_back({alert["labels"]["alertname"].text(),
                            showTime(settings, alert["startsAt"].text()),
                            alert["annotations"]["summary"].text(), state});
        }
    }
    printTable(rows);
}

absl::Status query(AlertmanagerClient& client, const QueryFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(flags.matchers));
    const bool any = flags.active || flags.inhibited || flags.silenced || flags.unprocessed;
    const auto text = [](bool value) { return std::string(value ? "true" : "false"); };
    net::Parameters parameters{{"active", text(flags.active || !any)},
                               {"inhibited", text(flags.inhibited)},
                               {"silenced", text(flags.silenced)},
                               {"unprocessed", text(flags.unprocessed)}};
    for (const model::Matcher& matcher : matchers) {
        parameters.emplace_back("filter", alertmanager::toText(matcher));
    }
    if (!flags.receiver.empty()) {
        parameters.emplace_back("receiver", flags.receiver);
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json alerts, client.get("/api/v2/alerts", parameters));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", alerts.json());
    } else {
        showAlerts(flags.settings, alerts);
    }
    return absl::OkStatus();
}

struct AddFlags
{
    AmSettings settings;
    std::vector<std::string> annotations;
    std::string generatorUrl;
    std::string start;
    std::string end;
    std::vector<std::string> labels;
};

void writePairs(base::JsonWriter& json, std::string_view key, const model::Labels& pairs)
{
    json.key(key).beginObject();
    for (const model::LabelView pair : pairs) {
        json.member(pair.name, pair.value);
    }
    json.endObject();
}

absl::Status add(AlertmanagerClient& client, const AddFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const model::Labels labels, readLabels(flags.labels, true));
    NARTHEX_ASSIGN_OR_RETURN(const model::Labels annotations, readLabels(flags.annotations, false));
    std::string body;
    base::JsonWriter json(body);
    json.beginArray().beginObject();
    writePairs(json, "labels", labels);
    writePairs(json, "annotations", annotations);
    if (!flags.generatorUrl.empty()) {
        json.member("generatorURL", flags.generatorUrl);
    }
    for (const auto& [key, text] :
         {std::pair("startsAt", &flags.start), std::pair("endsAt", &flags.end)}) {
        if (!text->empty()) {
            NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp time, readMoment(*text, now()));
            json.member(key, base::formatTimestamp(time));
        }
    }
    json.endObject().endArray();
    return client.send("POST", "/api/v2/alerts", std::move(body)).status();
}

struct AckFlags
{
    AmSettings settings;
    std::string comment;
    std::string duration;
    bool notify = false;
    bool sticky = false;
    bool ended = false;
    bool overdue = false;
    std::vector<std::string> alerts;
};

bool isFingerprint(const std::string& text)
{
    constexpr std::size_t kDigits = 16;
    return text.size() == kDigits &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// `"alerts": […]` or `"filter": […]`.
absl::Status writeWhich(base::JsonWriter& json, const std::vector<std::string>& arguments)
{
    const bool areFingerprints = std::all_of(arguments.begin(), arguments.end(), isFingerprint);
    json.key(areFingerprints ? "alerts" : "filter").beginArray();
    if (areFingerprints) {
        for (const std::string& each : arguments) {
            json.string(each);
        }
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(arguments));
        for (const model::Matcher& matcher : matchers) {
            json.string(alertmanager::toText(matcher));
        }
    }
    json.endArray();
    return absl::OkStatus();
}

absl::Status acknowledge(AlertmanagerClient& client, const AckFlags& flags)
{
    std::string body;
    base::JsonWriter json(body);
    json.beginObject();
    NARTHEX_RETURN_IF_ERROR(writeWhich(json, flags.alerts));
    json.member("author", flags.settings.author).member("comment", flags.comment);
    if (!flags.duration.empty()) {
        json.member("expires_in", flags.duration);
    }
    json.key("notify").boolean(flags.notify);
    json.key("sticky").boolean(flags.sticky);
    json.member("source", "cli").endObject();
    NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                             client.send("POST", "/api/narthex/v1/acks", std::move(body)));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer.json());
        return absl::OkStatus();
    }
    for (const Json& ack : answer["acks"].items()) {
        fmt::print("{}  {}\n", ack["id"].text(), pairsText(ack["labels"]));
    }
    for (const Json& skipped : answer["skipped"].items()) {
        fmt::print(stderr, "{}: {}\n", skipped["fingerprint"].text(), skipped["reason"].text());
    }
    return answer["acks"].items().empty() ? base::notFound("no alert was acknowledged")
                                          : absl::OkStatus();
}

absl::StatusOr<Json> listAcks(AlertmanagerClient& client, const AckFlags& flags)
{
    net::Parameters parameters{{"state", flags.ended ? "all" : "open"}};
    if (flags.overdue) {
        parameters.emplace_back("overdue", "true");
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(flags.alerts));
    for (const model::Matcher& matcher : matchers) {
        parameters.emplace_back("filter", alertmanager::toText(matcher));
    }
    return client.get("/api/narthex/v1/acks", parameters);
}

/// By id of the acknowledgement, fingerprint, or matchers.
absl::Status withdraw(AlertmanagerClient& client, const AckFlags& flags)
{
    AckFlags all = flags;
    all.alerts.clear();
    std::vector<std::string> ids;
    const bool haveIds =
        std::none_of(flags.alerts.begin(), flags.alerts.end(), [](const std::string& text) {
            return isFingerprint(text) || text.find_first_of("=~!") != std::string::npos;
        });
    if (haveIds) {
        ids = flags.alerts;
    } else {
        const bool areFingerprints =
            std::all_of(flags.alerts.begin(), flags.alerts.end(), isFingerprint);
        NARTHEX_ASSIGN_OR_RETURN(const Json open, listAcks(client, areFingerprints ? all : flags));
        for (const Json& ack : open.items()) {
            if (!areFingerprints || std::find(flags.alerts.begin(), flags.alerts.end(),
                                              ack["fingerprint"].text()) != flags.alerts.end()) {
                ids.push_back(ack["id"].text());
            }
        }
    }
    if (ids.empty()) {
        return base::notFound("no acknowledgement is in force for that");
    }
    absl::Status status;
    for (const std::string& id : ids) {
        status.Update(
            client.send("DELETE", "/api/narthex/v1/acks/" + net::percentEncode(id), {}).status());
    }
    return status;
}

absl::Status acknowledgements(AlertmanagerClient& client, const AckFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json list, listAcks(client, flags));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", list.json());
        return absl::OkStatus();
    }
    std::vector<std::vector<std::string>> rows{
        {"ID", "Labels", "Author", "Since", "Expires", "Comment", "Ended"}};
    for (const Json& ack : list.items()) {
        const Json expires = ack["expires_at"];
        rows.push_back({ack["id"].text(), pairsText(ack["labels"]), ack["author"].text(),
                        showTime(flags.settings, ack["created_at"].text()),
                        expires.isNull() ? "at resolve" : showTime(flags.settings, expires.text()),
                        ack["comment"].text(), ack["end_reason"].text()});
    }
    printTable(rows);
    return absl::OkStatus();
}

/// What a line of the history says beyond its kind.
std::string detailOf(const Json& entry)
{
    std::string text = entry["detail"].text();
    for (const char* key :
         {"receiver", "integration", "reason", "result", "error", "comment", "author", "by"}) {
        if (const std::string value = entry[key].text(); !value.empty()) {
            text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", key, value);
        }
    }
    return text;
}

absl::Status history(AlertmanagerClient& client, const AckFlags& flags)
{
    net::Parameters parameters;
    if (flags.alerts.size() == 1 && isFingerprint(flags.alerts[0])) {
        parameters.emplace_back("fingerprint", flags.alerts[0]);
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(flags.alerts));
        for (const model::Matcher& matcher : matchers) {
            parameters.emplace_back("filter", alertmanager::toText(matcher));
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, client.get("/api/narthex/v1/history", parameters));
    if (flags.settings.output == "json") {
        fmt::print("{}\n", answer.json());
        return absl::OkStatus();
    }
    std::vector<std::vector<std::string>> rows{{"At", "What", "Alert", "Detail"}};
    for (const Json& entry : answer.items()) {
        rows.push_back({showTime(flags.settings, entry["time"].text()), entry["kind"].text(),
                        pairsText(entry["labels"]), detailOf(entry)});
    }
    printTable(rows);
    return absl::OkStatus();
}

/// Why an alert is where it is, for each that matches.
absl::Status explain(AlertmanagerClient& client, const AckFlags& flags)
{
    std::vector<std::string> fingerprints;
    if (std::all_of(flags.alerts.begin(), flags.alerts.end(), isFingerprint)) {
        fingerprints = flags.alerts;
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const model::Matchers matchers, readMatchers(flags.alerts));
        net::Parameters parameters;
        for (const model::Matcher& matcher : matchers) {
            parameters.emplace_back("filter", alertmanager::toText(matcher));
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json alerts, client.get("/api/v2/alerts", parameters));
        for (const Json& alert : alerts.items()) {
            fingerprints.push_back(alert["fingerprint"].text());
        }
    }
    if (fingerprints.empty()) {
        return base::notFound("no firing alert matches");
    }
    for (const std::string& fingerprint : fingerprints) {
        NARTHEX_ASSIGN_OR_RETURN(const Json answer,
                                 client.get("/api/narthex/v1/explain/" + fingerprint));
        if (flags.settings.output == "json") {
            fmt::print("{}\n", answer.json());
            continue;
        }
        fmt::print("{}  {}\n", fingerprint, pairsText(answer["alert"]["labels"]));
        for (const std::string& sentence : answer["sentences"].texts()) {
            fmt::print("  {}\n", sentence);
        }
    }
    return absl::OkStatus();
}

void addQuery(CLI::App* command, int& exitCode)
{
    auto flags = std::make_shared<QueryFlags>();
    command->add_flag("-a,--active", flags->active,
                      "Those that are neither silenced nor inhibited");
    command->add_flag("-i,--inhibited", flags->inhibited, "Inhibited ones");
    command->add_flag("-s,--silenced", flags->silenced, "Silenced ones");
    command->add_flag("-u,--unprocessed", flags->unprocessed, "Those that were not looked at yet");
    command->add_option("-r,--receiver", flags->receiver,
                        "Of receivers that match this expression");
    command->add_option("MATCHERS", flags->matchers,
                        "As in 'severity=~\"warn.*\"'; a first word is the alertname");
    onRun(*command, flags, exitCode, query);
}

void addAcks(CLI::App& alert, int& exitCode)
{
    const auto which = [](CLI::App& command, AckFlags& flags, const char* help) {
        return command.add_option("ALERTS", flags.alerts, help);
    };
    constexpr const char* kAlerts = "Fingerprints or matchers; matchers take what fires now";
    CLI::App* ack = alert.add_subcommand("ack", "Acknowledge: stop the repeats until it resolves.");
    auto flags = std::make_shared<AckFlags>();
    which(*ack, *flags, kAlerts)->required();
    ack->add_option("-c,--comment", flags->comment, "What you are doing about it");
    ack->add_option("-a,--author", flags->settings.author, "Who you are");
    ack->add_option("-d,--duration", flags->duration, "Ends after this at the latest");
    ack->add_flag("--notify", flags->notify, "Tell the receivers");
    ack->add_flag("--sticky", flags->sticky, "Stays when the alert comes back within 30 minutes");
    onRun(*ack, flags, exitCode, acknowledge);

    CLI::App* unack = alert.add_subcommand("unack", "Withdraw an acknowledgement.");
    auto unackFlags = std::make_shared<AckFlags>();
    which(*unack, *unackFlags, "Ids, fingerprints or matchers")->required();
    onRun(*unack, unackFlags, exitCode, withdraw);

    CLI::App* acks = alert.add_subcommand("acks", "List acknowledgements.");
    auto listFlags = std::make_shared<AckFlags>();
    which(*acks, *listFlags, "Matchers");
    acks->add_flag("--ended", listFlags->ended, "Those that have ended, too");
    acks->add_flag("--overdue", listFlags->overdue,
                   "Those alone that have been open for so long that they may be forgotten")
        ->excludes("--ended");
    onRun(*acks, listFlags, exitCode, acknowledgements);

    CLI::App* past =
        alert.add_subcommand("history", "What happened to an alert, and who was told.");
    auto pastFlags = std::make_shared<AckFlags>();
    which(*past, *pastFlags, "A fingerprint, or matchers");
    onRun(*past, pastFlags, exitCode, history);

    CLI::App* why = alert.add_subcommand(
        "explain", "Why an alert was told to whom, or not: route, group, silences, what comes.");
    auto whyFlags = std::make_shared<AckFlags>();
    which(*why, *whyFlags, "Fingerprints or matchers")->required();
    onRun(*why, whyFlags, exitCode, explain);
}

} // namespace

void addAlert(CLI::App& app, int& exitCode)
{
    CLI::App* alert = app.add_subcommand(
        "alert", "Alerts of an Alertmanager or of our server: list, add, acknowledge, history.");
    alert->require_subcommand(0, 1);
    addQuery(alert, exitCode); // nothing said: query
    addQuery(alert->add_subcommand("query", "List alerts that match."), exitCode);
    CLI::App* command = alert->add_subcommand("add", "Add an alert by hand, for tests.");
    auto flags = std::make_shared<AddFlags>();
    command->add_option("--annotation", flags->annotations, "name=value; may be given again");
    command->add_option("--generator-url", flags->generatorUrl, "Where it comes from");
    command->add_option("--start", flags->start, "Time (RFC 3339) or duration from now");
    command->add_option("--end", flags->end, "Time (RFC 3339) or duration from now");
    command->add_option("LABELS", flags->labels, "name=value; a first word is the alertname")
        ->required();
    onRun(*command, flags, exitCode, add);
    addAcks(*alert, exitCode);
}

} // namespace narthex::ctl
