// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/server_parts.h"

namespace narthex::client {

std::string_view partText(Part part)
{
    switch (part) {
    case Part::Queries:
        return "queries";
    case Part::Series:
        return "the search for series and labels";
    case Part::Metadata:
        return "types and help texts of metrics";
    case Part::Exemplars:
        return "exemplars";
    case Part::Targets:
        return "the list of targets";
    case Part::ScrapeNow:
        return "a scrape out of turn";
    case Part::Rules:
        return "the list of rules";
    case Part::Alertmanagers:
        return "the list of Alertmanagers that it sends to";
    case Part::StoreStatus:
        return "the state of its store";
    case Part::Blocks:
        return "the list of its blocks";
    case Part::RuntimeInfo:
        return "facts about its process";
    case Part::Configuration:
        return "the text of its configuration";
    case Part::Reload:
        return "reading the configuration again";
    case Part::Flags:
        return "its flags";
    case Part::DeleteSeries:
        return "deletion of series";
    case Part::Snapshot:
        return "snapshots of its store";
    }
    return "that";
}

std::string_view serverKindText(ServerKind kind)
{
    switch (kind) {
    case ServerKind::Compatible:
        return "This Prometheus-compatible server";
    case ServerKind::Narthex:
        return "Narthex";
    case ServerKind::Prometheus:
        return "Prometheus";
    case ServerKind::Thanos:
        return "Thanos";
    case ServerKind::Mimir:
        return "Mimir";
    case ServerKind::Cortex:
        return "Cortex";
    case ServerKind::VictoriaMetrics:
        return "VictoriaMetrics";
    }
    return "This server";
}

std::string Offers::sentence(Part part) const
{
    const auto found = missing_.find(part);
    if (found == missing_.end() || found->second.empty()) {
        return fmt::format("{} does not offer {}", serverKindText(kind), partText(part));
    }
    return fmt::format("{} does not offer {}: {}", serverKindText(kind), partText(part),
                       found->second);
}

absl::Status Offers::notOffered(Part part) const
{
    return absl::UnimplementedError(sentence(part));
}

} // namespace narthex::client
