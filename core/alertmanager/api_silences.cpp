// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/api_parts.h"
#include "core/alertmanager/json_text.h"
#include "core/base/status.h"
#include "core/discovery/json.h"

namespace narthex::alertmanager {
namespace {

using discovery::Json;

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kServerError = 500;
/// Beyond it alerts are counted, not listed.
constexpr std::size_t kMostListed = 1000;

/// A silence in the form of version 2 (`matchers`) or as texts (`filter`). Absent times: from now
/// on, for long.
absl::StatusOr<Silence> readSilence(const Alertmanager& manager, const Json& json)
{
    Silence silence{.startsAt = manager.now(), .endsAt = base::Timestamp::max()};
    const auto setup = manager.setup();
    const MatcherMode mode = setup != nullptr ? setup->config->options.mode : MatcherMode::Fallback;
    if (json["matchers"].isArray()) {
        silence.matcherSets = matcherSetsFromJson("[" + json["matchers"].json() + "]");
        if (silence.matcherSets.empty() ||
            silence.matcherSets.front().size() != json["matchers"].items().size()) {
            return base::invalidArgument("matchers is a list of {{name, value, isRegex, isEqual}} "
                                         "with regular expressions that compile");
        }
    } else {
        model::Matchers& set = silence.matcherSets.emplace_back();
        for (const std::string& each : json["filter"].texts()) {
            NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, parseMatcher(each, mode));
            set.push_back(std::move(matcher));
        }
    }
    if (silence.matcherSets.front().empty()) {
        return base::invalidArgument("give at least one matcher");
    }
    if (json["startsAt"].isString()) {
        NARTHEX_ASSIGN_OR_RETURN(silence.startsAt, base::parseTimestamp(json["startsAt"].text()));
    }
    if (json["endsAt"].isString()) {
        NARTHEX_ASSIGN_OR_RETURN(silence.endsAt, base::parseTimestamp(json["endsAt"].text()));
    }
    return silence;
}

void writeWarnings(base::JsonWriter& out, const std::vector<SilenceWarning>& warnings)
{
    out.key("warnings").beginArray();
    for (const SilenceWarning& each : warnings) {
        out.beginObject().member("kind", text(each.concern));
        out.member("message", each.message).endObject();
    }
    out.endArray();
}

void writePreview(base::JsonWriter& out, const SilencePreview& preview)
{
    out.key("matching").unsignedInteger(preview.alerts.size());
    out.key("alerts").beginArray();
    for (std::size_t i = 0; i < std::min(preview.alerts.size(), kMostListed); ++i) {
        const Alert& alert = *preview.alerts[i];
        out.beginObject().member("fingerprint", fingerprintText(alert.fingerprint));
        out.key("labels");
        writeLabels(out, alert.labels);
        out.member("startsAt", apiTime(alert.startsAt)).endObject();
    }
    out.endArray();
    writeWarnings(out, preview.warnings);
}

} // namespace

ApiAnswer ApiSilences::preview(std::string_view body) const
{
    const auto json = Json::parse(body);
    if (!json.ok() || !json->isObject()) {
        return textError(kBadRequest, "the body is no JSON object");
    }
    const auto silence = readSilence(manager_, *json);
    if (!silence.ok()) {
        return textError(kBadRequest, base::messageOf(silence.status()));
    }
    const SilencePreview preview = manager_.previewSilence(*silence);
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject();
        writePreview(out, preview);
        out.endObject();
    });
}

ApiAnswer ApiSilences::warnings() const
{
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (const WarnedSilence& each : manager_.silenceWarnings()) {
            out.beginObject().key("silence");
            writeSilence(out, *each.silence, manager_.now());
            writeWarnings(out, each.warnings);
            out.endObject();
        }
        out.endArray();
    });
}

ApiAnswer ApiSilences::get(std::string_view id) const
{
    const auto detail = manager_.silenceDetail(id);
    if (!detail.ok()) {
        return textError(absl::IsNotFound(detail.status()) ? kNotFound : kServerError,
                         base::messageOf(detail.status()));
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject().key("silence");
        writeSilence(out, *detail->silence, manager_.now());
        writePreview(out, detail->preview);
        out.key("suppressed").beginArray();
        for (const SuppressedAlert& each : detail->suppressed) {
            out.beginObject().member("fingerprint", fingerprintText(each.fingerprint));
            out.key("labels");
            writeLabels(out, each.labels);
            out.member("first", apiTime(each.first)).member("last", apiTime(each.last));
            out.endObject();
        }
        out.endArray().endObject();
    });
}

} // namespace narthex::alertmanager
