// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/monitoring_client.h"

namespace narthex::client {
namespace {

template <typename T>
void refuse(Part part, Reply<T>& reply)
{
    reply(Offers().notOffered(part));
}

} // namespace

void MonitoringClient::offers(std::stop_token /*stop*/, Reply<Offers> reply)
{
    Offers offers;
    for (std::size_t i = 0; i < kPartCount; ++i) {
        const Part part = static_cast<Part>(i);
        if (part != Part::Queries && part != Part::Series && part != Part::Metadata &&
            part != Part::Targets) {
            offers.remove(part);
        }
    }
    reply(std::move(offers));
}

void MonitoringClient::exemplars(ExemplarQuery /*query*/, std::stop_token /*stop*/,
                                 Reply<std::vector<ExemplarSeries>> reply)
{
    refuse(Part::Exemplars, reply);
}

void MonitoringClient::rules(std::stop_token /*stop*/, Reply<std::vector<RuleGroupInfo>> reply)
{
    refuse(Part::Rules, reply);
}

void MonitoringClient::alertmanagers(std::stop_token /*stop*/, Reply<AlertmanagerTargets> reply)
{
    refuse(Part::Alertmanagers, reply);
}

void MonitoringClient::storeStatus(std::size_t /*limit*/, std::stop_token /*stop*/,
                                   Reply<StoreStatus> reply)
{
    refuse(Part::StoreStatus, reply);
}

void MonitoringClient::blocks(std::stop_token /*stop*/, Reply<BlockList> reply)
{
    refuse(Part::Blocks, reply);
}

void MonitoringClient::runtimeInfo(std::stop_token /*stop*/, Reply<RuntimeInfo> reply)
{
    refuse(Part::RuntimeInfo, reply);
}

void MonitoringClient::configurationText(std::stop_token /*stop*/, Reply<std::string> reply)
{
    refuse(Part::Configuration, reply);
}

void MonitoringClient::flags(std::stop_token /*stop*/, Reply<Flags> reply)
{
    refuse(Part::Flags, reply);
}

void MonitoringClient::deleteSeries(SeriesFilter /*filter*/, std::stop_token /*stop*/,
                                    Reply<bool> reply)
{
    refuse(Part::DeleteSeries, reply);
}

void MonitoringClient::cleanTombstones(std::stop_token /*stop*/, Reply<bool> reply)
{
    refuse(Part::DeleteSeries, reply);
}

void MonitoringClient::snapshot(bool /*skipHead*/, std::stop_token /*stop*/,
                                Reply<std::string> reply)
{
    refuse(Part::Snapshot, reply);
}

} // namespace narthex::client
