// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Alerts and groups as others see them: copies of what held at one moment. Threads: values.
// Source: spec/alertmanager.md, 10.
#pragma once

#include "core/alertmanager/acknowledgements.h"
#include "core/alertmanager/alert.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace narthex::alertmanager {

enum class AlertState : std::uint8_t
{
    /// It never went through a flush.
    Unprocessed,
    Suppressed,
    Active
};
/// "unprocessed", "suppressed", "active"
std::string_view text(AlertState state);

struct AlertView
{
    AlertPtr alert;
    AlertState state = AlertState::Unprocessed;
    std::vector<std::string> receivers;
    std::vector<std::string> silencedBy;
    std::vector<Fingerprint> inhibitedBy;
    /// In groups only.
    std::vector<std::string> mutedBy;
    std::optional<Acknowledgement> acknowledgement;
    std::optional<Episode> episode;
};

struct GroupView
{
    model::Labels labels;
    std::map<std::string, std::string, std::less<>> routeLabels;
    std::string receiver;
    std::string key;
    std::vector<AlertView> alerts;
};

} // namespace narthex::alertmanager
