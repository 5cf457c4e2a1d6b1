// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/explain.h"

#include "core/alertmanager/alertmanager.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

using RouteSteps = std::vector<Explanation::RouteStep>;

/// Walks as RouteTree does and notes each node; whether the node was entered.
bool walk(const RouteNode& node, const model::Labels& labels, std::size_t depth, RouteSteps& steps)
{
    const std::size_t own = steps.size();
    steps.push_back({.depth = depth,
                     .matchers = toText(node.matchers),
                     .receiver = node.receiver,
                     .matched = false,
                     .why = {}});
    for (const model::Matcher& matcher : node.matchers) {
        if (!matcher.matches(labels.get(matcher.name()))) {
            steps[own].why =
                fmt::format("{} does not hold: the alert has {}=\"{}\"", toText(matcher),
                            matcher.name(), labels.get(matcher.name()));
            return false;
        }
    }
    steps[own].matched = true;
    bool taken = false;
    for (const auto& child : node.children) {
        if (!walk(*child, labels, depth + 1, steps)) {
            continue;
        }
        taken = true;
        if (!child->continueMatching) {
            break;
        }
    }
    steps[own].why = taken ? "its children take the alert"
                           : fmt::format("it takes the alert for receiver {}", node.receiver);
    return true;
}

std::string nextOf(const Decision& decision)
{
    return decision.send ? fmt::format("a message: {}", text(decision.reason))
                         : fmt::format("nothing: {}", decision.whyNot);
}

/// Labels in which the sets differ.
std::size_t difference(const model::Labels& a, const model::Labels& b)
{
    std::size_t count = 0;
    for (const model::LabelView label : a) {
        count += b.get(label.name) != label.value ? 1 : 0;
    }
    for (const model::LabelView label : b) {
        count += a.has(label.name) ? 0 : 1;
    }
    return count;
}

void addSentences(Explanation& out, base::Timestamp now)
{
    std::vector<std::string>& say = out.sentences;
    say.push_back(out.firing ? fmt::format("It has been firing since {}.",
                                           base::formatTimestamp(out.view.alert->startsAt))
                             : fmt::format("It resolved at {}.",
                                           base::formatTimestamp(out.view.alert->endsAt)));
    if (out.inhibition) {
        say.push_back(fmt::format("It is inhibited by {} through rule {}: nobody is told.",
                                  labelsText(out.inhibition->source), out.inhibition->rule));
    }
    for (const Explanation::Silencing& each : out.silences) {
        say.push_back(fmt::format("It is silenced by {} until {}: nobody is told, not even when "
                                  "it resolves.",
                                  each.createdBy.empty() ? each.id : each.createdBy,
                                  base::formatTimestamp(each.endsAt)));
    }
    if (const auto& ack = out.view.acknowledgement) {
        say.push_back(fmt::format(
            "{} acknowledged it at {}. No repeats. {}{}", ack->author,
            base::formatTimestamp(ack->since),
            out.silences.empty() ? "You will be told when it resolves."
                                 : "The silence holds back the message about its end.",
            ack->expiresAt
                ? fmt::format(" Ends on its own at {}.", base::formatTimestamp(*ack->expiresAt))
                : std::string()));
    }
    for (const Explanation::GroupPart& group : out.groups) {
        if (!group.mutedBy.empty()) {
            say.push_back(fmt::format("Its group {} is muted by {}.", group.key,
                                      fmt::join(group.mutedBy, ", ")));
        }
        say.push_back(group.sending
                          ? fmt::format("Messages to {} are under way.", group.receiver)
                          : fmt::format("Receiver {} has its turn at {}.", group.receiver,
                                        base::formatTimestamp(std::max(group.nextFlush, now))));
        for (const Explanation::IntegrationPart& each : group.integrations) {
            say.push_back(fmt::format("{} of {}: last {}; next {}.", each.name, group.receiver,
                                      each.last.empty() ? "nothing yet" : each.last, each.next));
        }
        if (group.integrations.empty()) {
            say.push_back(fmt::format("Receiver {} tells nobody.", group.receiver));
        }
    }
}

} // namespace

absl::StatusOr<Explanation> Alertmanager::explain(Fingerprint fingerprint) const
{
    const absl::MutexLock lock(&mutex_);
    const AlertPtr alert = store_.find(fingerprint);
    if (alert == nullptr) {
        return base::notFound("no such alert: {}", fingerprintText(fingerprint));
    }
    const base::Timestamp moment = now();
    const base::Duration mono = environment_.timers.clock().monotonic();
    Explanation out{.view = viewLocked(alert, moment), .firing = !alert->resolvedAt(moment)};
    if (const auto cause = inhibitor_.causeOf(*alert, moment)) {
        const std::string& name = inhibitor_.rules()[cause->rule].name;
        out.inhibition = {.rule = name.empty() ? fmt::format("number {}", cause->rule + 1) : name,
                          .source = cause->source->labels};
    }
    for (const std::string& id : out.view.silencedBy) {
        const SilencePtr silence = silences_.find(id);
        out.silences.push_back({id, silence->createdBy, silence->comment, silence->endsAt});
    }
    if (setup_ != nullptr) {
        walk(setup_->tree.root(), alert->labels, 0, out.route);
        std::vector<const RouteNode*> routes;
        setup_->tree.match(alert->labels, routes);
        for (const RouteNode* route : routes) {
            out.view.receivers.push_back(route->receiver);
            const auto found = groups_.find(GroupId{route, route->groupLabels(alert->labels)});
            if (found != groups_.end()) {
                out.groups.push_back(explainGroupLocked(*found->second, moment, mono));
            }
        }
    }
    addSentences(out, moment);
    if (!out.view.acknowledgement) {
        for (const auto& [id, ack] : acks_.all()) {
            if (ack.endReason != AckEnd::Replaced && ack.createdAt + 1_d > moment &&
                difference(ack.labels, alert->labels) == 1) {
                out.sentences.push_back(fmt::format("A similar alert was acknowledged by {}: {}.",
                                                    ack.author, labelsText(ack.labels)));
            }
        }
    }
    return out;
}

Explanation::GroupPart Alertmanager::explainGroupLocked(const Group& group, base::Timestamp moment,
                                                        base::Duration mono) const
{
    Explanation::GroupPart part{.key = group.key,
                                .receiver = group.route->receiver,
                                .alerts = group.alerts.size(),
                                .nextFlush = moment + (group.nextFlush - mono),
                                .sending = group.flushing,
                                .mutedBy = group.mutedBy};
    DecisionInput input{.repeatInterval = group.route->repeatInterval, .now = part.nextFlush};
    for (const auto& [fingerprint, alert] : group.alerts) {
        if (!silences_.silencing(fingerprint, alert->labels, moment).empty() ||
            inhibitor_.causeOf(*alert, moment)) {
            continue;
        }
        if (alert->resolvedAt(moment)) {
            input.resolved.push_back(alert->logHash);
            continue;
        }
        input.firing.push_back(alert->logHash);
        if (acks_.inForce(fingerprint, moment) == nullptr) {
            input.unacknowledged.push_back(alert->logHash);
        }
    }
    for (auto* hashes : {&input.firing, &input.unacknowledged, &input.resolved}) {
        std::sort(hashes->begin(), hashes->end());
    }
    const auto receiver = group.setup->receivers.find(group.route->receiver);
    for (const auto& integration : receiver->second) {
        Explanation::IntegrationPart each{.name = integration->name()};
        if (const auto last = group.decisions.find(each.name); last != group.decisions.end()) {
            each.last = last->second.text;
        }
        input.entry = log_.find(integration->logKey(group.key), moment);
        input.sendResolved = integration->sendResolved;
        if (input.entry != nullptr) {
            each.lastTold = input.entry->time;
        }
        each.next = nextOf(decide(input));
        part.integrations.push_back(std::move(each));
    }
    return part;
}

} // namespace narthex::alertmanager
