// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/api_parts.h"
#include "core/alertmanager/json_text.h"
#include "core/base/status.h"
#include "core/discovery/json.h"
#include "core/net/url.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

using discovery::Json;

// What the schema's checks are called by, as clients know them.
constexpr int kInvalidType = 601;
constexpr int kRequired = 602;
constexpr int kTooFewItems = 612;
constexpr int kUnprocessable = 422;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kUnsupportedMediaType = 415;
constexpr int kServerError = 500;

std::optional<ApiAnswer> checkType(std::string_view contentType)
{
    const std::string_view type = contentType.substr(0, contentType.find(';'));
    if (type == "application/json") {
        return std::nullopt;
    }
    return schemaError(kUnsupportedMediaType, kUnsupportedMediaType,
                       fmt::format("unsupported media type \"{}\", only [application/json] are "
                                   "allowed",
                                   type));
}

ApiAnswer required(std::string_view field)
{
    return schemaError(kUnprocessable, kRequired, fmt::format("{} in body is required", field));
}

ApiAnswer badBody(std::string_view what, std::string_view why)
{
    return schemaError(kBadRequest, kBadRequest,
                       fmt::format("parsing {} body from \"\" failed, because {}", what, why));
}

/// A time, or why it is none. Absent and empty: no time.
absl::StatusOr<std::optional<base::Timestamp>> timeOf(const Json& value, std::string_view name)
{
    if (value.isNull() || (value.isString() && value.text().empty())) {
        return std::optional<base::Timestamp>();
    }
    const std::string text = value.text();
    const auto time = base::parseTimestamp(text);
    if (!value.isString() || !time.ok() || text.find('T') == std::string::npos) {
        return base::invalidArgument("{}: \"{}\" is not a time as in RFC 3339", name, text);
    }
    constexpr base::Timestamp kYearOne{-62'135'596'800'000};
    return *time == kYearOne ? std::optional<base::Timestamp>() : std::optional(*time);
}

absl::StatusOr<model::Labels> labelsOf(const Json& value, std::string_view name)
{
    if (!value.isNull() && !value.isObject()) {
        return base::invalidArgument("{} is not an object", name);
    }
    model::LabelsBuilder builder;
    for (const auto& [key, text] : value.members()) {
        if (!text.isString()) {
            return base::invalidArgument("{}.{} is not a string", name, key);
        }
        builder.set(key, text.text());
    }
    return builder.build();
}

/// Active ones by their end, pending ones by their start, expired ones newest first.
bool listedBefore(const Silence& a, const Silence& b, base::Timestamp now)
{
    const SilenceState left = a.stateAt(now);
    const SilenceState right = b.stateAt(now);
    const auto rank = [](SilenceState state) {
        return state == SilenceState::Active ? 0 : state == SilenceState::Pending ? 1 : 2;
    };
    if (left != right) {
        return rank(left) < rank(right);
    }
    switch (left) {
    case SilenceState::Active:
        return a.endsAt < b.endsAt;
    case SilenceState::Pending:
        return *a.startsAt < *b.startsAt;
    case SilenceState::Expired:
        break;
    }
    return b.endsAt < a.endsAt;
}

bool passes(const Silence& silence, const model::Matchers& wanted)
{
    return std::all_of(wanted.begin(), wanted.end(), [&](const model::Matcher& filter) {
        return std::any_of(
            silence.matcherSets.begin(), silence.matcherSets.end(),
            [&](const model::Matchers& set) {
                return std::any_of(set.begin(), set.end(), [&](const model::Matcher& matcher) {
                    return matcher.name() == filter.name() && filter.matches(matcher.value());
                });
            });
    });
}

/// The matchers of a posted silence, or the answer that says what is wrong.
std::optional<ApiAnswer> readMatchers(const Json& list, model::Matchers& out)
{
    if (list.isNull()) {
        return required("matchers");
    }
    const std::vector<Json> items = list.items();
    if (items.empty()) {
        return schemaError(kUnprocessable, kTooFewItems,
                           "matchers in body should have at least 1 items");
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        for (const char* name : {"isRegex", "name", "value"}) {
            if (items[i][name].isNull()) {
                return required(fmt::format("matchers.{}.{}", i, name));
            }
        }
        using enum model::MatchType;
        const bool equal = items[i]["isEqual"].boolean(true);
        const model::MatchType type =
            items[i]["isRegex"].boolean() ? (equal ? Regex : NotRegex) : (equal ? Equal : NotEqual);
        auto matcher =
            model::Matcher::create(type, items[i]["name"].text(), items[i]["value"].text());
        if (!matcher.ok()) {
            return textError(kBadRequest, base::messageOf(matcher.status()));
        }
        out.push_back(*std::move(matcher));
    }
    return std::nullopt;
}

/// A posted silence, or the answer that says what is wrong.
std::optional<ApiAnswer> readSilence(const Json& json, base::Timestamp now, Silence& out)
{
    for (const char* name : {"comment", "createdBy", "endsAt"}) {
        if (json[name].isNull()) {
            return required(name);
        }
    }
    if (auto wrong = readMatchers(json["matchers"], out.matcherSets.emplace_back())) {
        return wrong;
    }
    if (json["startsAt"].isNull()) {
        return required("startsAt");
    }
    const auto start = timeOf(json["startsAt"], "startsAt");
    const auto end = timeOf(json["endsAt"], "endsAt");
    if (!start.ok() || !end.ok()) {
        return badBody("silence", base::messageOf(start.ok() ? end.status() : start.status()));
    }
    out.id = json["id"].text();
    out.startsAt = *start;
    out.endsAt = end->value_or(base::Timestamp{});
    out.createdBy = json["createdBy"].text();
    out.comment = json["comment"].text();
    out.annotations = textMapFromJson(json["annotations"].json());
    if (out.startsAt.value_or(now) >= out.endsAt && out.startsAt) {
        return textError(kBadRequest,
                         "Failed to create silence: start time must be before end time");
    }
    if (out.endsAt < now) {
        return textError(kBadRequest, "Failed to create silence: end time can't be in the past");
    }
    return std::nullopt;
}

ApiAnswer notUuid(std::string_view id)
{
    return schemaError(kUnprocessable, kInvalidType,
                       fmt::format("silenceID in path must be of type uuid: {}", model::quote(id)));
}

/// The posted alerts, or the answer that says what is wrong.
std::optional<ApiAnswer> readAlerts(const Json& list, model::Alerts& out)
{
    if (!list.isArray()) {
        return badBody("alerts", "json: cannot unmarshal it into a list of alerts");
    }
    const std::vector<Json> items = list.items();
    for (std::size_t i = 0; i < items.size(); ++i) {
        const Json& item = items[i];
        if (item["labels"].isNull()) {
            return required(fmt::format("{}.labels", i));
        }
        const std::string url = item["generatorURL"].text();
        if (!url.empty() && url.find("://") == std::string::npos && !url.starts_with('/')) {
            return schemaError(kUnprocessable, kInvalidType,
                               fmt::format("{}.generatorURL in body must be of type uri: {}", i,
                                           model::quote(url)));
        }
        auto labels = labelsOf(item["labels"], "labels");
        auto annotations = labelsOf(item["annotations"], "annotations");
        const auto start = timeOf(item["startsAt"], "startsAt");
        const auto end = timeOf(item["endsAt"], "endsAt");
        for (const absl::Status& status :
             {labels.status(), annotations.status(), start.status(), end.status()}) {
            if (!status.ok()) {
                return badBody("alerts", base::messageOf(status));
            }
        }
        out.push_back({.labels = *std::move(labels),
                       .annotations = *std::move(annotations),
                       .startsAt = *start,
                       .endsAt = *end,
                       .generatorUrl = url});
    }
    return std::nullopt;
}

} // namespace

ApiAnswer ApiV2::status() const
{
    const auto setup = manager_.setup();
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject();
        out.key("cluster").beginObject().key("peers").beginArray().endArray();
        out.member("status", "disabled").endObject();
        out.key("config").beginObject();
        out.member("original", setup != nullptr ? setup->printed : "").endObject();
        out.member("uptime", apiTime(manager_.startedAt()));
        out.key("versionInfo").beginObject();
        for (const std::string_view name : {"branch", "buildDate", "buildUser", "goVersion"}) {
            out.member(name, "");
        }
        out.member("revision", "").member("version", manager_.options().version);
        out.endObject().endObject();
    });
}

ApiAnswer ApiV2::receivers(const net::Parameters& query) const
{
    const auto filter = AlertFilter::parse(query, manager_.setup());
    if (!filter.ok()) {
        return textError(kBadRequest, base::messageOf(filter.status()));
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        if (filter->setup != nullptr) {
            for (const ReceiverSettings& receiver : filter->setup->config->receivers) {
                if (filter->takesReceiver(receiver.name)) {
                    out.beginObject().key("labels").raw(textMapJson(receiver.labels));
                    out.member("name", receiver.name).endObject();
                }
            }
        }
        out.endArray();
    });
}

ApiAnswer ApiV2::alerts(const net::Parameters& query) const
{
    const auto filter = AlertFilter::parse(query, manager_.setup());
    if (!filter.ok()) {
        return textError(kBadRequest, base::messageOf(filter.status()));
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (const AlertView& view : manager_.alerts()) {
            const bool received =
                std::any_of(view.receivers.begin(), view.receivers.end(),
                            [&](const std::string& name) { return filter->takesReceiver(name); });
            if (received && filter->takesAlert(view)) {
                out.beginObject();
                writeAlertMembers(out, view);
                out.endObject();
            }
        }
        out.endArray();
    });
}

ApiAnswer ApiV2::postAlerts(std::string_view contentType, std::string_view body)
{
    if (auto wrong = checkType(contentType)) {
        return *wrong;
    }
    if (body.empty()) {
        return required("alerts");
    }
    const auto json = Json::parse(body);
    if (!json.ok()) {
        return badBody("alerts", base::messageOf(json.status()));
    }
    model::Alerts alerts;
    if (auto wrong = readAlerts(*json, alerts)) {
        return *wrong;
    }
    const PutResult result = manager_.put(alerts);
    if (!result.invalid.empty()) {
        return textError(kBadRequest, fmt::format("{}", fmt::join(result.invalid, "; ")));
    }
    return {};
}

ApiAnswer ApiV2::groups(const net::Parameters& query) const
{
    const auto filter = AlertFilter::parse(query, manager_.setup());
    if (!filter.ok()) {
        return textError(kBadRequest, base::messageOf(filter.status()));
    }
    std::vector<GroupView> views = manager_.groups();
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (GroupView& group : views) {
            if (!filter->takesReceiver(group.receiver) ||
                std::none_of(group.alerts.begin(), group.alerts.end(),
                             [&](const AlertView& view) { return filter->takesAlert(view); })) {
                continue;
            }
            out.beginObject().key("alerts").beginArray();
            for (AlertView& view : group.alerts) {
                if (filter->takesAlert(view)) {
                    std::erase_if(view.receivers, [&](const std::string& name) {
                        return !filter->takesReceiver(name);
                    });
                    out.beginObject();
                    writeAlertMembers(out, view);
                    out.endObject();
                }
            }
            out.endArray().key("labels");
            writeLabels(out, group.labels);
            out.key("receiver").beginObject().member("name", group.receiver).endObject();
            out.key("routeLabels")
                .raw(textMapJson({group.routeLabels.begin(), group.routeLabels.end()}))
                .endObject();
        }
        out.endArray();
    });
}

ApiAnswer ApiV2::silences(const net::Parameters& query) const
{
    const auto setup = manager_.setup();
    const auto wanted = filters(
        query, "filter", setup != nullptr ? setup->config->options.mode : MatcherMode::Fallback);
    if (!wanted.ok()) {
        return textError(kBadRequest, base::messageOf(wanted.status()));
    }
    const base::Timestamp now = manager_.now();
    std::vector<SilencePtr> list = manager_.silences();
    std::erase_if(list, [&](const SilencePtr& each) {
        return !passes(*each, *wanted) || !flag(query, text(each->stateAt(now)), true);
    });
    std::stable_sort(list.begin(), list.end(), [now](const SilencePtr& a, const SilencePtr& b) {
        return listedBefore(*a, *b, now);
    });
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (const SilencePtr& each : list) {
            writeSilence(out, *each, now);
        }
        out.endArray();
    });
}

ApiAnswer ApiV2::postSilence(std::string_view contentType, std::string_view body)
{
    if (auto wrong = checkType(contentType)) {
        return *wrong;
    }
    if (body.empty()) {
        return required("silence");
    }
    const auto json = Json::parse(body);
    if (!json.ok() || !json->isObject()) {
        return badBody("silence", json.ok() ? "json: cannot unmarshal it into a silence"
                                            : base::messageOf(json.status()));
    }
    Silence silence;
    if (auto wrong = readSilence(*json, manager_.now(), silence)) {
        return *wrong;
    }
    const auto id = manager_.setSilence(std::move(silence));
    if (!id.ok()) {
        if (absl::IsNotFound(id.status())) {
            return textError(kNotFound, base::messageOf(id.status()));
        }
        const bool wrong = absl::IsInvalidArgument(id.status());
        return textError(
            wrong || absl::IsResourceExhausted(id.status()) ? kBadRequest : kServerError,
            fmt::format("{}{}", wrong ? "invalid silence: " : "", base::messageOf(id.status())));
    }
    return jsonAnswer(
        [&](base::JsonWriter& out) { out.beginObject().member("silenceID", *id).endObject(); });
}

ApiAnswer ApiV2::silence(std::string_view id) const
{
    if (!isUuid(id)) {
        return notUuid(id);
    }
    const SilencePtr silence = manager_.silence(id);
    if (silence == nullptr) {
        return {.status = kNotFound};
    }
    return jsonAnswer([&](base::JsonWriter& out) { writeSilence(out, *silence, manager_.now()); });
}

ApiAnswer ApiV2::deleteSilence(std::string_view id)
{
    if (!isUuid(id)) {
        return notUuid(id);
    }
    const absl::Status status = manager_.expireSilence(id);
    if (absl::IsNotFound(status)) {
        return {.status = kNotFound};
    }
    return status.ok() ? ApiAnswer{} : textError(kServerError, base::messageOf(status));
}

ApiAnswer ApiV2::removedV1()
{
    constexpr int kGone = 410;
    ApiAnswer answer = jsonAnswer([](base::JsonWriter& out) {
        out.beginObject().member("status", "deprecated");
        out.member("error", "The Alertmanager v1 API was deprecated in version 0.16.0 and is "
                            "removed as of version 0.27.0 - please use the equivalent route in "
                            "the v2 API");
        out.endObject();
    });
    answer.status = kGone;
    return answer;
}

} // namespace narthex::alertmanager
