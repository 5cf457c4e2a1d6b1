// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/alerts/alert_api_client.h"

#include "core/base/status.h"
#include "core/client/alerts/alert_join.h"
#include "core/client/alerts/alert_json.h"
#include "core/client/gather.h"

#include <algorithm>

namespace narthex::client {
namespace {

constexpr std::string_view kNone = "no Alertmanager is set for this connection: give its URL";

/// Of several failures the one to show: what a server has to say counts more than what it lacks.
absl::Status mostTelling(const std::vector<absl::Status>& failures)
{
    const auto rank = [](const absl::Status& status) {
        return absl::IsUnimplemented(status) ? 0 : absl::IsNotFound(status) ? 1 : 2;
    };
    absl::Status best;
    for (const absl::Status& each : failures) {
        if (!each.ok() && (best.ok() || rank(each) > rank(best))) {
            best = each;
        }
    }
    return best.ok() ? absl::FailedPreconditionError(std::string(kNone)) : best;
}

} // namespace

AlertApiClient::AlertApiClient(std::vector<std::unique_ptr<AlertTransport>> transports,
                               Events events)
    : events_(std::move(events))
{
    for (auto& each : transports) {
        auto server = std::make_unique<Server>();
        server->transport = std::move(each);
        servers_.push_back(std::move(server));
    }
}

AlertApiClient::~AlertApiClient()
{
    // A reply may ask another server: all of them stay until all are done.
    for (const auto& each : servers_) {
        each->transport->close();
    }
}

AlertApiClient::Indexes AlertApiClient::chosen(const std::vector<std::string>& urls) const
{
    Indexes result;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const std::string& url = servers_[i]->transport->url();
        if (urls.empty() || std::find(urls.begin(), urls.end(), url) != urls.end()) {
            result.push_back(i);
        }
    }
    return result;
}

void AlertApiClient::askAll(const Indexes& servers, const AlertApiRequest& request,
                            const std::stop_token& stop, absl::AnyInvocable<void(Bodies)> done)
{
    auto slots = Gather<std::string>::slots(servers.size(), std::move(done));
    for (std::size_t i = 0; i < servers.size(); ++i) {
        servers_[servers[i]]->transport->send(request, stop, std::move(slots[i]));
    }
}

template <typename T, typename Read, typename Add>
absl::StatusOr<Joined<std::vector<T>>> AlertApiClient::join(const Indexes& servers, Bodies bodies,
                                                            Read read, Add add) const
{
    Joined<std::vector<T>> result;
    std::vector<absl::Status> failures;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const std::string& url = servers_[servers[i]]->transport->url();
        absl::Status status = bodies[i].status();
        if (status.ok()) {
            absl::StatusOr<std::vector<T>> list = read(*bodies[i]);
            status = list.ok() || url.empty() ? list.status() : base::annotate(list.status(), url);
            if (list.ok()) {
                for (T& each : *list) {
                    add(result.value, std::move(each), url);
                }
            }
        }
        failures.push_back(status);
        result.servers.push_back({.url = url, .status = std::move(status)});
    }
    if (result.answered() == 0) {
        return mostTelling(failures);
    }
    return result;
}

template <typename T, typename Read, typename Add>
void AlertApiClient::askJoined(AlertApiRequest request, const std::stop_token& stop,
                               Reply<Joined<std::vector<T>>> reply, Read read, Add add)
{
    const Indexes servers = all();
    askAll(servers, request, stop,
           [this, servers, reply = std::move(reply), read, add](Bodies bodies) mutable {
               reply(join<T>(servers, std::move(bodies), read, add));
           });
}

template <typename T, typename Read>
void AlertApiClient::askFirst(const AlertApiRequest& request, const std::stop_token& stop,
                              Reply<T> reply, Read read)
{
    askAll(all(), request, stop, [reply = std::move(reply), read](Bodies bodies) mutable {
        std::vector<absl::Status> failures;
        for (const absl::StatusOr<std::string>& body : bodies) {
            absl::StatusOr<T> value = body.ok() ? read(*body) : absl::StatusOr<T>(body.status());
            if (value.ok()) {
                reply(std::move(value));
                return;
            }
            failures.push_back(value.status());
        }
        reply(mostTelling(failures));
    });
}

void AlertApiClient::askAlerts(Server& server, const net::Parameters& query,
                               const std::stop_token& stop, Reply<std::string> reply)
{
    if (server.own.load() == Own::No) {
        server.transport->send({.path = "/api/v2/alerts", .query = query}, stop, std::move(reply));
        return;
    }
    server.transport->send({.path = "/api/narthex/v1/alerts", .query = query}, stop,
                           [this, &server, query, stop,
                            reply = std::move(reply)](absl::StatusOr<std::string> body) mutable {
                               if (body.ok()) {
                                   server.own = Own::Yes;
                               } else if (absl::IsUnimplemented(body.status())) {
                                   server.own = Own::No;
                                   askAlerts(server, query, stop, std::move(reply));
                                   return;
                               }
                               reply(std::move(body));
                           });
}

void AlertApiClient::alerts(AlertQuery query, std::stop_token stop,
                            Reply<Joined<std::vector<Alert>>> reply)
{
    const Indexes servers = all();
    auto slots = Gather<std::string>::slots(
        servers.size(), [this, servers, reply = std::move(reply)](Bodies bodies) mutable {
            AlertJoin joined;
            reply(join<Alert>(
                servers, std::move(bodies), alertsFromJson,
                [&joined](std::vector<Alert>& list, Alert alert, const std::string& url) {
                    joined.add(list, std::move(alert), url);
                }));
        });
    const net::Parameters parameters = parametersOf(query);
    for (std::size_t i = 0; i < servers.size(); ++i) {
        askAlerts(*servers_[servers[i]], parameters, stop, std::move(slots[i]));
    }
}

void AlertApiClient::groups(AlertQuery query, std::stop_token stop,
                            Reply<Joined<std::vector<AlertGroup>>> reply)
{
    askJoined<AlertGroup>(
        {.path = "/api/v2/alerts/groups", .query = parametersOf(query)}, stop, std::move(reply),
        groupsFromJson,
        [](std::vector<AlertGroup>& list, AlertGroup group, const std::string& url) {
            group.server = url;
            list.push_back(std::move(group));
        });
}

void AlertApiClient::silences(std::vector<std::string> filters, std::stop_token stop,
                              Reply<Joined<std::vector<Silence>>> reply)
{
    AlertApiRequest request{.path = "/api/v2/silences"};
    for (std::string& each : filters) {
        request.query.emplace_back("filter", std::move(each));
    }
    askJoined<Silence>(std::move(request), stop, std::move(reply), silencesFromJson,
                       [joined = SilenceJoin()](std::vector<Silence>& list, Silence silence,
                                                const std::string& url) mutable {
                           joined.add(list, std::move(silence), url);
                       });
}

void AlertApiClient::setSilence(SilenceDraft draft, std::stop_token stop,
                                Reply<std::vector<SilenceResult>> reply)
{
    const Indexes servers = chosen(draft.servers);
    if (servers.empty()) {
        reply(absl::FailedPreconditionError(std::string(kNone)));
        return;
    }
    askAll(servers, {.method = "POST", .path = "/api/v2/silences", .body = toJson(draft)}, stop,
           [this, servers, reply = std::move(reply)](Bodies bodies) mutable {
               std::vector<SilenceResult> results;
               for (std::size_t i = 0; i < bodies.size(); ++i) {
                   const absl::StatusOr<std::string> id =
                       bodies[i].ok() ? silenceIdFromJson(*bodies[i]) : bodies[i].status();
                   results.push_back({.server = servers_[servers[i]]->transport->url(),
                                      .status = id.status(),
                                      .id = id.ok() ? *id : std::string()});
               }
               reply(std::move(results));
           });
}

void AlertApiClient::expireSilence(std::string id, std::vector<std::string> urls,
                                   std::stop_token stop, Reply<std::vector<SilenceResult>> reply)
{
    const Indexes servers = chosen(urls);
    if (servers.empty()) {
        reply(absl::FailedPreconditionError(std::string(kNone)));
        return;
    }
    askAll(servers, {.method = "DELETE", .path = "/api/v2/silence/" + id}, stop,
           [this, servers, id, reply = std::move(reply)](Bodies bodies) mutable {
               std::vector<SilenceResult> results;
               for (std::size_t i = 0; i < bodies.size(); ++i) {
                   results.push_back({.server = servers_[servers[i]]->transport->url(),
                                      .status = bodies[i].status(),
                                      .id = id});
               }
               reply(std::move(results));
           });
}

void AlertApiClient::previewSilence(SilenceDraft draft, std::stop_token stop,
                                    Reply<SilencePreview> reply)
{
    const AlertApiRequest request{
        .method = "POST", .path = "/api/narthex/v1/silences/preview", .body = toJson(draft)};
    askFirst<SilencePreview>(
        request, stop,
        [this, draft = std::move(draft), stop,
         reply = std::move(reply)](absl::StatusOr<SilencePreview> preview) mutable {
            // Version 2 has no such thing, but its list of alerts tells as much.
            if (!preview.ok() && !absl::IsInvalidArgument(preview.status()) &&
                !absl::IsCancelled(preview.status())) {
                previewByAlerts(draft, stop, std::move(reply));
                return;
            }
            reply(std::move(preview));
        },
        previewFromJson);
}

void AlertApiClient::previewByAlerts(const SilenceDraft& draft, const std::stop_token& stop,
                                     Reply<SilencePreview> reply)
{
    AlertQuery query;
    for (const SilenceMatcher& each : draft.matchers) {
        query.filters.push_back(matcherText(each));
    }
    alerts(std::move(query), stop,
           [reply = std::move(reply)](absl::StatusOr<Joined<std::vector<Alert>>> found) mutable {
               constexpr std::size_t kMostListed = 1000; // as our own servers do
               if (!found.ok()) {
                   reply(found.status());
                   return;
               }
               SilencePreview preview{.matching = found->value.size()};
               for (Alert& each : found->value) {
                   if (preview.alerts.size() == kMostListed) {
                       break;
                   }
                   preview.alerts.emplace_back(std::move(each.fingerprint), std::move(each.labels));
               }
               reply(std::move(preview));
           });
}

void AlertApiClient::receivers(std::stop_token stop, Reply<Joined<std::vector<Receiver>>> reply)
{
    askJoined<Receiver>({.path = "/api/v2/receivers"}, stop, std::move(reply), receiversFromJson,
                        [](std::vector<Receiver>& list, Receiver receiver, const std::string&) {
                            if (std::none_of(list.begin(), list.end(), [&](const Receiver& each) {
                                    return each.name == receiver.name;
                                })) {
                                list.push_back(std::move(receiver));
                            }
                        });
}

void AlertApiClient::status(std::stop_token stop,
                            Reply<Joined<std::vector<AlertServerStatus>>> reply)
{
    const Indexes servers = all();
    // Two questions to each: the second tells whether it acknowledges.
    auto both = [this, servers, reply = std::move(reply)](Bodies bodies) mutable {
        const auto half = bodies.begin() + static_cast<std::ptrdiff_t>(servers.size());
        const Bodies own(half, bodies.end());
        bodies.erase(half, bodies.end());
        std::size_t at = 0;
        std::vector<bool> acknowledges;
        for (const auto& each : own) {
            acknowledges.push_back(each.ok());
        }
        reply(join<AlertServerStatus>(
            servers, std::move(bodies),
            [&](const std::string& body) -> absl::StatusOr<std::vector<AlertServerStatus>> {
                NARTHEX_ASSIGN_OR_RETURN(AlertServerStatus status, statusFromJson(body));
                return std::vector<AlertServerStatus>{std::move(status)};
            },
            [&](std::vector<AlertServerStatus>& list, AlertServerStatus status,
                const std::string& url) {
                while (servers_[servers[at]]->transport->url() != url) {
                    ++at;
                }
                status.server = url;
                status.acknowledges = acknowledges[at];
                list.push_back(std::move(status));
            }));
    };
    auto slots = Gather<std::string>::slots(servers.size() * 2, std::move(both));
    for (std::size_t i = 0; i < servers.size(); ++i) {
        AlertTransport& transport = *servers_[servers[i]]->transport;
        transport.send({.path = "/api/v2/status"}, stop, std::move(slots[i]));
        transport.send({.path = "/api/narthex/v1/acks", .query = {{"limit", "1"}}}, stop,
                       std::move(slots[servers.size() + i]));
    }
}

void AlertApiClient::acknowledgements(AckQuery query, std::stop_token stop,
                                      Reply<Joined<std::vector<Acknowledgement>>> reply)
{
    askJoined<Acknowledgement>(
        {.path = "/api/narthex/v1/acks", .query = parametersOf(query)}, stop, std::move(reply),
        acknowledgementsFromJson,
        [](std::vector<Acknowledgement>& list, Acknowledgement ack, const std::string& url) {
            ack.server = url;
            list.push_back(std::move(ack));
        });
}

void AlertApiClient::acknowledge(AckDraft draft, std::stop_token stop, Reply<AckResult> reply)
{
    const Indexes servers = all();
    askAll(servers, {.method = "POST", .path = "/api/narthex/v1/acks", .body = toJson(draft)}, stop,
           [this, servers, reply = std::move(reply)](Bodies bodies) mutable {
               AckResult joined;
               std::vector<absl::Status> failures;
               bool any = false;
               for (std::size_t i = 0; i < bodies.size(); ++i) {
                   absl::StatusOr<AckResult> result =
                       bodies[i].ok() ? ackResultFromJson(*bodies[i])
                                      : absl::StatusOr<AckResult>(bodies[i].status());
                   failures.push_back(result.status());
                   if (!result.ok()) {
                       continue;
                   }
                   any = true;
                   for (Acknowledgement& ack : result->acknowledgements) {
                       ack.server = servers_[servers[i]]->transport->url();
                       joined.acknowledgements.push_back(std::move(ack));
                   }
                   for (auto& each : result->skipped) {
                       joined.skipped.push_back(std::move(each));
                   }
               }
               reply(any ? absl::StatusOr<AckResult>(std::move(joined)) : mostTelling(failures));
           });
}

void AlertApiClient::changeAcknowledgement(AckChange change, std::stop_token stop,
                                           Reply<Acknowledgement> reply)
{
    askFirst<Acknowledgement>(
        {.method = "PATCH", .path = "/api/narthex/v1/acks/" + change.id, .body = toJson(change)},
        stop, std::move(reply), acknowledgementFromJson);
}

void AlertApiClient::withdraw(std::string id, std::stop_token stop, Reply<bool> reply)
{
    askFirst<bool>({.method = "DELETE", .path = "/api/narthex/v1/acks/" + id}, stop,
                   std::move(reply),
                   [](const std::string&) -> absl::StatusOr<bool> { return true; });
}

void AlertApiClient::history(HistoryQuery query, std::stop_token stop,
                             Reply<Joined<std::vector<HistoryEntry>>> reply)
{
    auto sorted = [reply = std::move(reply)](
                      absl::StatusOr<Joined<std::vector<HistoryEntry>>> entries) mutable {
        if (entries.ok()) {
            std::stable_sort(
                entries->value.begin(), entries->value.end(),
                [](const HistoryEntry& a, const HistoryEntry& b) { return a.time < b.time; });
        }
        reply(std::move(entries));
    };
    askJoined<HistoryEntry>(
        {.path = "/api/narthex/v1/history", .query = parametersOf(query)}, stop, std::move(sorted),
        historyFromJson,
        [](std::vector<HistoryEntry>& list, HistoryEntry entry, const std::string& url) {
            entry.server = url;
            list.push_back(std::move(entry));
        });
}

void AlertApiClient::explain(std::string fingerprint, std::stop_token stop,
                             Reply<AlertExplanation> reply)
{
    askFirst<AlertExplanation>({.path = "/api/narthex/v1/explain/" + fingerprint}, stop,
                               std::move(reply), explanationFromJson);
}

Subscription AlertApiClient::subscribe(std::function<void()> onChange)
{
    return events_(std::move(onChange));
}

} // namespace narthex::client
