// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why an alert is told, or not, and what happens next: as data, and in sentences. Threads: values.
// Source: spec/ui.md, alerts; spec/acknowledge.md, 7 (explanation).
#pragma once

#include "core/alertmanager/views.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::alertmanager {

struct Explanation
{
    /// One node of the route tree that was looked at.
    struct RouteStep
    {
        std::size_t depth = 0;
        /// Its own matchers: `{severity="critical"}`.
        std::string matchers;
        std::string receiver;
        bool matched = false;
        /// Why, in words: the matcher that does not hold, or what follows.
        std::string why;
    };
    struct IntegrationPart
    {
        /// "webhook[0]"
        std::string name;
        /// What came of its last turn.
        std::string last;
        std::optional<base::Timestamp> lastTold;
        /// What the next flush does if nothing changes until then.
        std::string next;
    };
    struct GroupPart
    {
        std::string key;
        std::string receiver;
        std::size_t alerts = 0;
        /// When the next flush begins.
        base::Timestamp nextFlush;
        bool sending = false;
        std::vector<std::string> mutedBy;
        std::vector<IntegrationPart> integrations;
    };
    struct Inhibition
    {
        std::string rule;
        model::Labels source;
    };
    struct Silencing
    {
        std::string id;
        std::string createdBy;
        std::string comment;
        base::Timestamp endsAt;
    };

    AlertView view;
    bool firing = false;
    std::vector<RouteStep> route;
    std::vector<GroupPart> groups;
    std::optional<Inhibition> inhibition;
    std::vector<Silencing> silences;
    std::vector<std::string> sentences;
};

} // namespace narthex::alertmanager
