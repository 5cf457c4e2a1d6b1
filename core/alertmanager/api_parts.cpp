// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/api_parts.h"

#include "core/alertmanager/json_text.h"
#include "core/alertmanager/silences.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {

ApiAnswer schemaError(int status, int code, std::string_view message)
{
    ApiAnswer answer = jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject().key("code").integer(code).member("message", message).endObject();
    });
    answer.status = status;
    return answer;
}

ApiAnswer textError(int status, std::string_view message)
{
    ApiAnswer answer{.status = status};
    base::appendJsonString(answer.body, message);
    return answer;
}

ApiAnswer jsonAnswer(const std::function<void(base::JsonWriter&)>& write)
{
    ApiAnswer answer;
    base::JsonWriter out(answer.body);
    write(out);
    return answer;
}

std::optional<std::string_view> parameter(const net::Parameters& query, std::string_view name)
{
    for (const auto& [key, value] : query) {
        if (key == name) {
            return value;
        }
    }
    return std::nullopt;
}

bool flag(const net::Parameters& query, std::string_view name, bool otherwise)
{
    constexpr std::array<std::string_view, 10> kTrue = {
        "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"};
    const auto value = parameter(query, name);
    if (!value || value->empty()) {
        return otherwise;
    }
    std::string lower(*value);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return std::find(kTrue.begin(), kTrue.end(), lower) != kTrue.end();
}

absl::StatusOr<model::Matchers> filters(const net::Parameters& query, std::string_view name,
                                        MatcherMode mode)
{
    model::Matchers matchers;
    for (const auto& [key, value] : query) {
        if (key != name) {
            continue;
        }
        NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, parseMatcher(value, mode));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

absl::StatusOr<AlertFilter> AlertFilter::parse(const net::Parameters& query,
                                               std::shared_ptr<const Setup> setup)
{
    const MatcherMode mode = setup != nullptr ? setup->config->options.mode : MatcherMode::Fallback;
    AlertFilter filter{.active = flag(query, "active", true),
                       .silenced = flag(query, "silenced", true),
                       .inhibited = flag(query, "inhibited", true),
                       .unprocessed = flag(query, "unprocessed", true),
                       .muted = flag(query, "muted", true),
                       .setup = std::move(setup)};
    NARTHEX_ASSIGN_OR_RETURN(filter.matchers, filters(query, "filter", mode));
    NARTHEX_ASSIGN_OR_RETURN(filter.receiverMatchers, filters(query, "receiver_matchers", mode));
    if (const auto pattern = parameter(query, "receiver"); pattern && !pattern->empty()) {
        auto regex = model::Regex::create(*pattern);
        if (!regex.ok()) {
            return base::annotate(regex.status(), "failed to parse receiver param");
        }
        filter.receiver = *std::move(regex);
    }
    return filter;
}

bool AlertFilter::takesReceiver(const std::string& name) const
{
    if (receiver && !receiver->matches(name)) {
        return false;
    }
    if (receiverMatchers.empty()) {
        return true;
    }
    const ReceiverSettings* settings = setup != nullptr ? setup->config->receiver(name) : nullptr;
    return settings != nullptr &&
           std::all_of(receiverMatchers.begin(), receiverMatchers.end(),
                       [&](const model::Matcher& matcher) {
                           const auto label = settings->labels.find(matcher.name());
                           return matcher.matches(label == settings->labels.end()
                                                      ? std::string_view()
                                                      : std::string_view(label->second));
                       });
}

bool AlertFilter::takesAlert(const AlertView& view) const
{
    if ((!active && view.state == AlertState::Active) ||
        (!unprocessed && view.state == AlertState::Unprocessed) ||
        (!silenced && !view.silencedBy.empty()) || (!inhibited && !view.inhibitedBy.empty()) ||
        (!muted && !view.mutedBy.empty())) {
        return false;
    }
    return model::matchesAll(matchers, view.alert->labels);
}

void writeAlertMembers(base::JsonWriter& out, const AlertView& view)
{
    const Alert& alert = *view.alert;
    out.key("annotations");
    writeLabels(out, alert.annotations);
    out.member("endsAt", apiTime(alert.endsAt));
    out.member("fingerprint", fingerprintText(alert.fingerprint));
    out.key("receivers").beginArray();
    for (const std::string& name : view.receivers) {
        out.beginObject().member("name", name).endObject();
    }
    out.endArray();
    out.member("startsAt", apiTime(alert.startsAt));
    out.key("status").beginObject();
    out.key("inhibitedBy").beginArray();
    for (const Fingerprint source : view.inhibitedBy) {
        out.string(fingerprintText(source));
    }
    out.endArray().key("mutedBy").beginArray();
    for (const std::string& name : view.mutedBy) {
        out.string(name);
    }
    out.endArray().key("silencedBy").beginArray();
    for (const std::string& id : view.silencedBy) {
        out.string(id);
    }
    out.endArray().member("state", text(view.state)).endObject();
    out.member("updatedAt", apiTime(alert.updatedAt));
    if (!alert.generatorUrl.empty()) {
        out.member("generatorURL", alert.generatorUrl);
    }
    out.key("labels");
    writeLabels(out, alert.labels);
}

void writeSilence(base::JsonWriter& out, const Silence& silence, base::Timestamp now)
{
    out.beginObject().member("id", silence.id);
    out.key("status").beginObject().member("state", text(silence.stateAt(now))).endObject();
    out.member("updatedAt", apiTime(silence.updatedAt));
    if (!silence.annotations.empty()) {
        out.key("annotations").raw(textMapJson(silence.annotations));
    }
    out.member("comment", silence.comment).member("createdBy", silence.createdBy);
    out.member("endsAt", apiTime(silence.endsAt));
    // One set is all that the form of version 2 has room for.
    const std::string sets = matcherSetsJson({silence.matcherSets.front()});
    out.key("matchers").raw(std::string_view(sets).substr(1, sets.size() - 2));
    out.member("startsAt", apiTime(*silence.startsAt)).endObject();
}

void writeForeignAck(base::JsonWriter& out, const ForeignAck& ack)
{
    out.beginObject().member("id", ack.silenceId).member("source", text(AckSource::External));
    out.member("state", "open").member("target", ack.target).member("silence_id", ack.silenceId);
    out.member("author", ack.author).member("comment", ack.comment);
    out.member("since", apiTime(ack.since)).member("expires_at", apiTime(ack.endsAt)).endObject();
}

void writeAcknowledgement(base::JsonWriter& out, const Acknowledgement& ack,
                          std::span<const AckExport> exports)
{
    const auto optionalTime = [&](std::string_view name,
                                  const std::optional<base::Timestamp>& time) {
        out.key(name);
        time ? out.string(apiTime(*time)) : out.null();
    };
    out.beginObject().member("id", ack.id);
    out.member("fingerprint", fingerprintText(ack.fingerprint)).member("episode", ack.episode);
    out.key("labels");
    writeLabels(out, ack.labels);
    out.member("author", ack.author).member("comment", ack.comment);
    out.member("created_at", apiTime(ack.createdAt)).member("since", apiTime(ack.since));
    optionalTime("expires_at", ack.expiresAt);
    out.key("notify").boolean(ack.notify).key("sticky").boolean(ack.sticky);
    out.key("until_worse").boolean(ack.untilWorse);
    out.member("source", text(ack.source));
    out.member("state", ack.endedAt ? "ended" : ack.waitingUntil ? "waiting" : "open");
    out.key("overdue").boolean(ack.overdue);
    optionalTime("waiting_until", ack.waitingUntil);
    optionalTime("ended_at", ack.endedAt);
    if (ack.endedAt) {
        out.member("end_reason", text(ack.endReason)).member("ended_by", ack.endedBy);
    }
    out.key("exports").beginArray();
    for (const AckExport& each : exports) {
        if (each.standsFor(ack.id)) {
            out.beginObject().member("target", each.target).member("silence_id", each.silenceId);
            out.member("ends_at", apiTime(each.endsAt));
            optionalTime("last_extended_at", each.lastExtendedAt);
            out.member("last_error", each.lastError).endObject();
        }
    }
    out.endArray().endObject();
}

} // namespace narthex::alertmanager
