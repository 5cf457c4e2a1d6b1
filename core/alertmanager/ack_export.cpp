// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/ack_export.h"

#include "core/alertmanager/export_plan.h"
#include "core/alertmanager/json_text.h"
#include "core/alertmanager/silences.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <algorithm>
#include <set>

namespace narthex::alertmanager {
namespace {

using discovery::Json;

constexpr base::Duration kTimeout = 10_s;
constexpr std::string_view kAckAnnotation = "narthex_ack";
constexpr std::string_view kInstanceAnnotation = "narthex_instance";

/// 0.34 and later keep annotations of silences.
bool keepsAnnotations(std::string_view version)
{
    constexpr std::uint64_t kMinor = 34;
    const std::size_t dot = version.find('.');
    if (dot == std::string_view::npos) {
        return false;
    }
    const std::string_view rest = version.substr(dot + 1);
    const auto major = base::parseUint(version.substr(0, dot));
    const auto minor = base::parseUint(rest.substr(0, rest.find_first_not_of("0123456789")));
    return major && minor && (*major > 0 || *minor >= kMinor);
}

/// One id is for all alerts.
std::vector<std::string> idsOf(const PlannedSilence& planned, const std::vector<std::string>& all)
{
    if (all.size() == 1) {
        return all;
    }
    std::vector<std::string> ids;
    for (const std::size_t position : planned.alerts) {
        ids.push_back(all[position]);
    }
    return ids;
}

base::Timestamp timeOf(const Json& value)
{
    const auto time = base::parseTimestamp(value.text());
    return time.ok() ? *time : base::Timestamp{};
}

} // namespace

bool AckExport::standsFor(std::string_view ackId) const
{
    return std::find(ackIds.begin(), ackIds.end(), ackId) != ackIds.end();
}

AckExporter::AckExporter(AckSettings settings, std::string instance, Environment environment)
    : settings_(std::move(settings)),
      instance_(std::move(instance)),
      environment_(std::move(environment)),
      writer_(environment_.database)
{}

AckExporter::~AckExporter()
{
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        stopping_ = true;
        timer = timer_;
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    lane_.stop();
    settle();
}

void AckExporter::schedule()
{
    timer_ = environment_.timers.schedule(settings_.exportInterval, [this] {
        poll();
        const absl::MutexLock lock(&mutex_);
        if (!stopping_) {
            schedule();
        }
    });
}

void AckExporter::setAccess(const std::string& target, Access access)
{
    const absl::MutexLock lock(&mutex_);
    access_[target] = std::move(access);
}

void AckExporter::watch(const std::string& target, Access access)
{
    const absl::MutexLock lock(&mutex_);
    access_[target] = std::move(access);
    foreign_.try_emplace(target);
}

void AckExporter::unwatch(const std::string& target)
{
    const absl::MutexLock lock(&mutex_);
    foreign_.erase(target);
}

absl::StatusOr<Json> AckExporter::ask(const std::string& target, std::string_view path,
                                      const net::Parameters& query,
                                      const std::stop_token& stop) const
{
    return client(target).getJson(discovery::joinUrl(target, path, query), stop);
}

discovery::ApiClient AckExporter::client(const std::string& target) const
{
    Access access;
    {
        const absl::MutexLock lock(&mutex_);
        const auto found = access_.find(target);
        access = found != access_.end() && found->second != nullptr
                     ? found->second
                     : std::make_shared<const net::HttpClientConfig>();
    }
    return discovery::ApiClient::sharing({.http = environment_.http,
                                          .clock = environment_.timers.clock(),
                                          .log = environment_.log,
                                          .metrics = requestMetrics_},
                                         std::move(access), kTimeout);
}

absl::StatusOr<bool> AckExporter::supportsAnnotations(const std::string& target,
                                                      const std::stop_token& stop)
{
    {
        const absl::MutexLock lock(&mutex_);
        if (const auto known = annotations_.find(target); known != annotations_.end()) {
            return known->second;
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json status, ask(target, "/api/v2/status", {}, stop));
    const bool supported = keepsAnnotations(status["versionInfo"]["version"].text());
    const absl::MutexLock lock(&mutex_);
    annotations_[target] = supported;
    return supported;
}

absl::StatusOr<std::string> AckExporter::postSilence(AckExport& exported, bool annotations,
                                                     const std::stop_token& stop)
{
    std::string body;
    base::JsonWriter out(body);
    out.beginObject();
    if (!exported.silenceId.empty()) {
        out.member("id", exported.silenceId);
    }
    const std::string sets = matcherSetsJson({exported.matchers});
    out.key("matchers").raw(std::string_view(sets).substr(1, sets.size() - 2));
    out.member("startsAt", exported.startsAt).member("endsAt", apiTime(exported.endsAt));
    out.member("createdBy", exported.author);
    std::string comment = settings_.exportPrefix;
    comment += exported.comment.empty() ? "" : " " + exported.comment;
    if (annotations) {
        out.key("annotations").beginObject().member(kAckAnnotation, exported.ackIds.front());
        out.member(kInstanceAnnotation, instance_).endObject();
    } else {
        comment += fmt::format(" [narthex:{}]", exported.ackIds.front());
    }
    out.member("comment", comment).endObject();
    NARTHEX_ASSIGN_OR_RETURN(
        const net::HttpResponse answer,
        client(exported.target)
            .send({.method = "POST",
                   .url = discovery::joinUrl(exported.target, "/api/v2/silences"),
                   .headers = {{"Content-Type", "application/json"}},
                   .body = body},
                  stop));
    constexpr int kOk = 200;
    constexpr int kNotFound = 404;
    if (answer.status == kNotFound && !exported.silenceId.empty()) {
        return base::notFound("the silence is gone");
    }
    if (answer.status != kOk) {
        return base::unavailable("{} answers {}: {}", exported.target, answer.status,
                                 answer.body.substr(0, 200));
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json json, Json::parse(answer.body));
    return json["silenceID"].text();
}

absl::StatusOr<std::vector<AckExport>>
AckExporter::acknowledge(const std::string& target, std::span<const model::Labels> alerts,
                         const std::vector<std::string>& ackIds, const AckRequest& request,
                         const std::stop_token& stop)
{
    if (!settings_.exportEnabled) {
        return base::failedPrecondition("ack.export.enabled is off: acknowledgements are not "
                                        "carried to external Alertmanagers");
    }
    NARTHEX_ASSIGN_OR_RETURN(std::vector<PlannedSilence> plan, planSilences(alerts));
    NARTHEX_ASSIGN_OR_RETURN(const bool annotations, supportsAnnotations(target, stop));
    const base::Timestamp now = environment_.timers.clock().now();
    std::vector<AckExport> made;
    for (PlannedSilence& planned : plan) {
        AckExport each{.ackIds = idsOf(planned, ackIds),
                       .target = target,
                       .matchers = std::move(planned.matchers),
                       .author = request.author,
                       .comment = request.comment,
                       .startsAt = apiTime(now),
                       .endsAt = now + settings_.exportDuration};
        if (request.expiresIn && request.expiresIn->ns != 0) {
            each.expiresAt = now + *request.expiresIn;
            each.endsAt = std::min(each.endsAt, *each.expiresAt);
        }
        auto id = postSilence(each, annotations, stop);
        if (!id.ok()) {
            ++environment_.metrics.exportErrors;
            for (const AckExport& half : made) {
                base::ignore(end(half, stop), "what was made of it ends by itself");
            }
            return id.status();
        }
        each.silenceId = *std::move(id);
        const absl::MutexLock lock(&mutex_);
        remember(each);
        made.push_back(std::move(each));
    }
    return made;
}

absl::Status AckExporter::deleteSilence(const AckExport& exported, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(
        const net::HttpResponse answer,
        client(exported.target)
            .send({.method = "DELETE",
                   .url = discovery::joinUrl(exported.target,
                                             "/api/v2/silence/" + exported.silenceId)},
                  stop));
    constexpr int kServerError = 500;
    // An unknown one is gone already (older servers say 500 to that).
    if (answer.status >= kServerError && answer.body.find("not found") == std::string::npos) {
        return base::unavailable("{} answers {}: {}", exported.target, answer.status,
                                 answer.body.substr(0, 200));
    }
    return absl::OkStatus();
}

absl::Status AckExporter::end(const AckExport& exported, const std::stop_token& stop)
{
    const absl::Status status = deleteSilence(exported, stop);
    if (!status.ok()) {
        ++environment_.metrics.exportErrors;
    }
    const absl::MutexLock lock(&mutex_);
    drop(exported);
    return status;
}

absl::Status AckExporter::withdraw(std::string_view ackId, const std::stop_token& stop)
{
    absl::Status first;
    for (const AckExport& each : exports()) {
        if (each.standsFor(ackId)) {
            first.Update(end(each, stop));
        }
    }
    return first;
}

absl::Status AckExporter::change(const AckExport& exported, const std::string& comment,
                                 std::optional<base::Timestamp> expiresAt,
                                 const std::stop_token& stop)
{
    const base::Timestamp now = environment_.timers.clock().now();
    AckExport each = exported;
    each.comment = comment;
    each.expiresAt = expiresAt;
    each.endsAt = now + settings_.exportDuration;
    if (expiresAt) {
        each.endsAt = std::min(each.endsAt, *expiresAt);
    }
    if (each.endsAt <= now) {
        return end(exported, stop);
    }
    NARTHEX_ASSIGN_OR_RETURN(const bool annotations, supportsAnnotations(each.target, stop));
    auto id = postSilence(each, annotations, stop);
    if (absl::IsNotFound(id.status())) {
        each.silenceId.clear();
        each.startsAt = apiTime(now);
        id = postSilence(each, annotations, stop);
    }
    if (!id.ok()) {
        ++environment_.metrics.exportErrors;
        return id.status();
    }
    each.silenceId = *std::move(id);
    each.lastError.clear();
    const absl::MutexLock lock(&mutex_);
    if (!exports_.contains({exported.target, exported.silenceId})) {
        return base::notFound("the acknowledgement is not exported any more");
    }
    if (each.silenceId != exported.silenceId) {
        drop(exported);
    }
    remember(each);
    return absl::OkStatus();
}

void AckExporter::poll()
{
    std::set<std::string> targets;
    const absl::MutexLock lock(&mutex_);
    if (stopping_) {
        return;
    }
    for (const auto& [key, each] : exports_) {
        targets.insert(each.target);
    }
    for (const auto& [target, list] : foreign_) {
        targets.insert(target);
    }
    for (const std::string& target : targets) {
        ++polls_;
        lane_.post([this, target](const std::stop_token& stop) {
            pollServer(target, stop);
            const absl::MutexLock inner(&mutex_);
            --polls_;
        });
    }
}

void AckExporter::settle() const
{
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](const AckExporter* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->polls_ == 0; },
        this));
}

void AckExporter::pollServer(const std::string& target, const std::stop_token& stop)
{
    const std::vector<AckExport> all = exports();
    const bool exported = std::any_of(all.begin(), all.end(),
                                      [&](const AckExport& each) { return each.target == target; });
    const auto alerts = exported ? ask(target, "/api/v2/alerts", {}, stop) : Json();
    const auto silences = ask(target, "/api/v2/silences", {}, stop);
    if (silences.ok()) {
        noteForeign(target, *silences);
    }
    std::set<std::string> holding; // silences that hold a firing alert
    if (alerts.ok()) {
        for (const Json& alert : alerts->items()) {
            for (const std::string& id : alert["status"]["silencedBy"].texts()) {
                holding.insert(id);
            }
        }
    }
    std::map<std::string, Json> byId;
    if (silences.ok()) {
        for (const Json& each : silences->items()) {
            byId.emplace(each["id"].text(), each);
        }
    }
    for (AckExport each : all) {
        if (each.target != target) {
            continue;
        }
        if (!alerts.ok() || !silences.ok()) {
            // Nothing happens: the silence dies by itself and people are told again.
            noteError(each, alerts.ok() ? silences.status() : alerts.status());
            continue;
        }
        if (const auto known = byId.find(each.silenceId); known != byId.end()) {
            each.startsAt = known->second["startsAt"].text();
            each.endsAt = timeOf(known->second["endsAt"]);
        }
        lookAfter(each, holding.contains(each.silenceId), stop);
    }
}

void AckExporter::lookAfter(const AckExport& exported, bool firing, const std::stop_token& stop)
{
    const base::Timestamp now = environment_.timers.clock().now();
    AckExport each = exported;
    each.missed = firing ? 0 : each.missed + 1;
    const bool expired = each.expiresAt && *each.expiresAt <= now;
    if (expired || each.missed >= kMissedPolls) {
        const absl::Status status = deleteSilence(each, stop);
        if (!status.ok()) {
            noteError(each, status);
            return;
        }
        const absl::MutexLock lock(&mutex_);
        drop(each);
        return;
    }
    if (firing && each.endsAt < now + settings_.exportExtendBefore) {
        const auto annotations = supportsAnnotations(each.target, stop);
        each.endsAt = now + settings_.exportDuration;
        if (each.expiresAt) {
            each.endsAt = std::min(each.endsAt, *each.expiresAt);
        }
        auto id = postSilence(each, annotations.ok() && *annotations, stop);
        if (absl::IsNotFound(id.status())) {
            each.silenceId.clear();
            each.startsAt = apiTime(now);
            id = postSilence(each, annotations.ok() && *annotations, stop);
        }
        if (!id.ok()) {
            noteError(exported, id.status());
            return;
        }
        ++environment_.metrics.exportExtensions;
        each.silenceId = *std::move(id);
        each.lastExtendedAt = now;
        each.lastError.clear();
    }
    const absl::MutexLock lock(&mutex_);
    if (!exports_.contains({exported.target, exported.silenceId})) {
        return; // withdrawn meanwhile
    }
    if (each.silenceId != exported.silenceId) {
        drop(exported);
    }
    remember(each);
}

void AckExporter::noteForeign(const std::string& target, const Json& silences)
{
    std::vector<ForeignAck> found;
    const std::vector<AckExport> own = exports();
    for (const Json& each : silences.items()) {
        const std::string comment = each["comment"].text();
        const std::string id = each["id"].text();
        const bool ours = std::any_of(own.begin(), own.end(), [&](const AckExport& exported) {
            return exported.silenceId == id;
        });
        if (ours || !comment.starts_with(settings_.exportPrefix) ||
            each["status"]["state"].text() != "active") {
            continue;
        }
        found.push_back({.target = target,
                         .silenceId = id,
                         .author = each["createdBy"].text(),
                         .comment = comment,
                         .since = timeOf(each["startsAt"]),
                         .endsAt = timeOf(each["endsAt"])});
    }
    const absl::MutexLock lock(&mutex_);
    foreign_[target] = std::move(found);
}

void AckExporter::noteError(const AckExport& exported, const absl::Status& status)
{
    ++environment_.metrics.exportErrors;
    environment_.log->warn("alertmanager: an exported acknowledgement is not looked after "
                           "target={} silence={} error={}",
                           exported.target, exported.silenceId, base::messageOf(status));
    const absl::MutexLock lock(&mutex_);
    const auto found = exports_.find({exported.target, exported.silenceId});
    if (found != exports_.end()) {
        found->second.lastError = base::messageOf(status);
    }
}

std::vector<AckExport> AckExporter::exports() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<AckExport> result;
    for (const auto& [key, each] : exports_) {
        result.push_back(each);
    }
    return result;
}

std::vector<ForeignAck> AckExporter::foreign() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<ForeignAck> result;
    for (const auto& [target, list] : foreign_) {
        result.insert(result.end(), list.begin(), list.end());
    }
    return result;
}

} // namespace narthex::alertmanager
