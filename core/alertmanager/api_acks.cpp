// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/api_parts.h"
#include "core/alertmanager/json_text.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/json.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

using discovery::Json;

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kUnprocessable = 422;
constexpr int kServerError = 500;
constexpr std::size_t kMostListed = 10'000;
/// Records that are looked at together.
constexpr std::size_t kPage = 500;
constexpr std::string_view kNotFiring = "not firing";

ApiAnswer failure(const absl::Status& status)
{
    switch (status.code()) {
    case absl::StatusCode::kNotFound:
        return textError(kNotFound, base::messageOf(status));
    case absl::StatusCode::kFailedPrecondition:
        return textError(kConflict, base::messageOf(status));
    case absl::StatusCode::kInvalidArgument:
        return textError(base::messageOf(status) == "comment is required" ? kUnprocessable
                                                                          : kBadRequest,
                         base::messageOf(status));
    case absl::StatusCode::kResourceExhausted:
        return textError(kConflict, base::messageOf(status));
    default:
        return textError(kServerError, base::messageOf(status));
    }
}

MatcherMode modeOf(const Alertmanager& manager)
{
    const auto setup = manager.setup();
    return setup != nullptr ? setup->config->options.mode : MatcherMode::Fallback;
}

/// `expires_in`: a duration, or null for "until resolved". Absent: not said.
absl::StatusOr<std::optional<std::optional<base::Duration>>> expiryOf(const Json& body)
{
    std::optional<std::optional<base::Duration>> result;
    for (const auto& [name, value] : body.members()) {
        if (name != "expires_in") {
            continue;
        }
        if (value.isNull()) {
            result.emplace(base::Duration{});
            continue;
        }
        NARTHEX_ASSIGN_OR_RETURN(const base::Duration duration, base::parseDuration(value.text()));
        result.emplace(duration);
    }
    return result;
}

absl::StatusOr<base::Timestamp> timeParameter(const net::Parameters& query, std::string_view name,
                                              base::Timestamp otherwise)
{
    const auto text = parameter(query, name);
    return text && !text->empty() ? base::parseTimestamp(*text) : otherwise;
}

std::size_t limitOf(const net::Parameters& query)
{
    const auto text = parameter(query, "limit");
    const auto number = text ? base::parseUint(*text) : std::nullopt;
    return number && *number != 0 ? std::min<std::size_t>(*number, kMostListed) : kMostListed;
}

AckSource sourceOf(const std::string& name)
{
    for (const AckSource source :
         {AckSource::Ui, AckSource::DesktopNotification, AckSource::Cli, AckSource::External}) {
        if (text(source) == name) {
            return source;
        }
    }
    return AckSource::Api;
}

/// Fingerprints that a request names, directly or by matchers that are looked at now.
absl::StatusOr<std::vector<Fingerprint>> chosen(const Alertmanager& manager, const Json& body)
{
    std::vector<Fingerprint> result;
    for (const std::string& each : body["alerts"].texts()) {
        const auto fingerprint = parseFingerprint(each);
        if (!fingerprint) {
            return base::invalidArgument("bad fingerprint: {} (16 hexadecimal digits)", each);
        }
        result.push_back(*fingerprint);
    }
    model::Matchers matchers;
    for (const std::string& each : body["filter"].texts()) {
        NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, parseMatcher(each, modeOf(manager)));
        matchers.push_back(std::move(matcher));
    }
    if (result.empty() == matchers.empty()) {
        return base::invalidArgument("give either alerts or filter");
    }
    if (!matchers.empty()) {
        for (const AlertPtr& alert : manager.matching({matchers}, true)) {
            result.push_back(alert->fingerprint);
        }
        std::sort(result.begin(), result.end());
    }
    return result;
}

/// One line of `/history`.
struct HistoryItem
{
    base::Timestamp time;
    std::string json;
};

template <typename Write>
void addItem(std::vector<HistoryItem>& items, base::Timestamp time, std::string_view kind,
             const Write& write)
{
    HistoryItem& item = items.emplace_back(HistoryItem{.time = time});
    base::JsonWriter out(item.json);
    out.beginObject().member("time", apiTime(time)).member("kind", kind);
    write(out);
    out.endObject();
}

void addTransitions(std::vector<HistoryItem>& items, const std::vector<Transition>& transitions)
{
    for (const Transition& each : transitions) {
        addItem(items, each.time, each.kind, [&](base::JsonWriter& out) {
            if (each.fingerprint != 0) {
                out.member("fingerprint", fingerprintText(each.fingerprint));
                out.key("labels");
                writeLabels(out, each.labels);
            }
            if (!each.detail.empty()) {
                out.member("detail", each.detail);
            }
            if (each.value) {
                out.key("value").number(*each.value);
            }
        });
    }
}

void addNotifications(std::vector<HistoryItem>& items,
                      const std::vector<NotificationRecord>& records)
{
    for (const NotificationRecord& each : records) {
        addItem(items, each.time, "notification", [&](base::JsonWriter& out) {
            out.member("group_key", each.groupKey).member("receiver", each.receiver);
            out.member("integration", each.integration).member("reason", each.reason);
            out.key("firing").unsignedInteger(each.firing);
            out.key("resolved").unsignedInteger(each.resolved);
            out.key("attempts").unsignedInteger(each.attempts);
            out.key("duration_seconds").number(each.duration.seconds());
            out.member("result", each.result);
            if (!each.error.empty()) {
                out.member("error", each.error);
            }
            out.key("alerts").beginArray();
            for (const Fingerprint alert : each.alerts) {
                out.string(fingerprintText(alert));
            }
            out.endArray();
        });
    }
}

} // namespace

ApiAnswer ApiAcks::list(const net::Parameters& query) const
{
    const std::string_view state = parameter(query, "state").value_or("open");
    if (state != "open" && state != "ended" && state != "all") {
        return textError(kBadRequest, "state is open, ended or all");
    }
    const auto matchers = filters(query, "filter", modeOf(manager_));
    const auto since = timeParameter(query, "since", base::Timestamp::min());
    if (!matchers.ok() || !since.ok()) {
        return failure(matchers.ok() ? since.status() : matchers.status());
    }
    const bool overdue = flag(query, "overdue", false);
    const auto author = parameter(query, "author");
    const std::string_view cursor = parameter(query, "cursor").value_or("");
    const std::size_t limit = limitOf(query);
    const std::vector<AckExport> exports =
        exporter_ ? exporter_->exports() : std::vector<AckExport>();
    absl::Status status;
    ApiAnswer answer = jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        // A page at a time, so that it takes no more memory than what is answered.
        std::size_t count = 0;
        std::string after(cursor);
        for (bool more = true; more && count < limit;) {
            const auto page = manager_.acknowledgementsAfter(after, kPage, state == "open");
            if (!page.ok()) {
                status = page.status();
                break;
            }
            more = page->size() == kPage;
            for (const Acknowledgement& ack : *page) {
                after = ack.id;
                if (count >= limit || (state != "all" && ack.open() != (state == "open")) ||
                    (overdue && !ack.overdue) || (author && ack.author != *author) ||
                    ack.createdAt < *since || !model::matchesAll(*matchers, ack.labels)) {
                    continue;
                }
                writeAcknowledgement(out, ack, exports);
                ++count;
            }
        }
        // What labels those are for is known to their server alone: a filter leaves them out.
        if (exporter_ != nullptr && state != "ended" && !overdue && matchers->empty() &&
            cursor.empty()) {
            for (const ForeignAck& ack : exporter_->foreign()) {
                if ((!author || ack.author == *author) && ack.since >= *since) {
                    writeForeignAck(out, ack);
                }
            }
        }
        out.endArray();
    });
    return status.ok() ? answer : failure(status);
}

ApiAnswer ApiAcks::post(std::string_view body, const std::string& user)
{
    const auto json = Json::parse(body);
    if (!json.ok() || !json->isObject()) {
        return textError(kBadRequest, "the body is no JSON object");
    }
    const auto alerts = chosen(manager_, *json);
    const auto expiry = expiryOf(*json);
    if (!alerts.ok() || !expiry.ok()) {
        return failure(alerts.ok() ? expiry.status() : alerts.status());
    }
    AckRequest request{.author = user.empty() ? (*json)["author"].text() : user,
                       .comment = (*json)["comment"].text(),
                       .expiresIn = expiry->value_or(std::nullopt),
                       .notify = (*json)["notify"].boolean(),
                       .sticky = (*json)["sticky"].boolean(),
                       .untilWorse = (*json)["until_worse"].boolean(),
                       .source = sourceOf((*json)["source"].text())};
    std::vector<Acknowledgement> acks;
    std::vector<std::pair<Fingerprint, std::string>> skipped;
    absl::Status first = base::notFound("no such alert");
    auto results = manager_.acknowledge(*alerts, request);
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Fingerprint fingerprint = (*alerts)[i];
        auto& ack = results[i];
        if (ack.ok()) {
            acks.push_back(*std::move(ack));
            continue;
        }
        if (!absl::IsNotFound(ack.status()) && !absl::IsFailedPrecondition(ack.status())) {
            return failure(ack.status());
        }
        const bool known = absl::IsFailedPrecondition(ack.status());
        first = ack.status();
        skipped.emplace_back(fingerprint, known ? kNotFiring : "no such alert");
    }
    if (acks.empty()) {
        return failure(first);
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject().key("acks").beginArray();
        for (const Acknowledgement& ack : acks) {
            writeAcknowledgement(out, ack);
        }
        out.endArray().key("skipped").beginArray();
        for (const auto& [fingerprint, reason] : skipped) {
            out.beginObject().member("fingerprint", fingerprintText(fingerprint));
            out.member("reason", reason).endObject();
        }
        out.endArray().endObject();
    });
}

ApiAnswer ApiAcks::get(std::string_view id) const
{
    const auto ack = manager_.acknowledgement(id);
    if (!ack.ok()) {
        return failure(ack.status());
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        writeAcknowledgement(out, *ack,
                             exporter_ ? exporter_->exports() : std::vector<AckExport>());
    });
}

ApiAnswer ApiAcks::patch(std::string_view id, std::string_view body, const std::string& user)
{
    const auto json = Json::parse(body);
    if (!json.ok() || !json->isObject()) {
        return textError(kBadRequest, "the body is no JSON object");
    }
    const auto expiry = expiryOf(*json);
    if (!expiry.ok()) {
        return failure(expiry.status());
    }
    const std::optional<std::string> comment =
        (*json)["comment"].isString() ? std::optional((*json)["comment"].text()) : std::nullopt;
    const auto ack = manager_.changeAcknowledgement(id, comment, *expiry,
                                                    user.empty() ? (*json)["author"].text() : user);
    if (!ack.ok()) {
        return failure(ack.status());
    }
    return jsonAnswer([&](base::JsonWriter& out) { writeAcknowledgement(out, *ack); });
}

ApiAnswer ApiAcks::remove(std::string_view id, const std::string& user)
{
    const absl::Status status = manager_.withdraw(id, user);
    return status.ok() ? ApiAnswer{} : failure(status);
}

ApiAnswer ApiAcks::alerts(const net::Parameters& query) const
{
    const auto filter = AlertFilter::parse(query, manager_.setup());
    if (!filter.ok()) {
        return textError(kBadRequest, base::messageOf(filter.status()));
    }
    const auto wanted = parameter(query, "acknowledged");
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (const AlertView& view : manager_.alerts()) {
            const bool received =
                std::any_of(view.receivers.begin(), view.receivers.end(),
                            [&](const std::string& name) { return filter->takesReceiver(name); });
            if (!received || !filter->takesAlert(view) ||
                (wanted && flag(query, "acknowledged", true) != view.acknowledgement.has_value())) {
                continue;
            }
            out.beginObject();
            writeAlertMembers(out, view);
            if (view.acknowledgement) {
                out.key("acknowledgement");
                writeAcknowledgement(out, *view.acknowledgement);
            }
            if (view.episode) {
                out.key("episode").beginObject().member("id", view.episode->id);
                out.member("since", apiTime(view.episode->startedAt)).endObject();
            }
            out.endObject();
        }
        out.endArray();
    });
}

ApiAnswer ApiAcks::history(const net::Parameters& query) const
{
    HistoryQuery wanted{.limit = limitOf(query)};
    const auto from = timeParameter(query, "from", base::Timestamp::min());
    const auto to = timeParameter(query, "to", base::Timestamp::max());
    const auto matchers = filters(query, "filter", modeOf(manager_));
    for (const absl::Status& status : {from.status(), to.status(), matchers.status()}) {
        if (!status.ok()) {
            return failure(status);
        }
    }
    wanted.from = *from;
    wanted.to = *to;
    if (const auto fingerprint = parameter(query, "fingerprint")) {
        wanted.fingerprint = parseFingerprint(*fingerprint);
        if (!wanted.fingerprint) {
            return textError(kBadRequest, "bad fingerprint (16 hexadecimal digits)");
        }
    }
    if (const auto cursor = parameter(query, "cursor")) {
        wanted.cursor = base::parseInt(*cursor).value_or(0);
    }
    auto transitions = manager_.history().transitions(wanted);
    auto notifications = manager_.history().notifications(wanted);
    if (!transitions.ok() || !notifications.ok()) {
        return failure(transitions.ok() ? notifications.status() : transitions.status());
    }
    if (!matchers->empty()) {
        std::erase_if(*transitions, [&](const Transition& each) {
            return !model::matchesAll(*matchers, each.labels);
        });
        std::vector<Fingerprint> seen;
        for (const Transition& each : *transitions) {
            seen.push_back(each.fingerprint);
        }
        std::sort(seen.begin(), seen.end());
        std::erase_if(*notifications, [&](const NotificationRecord& each) {
            return std::none_of(each.alerts.begin(), each.alerts.end(), [&](Fingerprint alert) {
                return std::binary_search(seen.begin(), seen.end(), alert);
            });
        });
    }
    std::vector<HistoryItem> items;
    addTransitions(items, *transitions);
    addNotifications(items, *notifications);
    std::stable_sort(items.begin(), items.end(),
                     [](const HistoryItem& a, const HistoryItem& b) { return a.time < b.time; });
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginArray();
        for (const HistoryItem& item : items) {
            out.raw(item.json);
        }
        out.endArray();
    });
}

ApiAnswer ApiAcks::explain(std::string_view fingerprint) const
{
    const auto parsed = parseFingerprint(fingerprint);
    if (!parsed) {
        return textError(kBadRequest, "bad fingerprint (16 hexadecimal digits)");
    }
    const auto explanation = manager_.explain(*parsed);
    if (!explanation.ok()) {
        return failure(explanation.status());
    }
    return jsonAnswer([&](base::JsonWriter& out) {
        out.beginObject().key("alert").beginObject();
        writeAlertMembers(out, explanation->view);
        out.endObject().key("route").beginArray();
        for (const Explanation::RouteStep& step : explanation->route) {
            out.beginObject().key("depth").unsignedInteger(step.depth);
            out.member("matchers", step.matchers).member("receiver", step.receiver);
            out.key("matched").boolean(step.matched).member("why", step.why).endObject();
        }
        out.endArray().key("groups").beginArray();
        for (const Explanation::GroupPart& group : explanation->groups) {
            out.beginObject().member("key", group.key).member("receiver", group.receiver);
            out.member("next_flush", apiTime(group.nextFlush));
            out.key("sending").boolean(group.sending);
            out.key("integrations").beginArray();
            for (const Explanation::IntegrationPart& each : group.integrations) {
                out.beginObject().member("name", each.name).member("last", each.last);
                out.member("next", each.next).endObject();
            }
            out.endArray().endObject();
        }
        out.endArray().key("sentences").beginArray();
        for (const std::string& sentence : explanation->sentences) {
            out.string(sentence);
        }
        out.endArray().endObject();
    });
}

} // namespace narthex::alertmanager
