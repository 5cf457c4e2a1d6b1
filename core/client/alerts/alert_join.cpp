// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/alerts/alert_join.h"

#include <algorithm>

namespace narthex::client {
namespace {

void unite(std::vector<std::string>& into, std::vector<std::string> more)
{
    for (std::string& each : more) {
        if (std::find(into.begin(), into.end(), each) == into.end()) {
            into.push_back(std::move(each));
        }
    }
}

void joinAlert(Alert& into, Alert other)
{
    const auto rank = [](AlertStanding standing) {
        return standing == AlertStanding::Active       ? 2
               : standing == AlertStanding::Suppressed ? 1
                                                       : 0;
    };
    if (rank(other.standing) > rank(into.standing)) {
        into.standing = other.standing;
    }
    if (other.startsAt && (!into.startsAt || *other.startsAt < *into.startsAt)) {
        into.startsAt = other.startsAt;
    }
    into.endsAt = std::max(into.endsAt, other.endsAt);
    into.updatedAt = std::max(into.updatedAt, other.updatedAt);
    if (into.generatorUrl.empty()) {
        into.generatorUrl = std::move(other.generatorUrl);
    }
    if (!into.acknowledgement) {
        into.acknowledgement = std::move(other.acknowledgement);
    }
    unite(into.receivers, std::move(other.receivers));
    unite(into.silencedBy, std::move(other.silencedBy));
    unite(into.inhibitedBy, std::move(other.inhibitedBy));
    unite(into.mutedBy, std::move(other.mutedBy));
}

} // namespace

void AlertJoin::add(std::vector<Alert>& list, Alert alert, const std::string& server)
{
    const auto [place, isNew] = places_.try_emplace(alert.fingerprint, list.size());
    if (alert.acknowledgement) {
        alert.acknowledgement->server = server;
    }
    if (isNew) {
        list.push_back(std::move(alert));
    } else {
        joinAlert(list[place->second], std::move(alert));
    }
    list[place->second].servers.push_back(server);
}

void SilenceJoin::add(std::vector<Silence>& list, Silence silence, const std::string& server)
{
    const auto [place, isNew] = places_.try_emplace(silence.id, list.size());
    if (isNew) {
        list.push_back(std::move(silence));
    } else if (list[place->second].updatedAt < silence.updatedAt) {
        silence.servers = std::move(list[place->second].servers);
        list[place->second] = std::move(silence);
    }
    list[place->second].servers.push_back(server);
}

} // namespace narthex::client
