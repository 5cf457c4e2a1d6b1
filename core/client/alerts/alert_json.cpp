// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/alerts/alert_json.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/client/numbers.h"
#include "core/discovery/json.h"

#include <algorithm>

namespace narthex::client {
namespace {

using discovery::Json;

std::optional<base::Timestamp> timeOf(const Json& value)
{
    // What has no time is in the year 1.
    const std::string text = value.text();
    if (text.empty() || text.starts_with("0001-")) {
        return std::nullopt;
    }
    const auto time = base::parseTimestamp(text);
    return time.ok() ? std::optional(*time) : std::nullopt;
}

model::Labels labelsOf(const Json& value)
{
    model::LabelsBuilder labels;
    for (const auto& [name, text] : value.members()) {
        labels.set(name, text.text());
    }
    return labels.build();
}

std::size_t countOf(const Json& value)
{
    return static_cast<std::size_t>(std::max<std::int64_t>(value.integer(), 0));
}

AlertStanding standingOf(const std::string& text)
{
    return text == "active"       ? AlertStanding::Active
           : text == "suppressed" ? AlertStanding::Suppressed
                                  : AlertStanding::Unprocessed;
}

SilenceStanding silenceStandingOf(const std::string& text)
{
    return text == "pending"   ? SilenceStanding::Pending
           : text == "expired" ? SilenceStanding::Expired
                               : SilenceStanding::Active;
}

Acknowledgement readAcknowledgement(const Json& json)
{
    Acknowledgement ack{.id = json["id"].text(),
                        .fingerprint = json["fingerprint"].text(),
                        .episode = json["episode"].text(),
                        .labels = labelsOf(json["labels"]),
                        .author = json["author"].text(),
                        .comment = json["comment"].text(),
                        .createdAt = timeOf(json["created_at"]),
                        .since = timeOf(json["since"]),
                        .expiresAt = timeOf(json["expires_at"]),
                        .notify = json["notify"].boolean(),
                        .sticky = json["sticky"].boolean(),
                        .untilWorse = json["until_worse"].boolean(),
                        .overdue = json["overdue"].boolean(),
                        .source = json["source"].text(),
                        .state = json["state"].text(),
                        .endedAt = timeOf(json["ended_at"]),
                        .endReason = json["end_reason"].text(),
                        .endedBy = json["ended_by"].text()};
    const std::vector<Json> exports = json["exports"].items();
    for (const Json& each : exports) {
        ack.exports.push_back({.target = each["target"].text(),
                               .silenceId = each["silence_id"].text(),
                               .endsAt = timeOf(each["ends_at"]),
                               .lastError = each["last_error"].text()});
    }
    // One that somebody made elsewhere says where at the top.
    if (json["target"].isString()) {
        ack.exports.push_back(
            {.target = json["target"].text(), .silenceId = json["silence_id"].text()});
    }
    return ack;
}

std::vector<std::string> namesOf(const Json& list)
{
    std::vector<std::string> names;
    const std::vector<Json> items = list.items();
    for (const Json& each : items) {
        names.push_back(each["name"].text());
    }
    return names;
}

Alert readAlert(const Json& json)
{
    const Json status = json["status"];
    Alert alert{.fingerprint = json["fingerprint"].text(),
                .labels = labelsOf(json["labels"]),
                .annotations = labelsOf(json["annotations"]),
                .startsAt = timeOf(json["startsAt"]),
                .endsAt = timeOf(json["endsAt"]),
                .updatedAt = timeOf(json["updatedAt"]),
                .generatorUrl = json["generatorURL"].text(),
                .standing = standingOf(status["state"].text()),
                .receivers = namesOf(json["receivers"]),
                .silencedBy = status["silencedBy"].texts(),
                .inhibitedBy = status["inhibitedBy"].texts(),
                .mutedBy = status["mutedBy"].texts()};
    if (json["acknowledgement"].isObject()) {
        alert.acknowledgement = readAcknowledgement(json["acknowledgement"]);
    }
    return alert;
}

Silence readSilence(const Json& json)
{
    Silence silence{.id = json["id"].text(),
                    .standing = silenceStandingOf(json["status"]["state"].text()),
                    .startsAt = timeOf(json["startsAt"]),
                    .endsAt = timeOf(json["endsAt"]),
                    .updatedAt = timeOf(json["updatedAt"]),
                    .createdBy = json["createdBy"].text(),
                    .comment = json["comment"].text()};
    const std::vector<Json> matchers = json["matchers"].items();
    for (const Json& each : matchers) {
        silence.matchers.push_back({.name = each["name"].text(),
                                    .value = each["value"].text(),
                                    .isRegex = each["isRegex"].boolean(),
                                    .isEqual = each["isEqual"].boolean(true)});
    }
    return silence;
}

HistoryEntry readEntry(const Json& json)
{
    HistoryEntry entry{.time = timeOf(json["time"]).value_or(base::Timestamp{}),
                       .kind = json["kind"].text(),
                       .fingerprint = json["fingerprint"].text(),
                       .labels = labelsOf(json["labels"]),
                       .detail = json["detail"].text(),
                       .groupKey = json["group_key"].text(),
                       .receiver = json["receiver"].text(),
                       .integration = json["integration"].text(),
                       .reason = json["reason"].text(),
                       .firing = countOf(json["firing"]),
                       .resolved = countOf(json["resolved"]),
                       .attempts = countOf(json["attempts"]),
                       .duration = durationOf(json["duration_seconds"].number()),
                       .result = json["result"].text(),
                       .error = json["error"].text(),
                       .alerts = json["alerts"].texts()};
    if (json["value"].isNumber()) {
        entry.value = json["value"].number();
    }
    return entry;
}

absl::StatusOr<Json> parse(std::string_view body, bool list)
{
    auto json = Json::parse(body);
    if (!json.ok() || (list ? !json->isArray() : !json->isObject())) {
        return base::unavailable("the answer is not that of an Alertmanager ({} expected): is the "
                                 "URL right?",
                                 list ? "a list" : "an object");
    }
    return json;
}

template <typename T, typename Read>
absl::StatusOr<std::vector<T>> readList(std::string_view body, const Read& read)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, true));
    const std::vector<Json> items = json.items();
    std::vector<T> result;
    result.reserve(items.size());
    for (const Json& each : items) {
        result.push_back(read(each));
    }
    return result;
}

template <typename List>
void writeTexts(base::JsonWriter& out, std::string_view key, const List& texts)
{
    out.key(key).beginArray();
    for (const std::string& each : texts) {
        out.string(each);
    }
    out.endArray();
}

/// A duration, or null: until resolved.
void writeExpiry(base::JsonWriter& out, const std::optional<base::Duration>& expiry)
{
    if (!expiry) {
        return;
    }
    out.key("expires_in");
    expiry->ns == 0 ? out.null() : out.string(base::formatDuration(*expiry));
}

void addAll(net::Parameters& query, const std::string& name, const std::vector<std::string>& values)
{
    for (const std::string& each : values) {
        query.emplace_back(name, each);
    }
}

} // namespace

absl::StatusOr<std::vector<Alert>> alertsFromJson(std::string_view body)
{
    return readList<Alert>(body, readAlert);
}

absl::StatusOr<std::vector<AlertGroup>> groupsFromJson(std::string_view body)
{
    return readList<AlertGroup>(body, [](const Json& json) {
        AlertGroup group{.labels = labelsOf(json["labels"]),
                         .receiver = json["receiver"]["name"].text()};
        const std::vector<Json> alerts = json["alerts"].items();
        for (const Json& each : alerts) {
            group.alerts.push_back(readAlert(each));
        }
        return group;
    });
}

absl::StatusOr<std::vector<Silence>> silencesFromJson(std::string_view body)
{
    return readList<Silence>(body, readSilence);
}

absl::StatusOr<std::string> silenceIdFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    return json["silenceID"].text();
}

absl::StatusOr<SilencePreview> previewFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    SilencePreview preview{.matching = countOf(json["matching"])};
    const std::vector<Json> alerts = json["alerts"].items();
    for (const Json& each : alerts) {
        preview.alerts.emplace_back(each["fingerprint"].text(), labelsOf(each["labels"]));
    }
    const std::vector<Json> warnings = json["warnings"].items();
    for (const Json& each : warnings) {
        preview.warnings.push_back(each["message"].text());
    }
    return preview;
}

absl::StatusOr<std::vector<Receiver>> receiversFromJson(std::string_view body)
{
    return readList<Receiver>(body, [](const Json& json) {
        Receiver receiver{.name = json["name"].text()};
        for (const auto& [name, value] : json["labels"].members()) {
            receiver.labels[name] = value.text();
        }
        return receiver;
    });
}

absl::StatusOr<AlertServerStatus> statusFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    AlertServerStatus status{.version = json["versionInfo"]["version"].text(),
                             .configuration = json["config"]["original"].text(),
                             .startedAt = timeOf(json["uptime"]),
                             .cluster = json["cluster"]["status"].text()};
    const std::vector<Json> peers = json["cluster"]["peers"].items();
    for (const Json& each : peers) {
        status.peers.push_back(each["address"].text());
    }
    return status;
}

absl::StatusOr<std::vector<Acknowledgement>> acknowledgementsFromJson(std::string_view body)
{
    return readList<Acknowledgement>(body, readAcknowledgement);
}

absl::StatusOr<Acknowledgement> acknowledgementFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    return readAcknowledgement(json);
}

absl::StatusOr<AckResult> ackResultFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    AckResult result;
    const std::vector<Json> acks = json["acks"].items();
    for (const Json& each : acks) {
        result.acknowledgements.push_back(readAcknowledgement(each));
    }
    const std::vector<Json> skipped = json["skipped"].items();
    for (const Json& each : skipped) {
        result.skipped.emplace_back(each["fingerprint"].text(), each["reason"].text());
    }
    return result;
}

absl::StatusOr<std::vector<HistoryEntry>> historyFromJson(std::string_view body)
{
    return readList<HistoryEntry>(body, readEntry);
}

absl::StatusOr<AlertExplanation> explanationFromJson(std::string_view body)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, parse(body, false));
    AlertExplanation result{.alert = readAlert(json["alert"]),
                            .sentences = json["sentences"].texts()};
    const std::vector<Json> route = json["route"].items();
    for (const Json& each : route) {
        result.route.push_back({.depth = countOf(each["depth"]),
                                .matchers = each["matchers"].text(),
                                .receiver = each["receiver"].text(),
                                .matched = each["matched"].boolean(),
                                .why = each["why"].text()});
    }
    const std::vector<Json> groups = json["groups"].items();
    for (const Json& each : groups) {
        GroupStanding& group =
            result.groups.emplace_back(GroupStanding{.key = each["key"].text(),
                                                     .receiver = each["receiver"].text(),
                                                     .nextFlush = timeOf(each["next_flush"]),
                                                     .sending = each["sending"].boolean()});
        const std::vector<Json> integrations = each["integrations"].items();
        for (const Json& one : integrations) {
            group.integrations.push_back({.name = one["name"].text(),
                                          .last = one["last"].text(),
                                          .next = one["next"].text()});
        }
    }
    return result;
}

std::string toJson(const SilenceDraft& draft)
{
    std::string body;
    base::JsonWriter out(body);
    out.beginObject();
    if (!draft.id.empty()) {
        out.member("id", draft.id);
    }
    out.key("matchers").beginArray();
    for (const SilenceMatcher& each : draft.matchers) {
        out.beginObject().member("name", each.name).member("value", each.value);
        out.key("isRegex").boolean(each.isRegex).key("isEqual").boolean(each.isEqual).endObject();
    }
    out.endArray().member("startsAt", base::formatTimestamp(draft.startsAt));
    out.member("endsAt", base::formatTimestamp(draft.endsAt));
    out.member("createdBy", draft.createdBy).member("comment", draft.comment).endObject();
    return body;
}

std::string toJson(const AckDraft& draft)
{
    std::string body;
    base::JsonWriter out(body);
    out.beginObject();
    draft.alerts.empty() ? writeTexts(out, "filter", draft.filters)
                         : writeTexts(out, "alerts", draft.alerts);
    out.member("author", draft.author).member("comment", draft.comment);
    writeExpiry(out, draft.expiresIn);
    out.key("notify").boolean(draft.notify).key("sticky").boolean(draft.sticky);
    out.key("until_worse").boolean(draft.untilWorse).member("source", draft.source).endObject();
    return body;
}

std::string toJson(const AckChange& change)
{
    std::string body;
    base::JsonWriter out(body);
    out.beginObject().member("author", change.author);
    if (change.comment) {
        out.member("comment", *change.comment);
    }
    writeExpiry(out, change.expiresIn);
    out.endObject();
    return body;
}

net::Parameters parametersOf(const AlertQuery& query)
{
    net::Parameters result;
    addAll(result, "filter", query.filters);
    if (!query.receiver.empty()) {
        result.emplace_back("receiver", query.receiver);
    }
    for (const auto& [name, value] : {std::pair{"active", query.active},
                                      {"silenced", query.silenced},
                                      {"inhibited", query.inhibited},
                                      {"muted", query.muted},
                                      {"unprocessed", query.unprocessed}}) {
        if (!value) {
            result.emplace_back(name, "false");
        }
    }
    return result;
}

net::Parameters parametersOf(const AckQuery& query)
{
    net::Parameters result{{"state", query.state}};
    addAll(result, "filter", query.filters);
    if (query.author) {
        result.emplace_back("author", *query.author);
    }
    if (query.overdue) {
        result.emplace_back("overdue", "true");
    }
    return result;
}

net::Parameters parametersOf(const HistoryQuery& query)
{
    net::Parameters result{{"limit", std::to_string(query.limit)}};
    addAll(result, "filter", query.filters);
    if (!query.fingerprint.empty()) {
        result.emplace_back("fingerprint", query.fingerprint);
    }
    if (query.from) {
        result.emplace_back("from", base::formatTimestamp(*query.from));
    }
    if (query.to) {
        result.emplace_back("to", base::formatTimestamp(*query.to));
    }
    return result;
}

std::string matcherText(const SilenceMatcher& matcher)
{
    const std::string_view sign =
        matcher.isRegex ? (matcher.isEqual ? "=~" : "!~") : (matcher.isEqual ? "=" : "!=");
    return fmt::format("{}{}{}", matcher.name, sign, model::quote(matcher.value));
}

absl::Status alertError(int status, std::string_view body)
{
    const auto json = Json::parse(body);
    const bool isJson = json.ok() && (json->isString() || json->isObject());
    std::string text = !isJson            ? std::string(body.substr(0, 200))
                       : json->isString() ? json->text()
                                          : (*json)["message"].text();
    if (text.empty()) {
        text = fmt::format("HTTP status {}", status);
    }
    switch (status) {
    case 401:
        return absl::UnauthenticatedError(text);
    case 403:
        return absl::PermissionDeniedError(text);
    case 404: {
        const bool isPath = isJson ? text.starts_with("path ") : !body.empty();
        return isPath ? absl::UnimplementedError("this Alertmanager does not offer it")
                      : absl::NotFoundError(text);
    }
    case 405:
    case 410:
    case 501:
        return absl::UnimplementedError("this Alertmanager does not offer it: " + text);
    case 409:
        return absl::FailedPreconditionError(text);
    default:
        return status < 500 ? absl::InvalidArgumentError(text) : absl::UnavailableError(text);
    }
}

} // namespace narthex::client
