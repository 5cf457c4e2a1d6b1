// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration made ready to run: the route tree, templates, and every receiver with its running
// integrations. Owner: the Alertmanager; groups and messages under way share it. Threads:
// immutable, but for the lanes, which are safe by themselves.
#pragma once

#include "core/alertmanager/config.h"
#include "core/alertmanager/lane.h"
#include "core/alertmanager/receivers/templates.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narthex::alertmanager {

struct RunningIntegration
{
    std::string receiver;
    std::string kind;
    std::size_t index = 0;
    bool sendResolved = true;
    /// Told of acknowledgements without being asked to each time.
    bool forwards = false;
    std::unique_ptr<Integration> integration;
    std::unique_ptr<Lane> lane;

    /// "webhook[0]"
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string logKey(std::string_view groupKey) const;
};

struct Setup
{
    std::shared_ptr<const Config> config;
    RouteTree tree;
    TimeIntervals intervals;
    std::shared_ptr<const Templates> templates;
    std::map<std::string, std::vector<std::unique_ptr<RunningIntegration>>, std::less<>> receivers;
    /// As the API shows it.
    std::string printed;
};

/// `environment.templates` is filled in here. Errors: templates that do not parse, integrations
/// that cannot be made, each with its place in the configuration.
absl::StatusOr<std::shared_ptr<const Setup>> makeSetup(Config config,
                                                       IntegrationEnvironment environment,
                                                       const std::vector<std::string>& forward);

} // namespace narthex::alertmanager
