// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/acknowledgements.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/tsdb/ulid.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

model::Labels withoutSeverity(const model::Labels& labels)
{
    static const std::array<std::string, 1> kSeverity = {"severity"};
    return labels.without(kSeverity);
}

} // namespace

std::string_view text(AckSource source)
{
    switch (source) {
    case AckSource::Ui:
        return "ui";
    case AckSource::DesktopNotification:
        return "desktop_notification";
    case AckSource::Api:
        return "api";
    case AckSource::Cli:
        return "cli";
    case AckSource::External:
        break;
    }
    return "external";
}

std::string_view text(AckEnd end)
{
    switch (end) {
    case AckEnd::Resolved:
        return "resolved";
    case AckEnd::Expired:
        return "expired";
    case AckEnd::Withdrawn:
        return "withdrawn";
    case AckEnd::Replaced:
        return "replaced";
    case AckEnd::EpisodeLost:
        return "episode_lost";
    case AckEnd::ExternalGone:
        return "external_gone";
    case AckEnd::Worsened:
        break;
    }
    return "worsened";
}

AcknowledgementNote noteOf(const Acknowledgement& ack)
{
    return {.author = ack.author,
            .comment = ack.comment,
            .createdAt = ack.createdAt,
            .expiresAt = ack.expiresAt};
}

std::string Acknowledgements::makeId(base::Timestamp now)
{
    // Thousands of alerts may come at once: the system's source of randomness is slow for that.
    const std::uint64_t high = random_();
    return tsdb::makeUlid(now, high, random_());
}

std::optional<std::size_t> Acknowledgements::severityOf(const model::Labels& labels) const
{
    const auto found =
        std::find(settings_.severities.begin(), settings_.severities.end(), labels.get("severity"));
    return found == settings_.severities.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(found - settings_.severities.begin()));
}

void Acknowledgements::alertFires(const Alert& alert, base::Timestamp now)
{
    Episode& episode = episodes_[alert.fingerprint];
    if (!episode.id.empty() && !episode.endedAt) {
        return;
    }
    episode = {.id = makeId(now), .startedAt = alert.startsAt, .endedAt = std::nullopt};
    writeEpisode(alert.fingerprint, episode, alert.labels, {});
    if (Acknowledgement* ack = openOf(alert.fingerprint); ack != nullptr && ack->waitingUntil) {
        if (*ack->waitingUntil < now) {
            end(*ack, AckEnd::Resolved, {}, *ack->waitingUntil);
        } else {
            ack->waitingUntil.reset();
            ack->episode = episode.id;
            event(*ack, "continued", {}, "the alert fires again", now);
            write(*ack);
        }
    }
    if (watched_ != 0) {
        endWhatGotWorse(alert, now);
    }
}

void Acknowledgements::endWhatGotWorse(const Alert& alert, base::Timestamp now)
{
    const auto severity = severityOf(alert.labels);
    if (!severity) {
        return;
    }
    const model::Labels rest = withoutSeverity(alert.labels);
    std::vector<std::string> worse;
    for (const auto& [fingerprint, id] : open_) {
        const Acknowledgement& ack = all_.at(id);
        const auto own = severityOf(ack.labels);
        if (ack.untilWorse && own && *own < *severity && withoutSeverity(ack.labels) == rest) {
            worse.push_back(id);
        }
    }
    for (const std::string& id : worse) {
        end(all_.at(id), AckEnd::Worsened, {}, now);
    }
}

void Acknowledgements::noteSiblings(Fingerprint fingerprint, std::size_t siblings,
                                    base::Timestamp now)
{
    Acknowledgement* ack = openOf(fingerprint);
    if (ack != nullptr && ack->untilWorse && ack->inForce() && siblings > ack->siblings) {
        end(*ack, AckEnd::Worsened, {}, now);
    }
}

void Acknowledgements::alertEnded(const Alert& alert, bool timedOut, base::Timestamp now)
{
    const auto found = episodes_.find(alert.fingerprint);
    if (found == episodes_.end() || found->second.endedAt) {
        return;
    }
    const base::Timestamp endedAt = timedOut ? alert.endsAt : std::min(alert.endsAt, now);
    found->second.endedAt = endedAt;
    writeEpisode(alert.fingerprint, found->second, alert.labels, timedOut ? "timeout" : "resolved");
    Acknowledgement* ack = openOf(alert.fingerprint);
    if (ack == nullptr) {
        return;
    }
    base::Duration window = timedOut ? settings_.timeoutGrace : settings_.flapWindow;
    if (ack->sticky) {
        window = std::max(window, kStickyWindow);
    }
    if (window.ns == 0) {
        end(*ack, AckEnd::Resolved, {}, endedAt);
        return;
    }
    ack->waitingUntil = (timedOut ? endedAt : now) + window;
    ack->returned = timedOut;
    event(*ack, "waiting", {}, timedOut ? "the alert timed out" : "the alert resolved", now);
    write(*ack);
}

void Acknowledgements::tick(base::Timestamp now)
{
    std::vector<std::pair<std::string, AckEnd>> over;
    for (const auto& [fingerprint, id] : open_) {
        const Acknowledgement& ack = all_.at(id);
        if (ack.waitingUntil && *ack.waitingUntil < now) {
            over.emplace_back(id, AckEnd::Resolved);
        } else if (!ack.waitingUntil && ack.expiresAt && *ack.expiresAt <= now) {
            over.emplace_back(id, AckEnd::Expired);
        }
    }
    for (const auto& [id, reason] : over) {
        Acknowledgement& ack = all_.at(id);
        end(ack, reason, {}, reason == AckEnd::Expired ? *ack.expiresAt : *ack.waitingUntil);
        const auto episode = episodes_.find(ack.fingerprint);
        if (episode != episodes_.end() && episode->second.endedAt) {
            episodes_.erase(episode);
        }
    }
    const base::Timestamp oldest = now - settings_.retention;
    std::size_t ended = all_.size() - open_.size();
    for (auto each = all_.begin(); each != all_.end() && ended != 0;) {
        const bool old = each->second.endedAt && *each->second.endedAt < oldest;
        if (old || (each->second.endedAt && ended > kMostEnded)) {
            each = all_.erase(each);
            --ended;
        } else {
            ++each;
        }
    }
}

void Acknowledgements::bridge(base::Timestamp from, base::Timestamp to)
{
    const base::Duration gap = to - from;
    for (const auto& [fingerprint, id] : open_) {
        Acknowledgement& ack = all_.at(id);
        bool changed = false;
        if (gap < kSmallJump && ack.expiresAt && *ack.expiresAt > from && *ack.expiresAt <= to) {
            ack.expiresAt = *ack.expiresAt + gap;
            changed = true;
        }
        if (ack.waitingUntil && *ack.waitingUntil >= from) {
            ack.waitingUntil = *ack.waitingUntil + gap;
            changed = true;
        }
        if (changed) {
            write(ack);
        }
    }
}

absl::StatusOr<std::optional<base::Timestamp>>
Acknowledgements::expiryOf(const std::optional<base::Duration>& expiresIn,
                           base::Timestamp now) const
{
    const std::optional<base::Duration> wanted = expiresIn ? expiresIn : settings_.defaultDuration;
    if (wanted && wanted->ns < 0) {
        return base::invalidArgument("expires_in must not be negative");
    }
    // "Until resolved" has no time of its own: the longest one is its safety net.
    const base::Duration duration = wanted && wanted->ns != 0 ? *wanted : settings_.maxDuration;
    if (settings_.maxDuration.ns == 0) {
        return wanted && wanted->ns != 0 ? std::optional(now + duration) : std::nullopt;
    }
    return std::optional(now + std::min(duration, settings_.maxDuration));
}

absl::StatusOr<Acknowledgement> Acknowledgements::acknowledge(const Alert& alert,
                                                              const AckRequest& request,
                                                              std::size_t siblings,
                                                              base::Timestamp now)
{
    if (alert.resolvedAt(now)) {
        return base::failedPrecondition("alert is not firing");
    }
    if (request.author.empty()) {
        return base::invalidArgument("author is required");
    }
    if (settings_.commentRequired && request.comment.empty()) {
        return base::invalidArgument("comment is required");
    }
    if (request.comment.size() > kMostCommentBytes || !base::isValidUtf8(request.comment)) {
        return base::invalidArgument("comment must be UTF-8 of at most {} bytes",
                                     kMostCommentBytes);
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto expiresAt, expiryOf(request.expiresIn, now));
    Acknowledgement* old = openOf(alert.fingerprint);
    if (old == nullptr && open_.size() >= kMostOpen) {
        return base::resourceExhausted("too many open acknowledgements: {} (limit: {})",
                                       open_.size(), kMostOpen);
    }
    alertFires(alert, now);
    old = openOf(alert.fingerprint);
    Acknowledgement ack{.id = makeId(now),
                        .fingerprint = alert.fingerprint,
                        .episode = episodes_.at(alert.fingerprint).id,
                        .labels = alert.labels,
                        .author = request.author,
                        .comment = request.comment,
                        .createdAt = now,
                        .since = old == nullptr ? now : old->since,
                        .expiresAt = expiresAt,
                        .notify = request.notify,
                        .sticky = request.sticky,
                        .untilWorse = request.untilWorse,
                        .source = request.source,
                        .siblings = siblings,
                        .returned = old != nullptr && old->returned};
    if (old != nullptr) {
        end(*old, AckEnd::Replaced, request.author, now);
    }
    ++counters_.created[std::string(text(request.source))];
    watched_ += ack.untilWorse ? 1 : 0;
    open_[alert.fingerprint] = ack.id;
    event(ack, "acknowledged", ack.author, ack.comment, now);
    write(ack);
    all_[ack.id] = ack;
    return ack;
}

absl::StatusOr<Acknowledgement>
Acknowledgements::change(std::string_view id, const std::optional<std::string>& comment,
                         std::optional<std::optional<base::Duration>> expiresIn,
                         const std::string& by, base::Timestamp now)
{
    const auto found = all_.find(id);
    if (found == all_.end()) {
        return base::notFound("acknowledgement not found");
    }
    Acknowledgement& ack = found->second;
    if (!ack.open()) {
        return base::failedPrecondition("acknowledgement has ended: {}", text(ack.endReason));
    }
    if (comment) {
        if ((settings_.commentRequired && comment->empty()) ||
            comment->size() > kMostCommentBytes || !base::isValidUtf8(*comment)) {
            return base::invalidArgument("comment must be UTF-8 of at most {} bytes{}",
                                         kMostCommentBytes,
                                         settings_.commentRequired ? ", and is required" : "");
        }
    }
    if (expiresIn) {
        NARTHEX_ASSIGN_OR_RETURN(ack.expiresAt, expiryOf(*expiresIn, now));
    }
    ack.comment = comment.value_or(ack.comment);
    event(ack, "changed", by, ack.comment, now);
    write(ack);
    return ack;
}

absl::Status Acknowledgements::withdraw(std::string_view id, const std::string& by,
                                        base::Timestamp now, AckEnd reason)
{
    const auto found = all_.find(id);
    if (found == all_.end()) {
        return base::notFound("acknowledgement not found");
    }
    if (!found->second.open()) {
        return base::failedPrecondition("acknowledgement has ended: {}",
                                        text(found->second.endReason));
    }
    end(found->second, reason, by, now);
    return absl::OkStatus();
}

void Acknowledgements::returnTold(Fingerprint fingerprint)
{
    if (Acknowledgement* ack = openOf(fingerprint); ack != nullptr && ack->returned) {
        ack->returned = false;
        write(*ack);
    }
}

const Acknowledgement* Acknowledgements::inForce(Fingerprint fingerprint, base::Timestamp now)
{
    Acknowledgement* ack = openOf(fingerprint);
    if (ack == nullptr || ack->waitingUntil) {
        return nullptr;
    }
    if (ack->expiresAt && *ack->expiresAt <= now) {
        end(*ack, AckEnd::Expired, {}, *ack->expiresAt);
        return nullptr;
    }
    return ack;
}

Acknowledgement Acknowledgements::marked(const Acknowledgement& ack, base::Timestamp now) const
{
    Acknowledgement copy = ack;
    copy.overdue =
        ack.open() && settings_.remindAfter.ns != 0 && ack.since + settings_.remindAfter <= now;
    return copy;
}

const Acknowledgement* Acknowledgements::find(std::string_view id) const
{
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : &found->second;
}

const Episode* Acknowledgements::episode(Fingerprint fingerprint) const
{
    const auto found = episodes_.find(fingerprint);
    return found == episodes_.end() ? nullptr : &found->second;
}

std::optional<base::Timestamp> Acknowledgements::lastEnd(Fingerprint fingerprint) const
{
    const auto found = lastEnd_.find(fingerprint);
    return found == lastEnd_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Acknowledgement> Acknowledgements::page(std::string_view after, std::size_t limit,
                                                    bool openOnly, base::Timestamp now) const
{
    std::vector<Acknowledgement> result;
    for (auto each = all_.upper_bound(after); each != all_.end() && result.size() < limit; ++each) {
        if (!openOnly || each->second.open()) {
            result.push_back(marked(each->second, now));
        }
    }
    return result;
}

std::size_t Acknowledgements::openCount() const { return open_.size(); }

std::size_t Acknowledgements::waitingCount() const
{
    return static_cast<std::size_t>(
        std::count_if(open_.begin(), open_.end(), [this](const auto& each) {
            return all_.at(each.second).waitingUntil.has_value();
        }));
}

Acknowledgement* Acknowledgements::openOf(Fingerprint fingerprint)
{
    const auto found = open_.find(fingerprint);
    return found == open_.end() ? nullptr : &all_.at(found->second);
}

void Acknowledgements::end(Acknowledgement& ack, AckEnd reason, const std::string& by,
                           base::Timestamp now)
{
    ack.endedAt = now;
    ack.endReason = reason;
    ack.endedBy = by;
    ack.waitingUntil.reset();
    watched_ -= ack.untilWorse ? 1 : 0;
    ++counters_.ended[std::string(text(reason))];
    if (reason == AckEnd::Expired || reason == AckEnd::Withdrawn || reason == AckEnd::Worsened) {
        lastEnd_[ack.fingerprint] = now;
        ended_.push_back(ack);
    }
    event(ack, text(reason), by, {}, now);
    write(ack);
    open_.erase(ack.fingerprint);
}

void Acknowledgements::forget(Fingerprint fingerprint, base::Timestamp now)
{
    lastEnd_.erase(fingerprint);
    const auto found = episodes_.find(fingerprint);
    if (found != episodes_.end() && found->second.endedAt && openOf(fingerprint) == nullptr &&
        *found->second.endedAt < now) {
        episodes_.erase(found);
    }
}

} // namespace narthex::alertmanager
