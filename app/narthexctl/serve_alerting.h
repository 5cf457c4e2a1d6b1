// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The flags of `serve` about rules, alerts and the Alertmanager: names of Prometheus and of
// Alertmanager. Threads: main. Source: spec/rules.md, 15.4; spec/alertmanager.md, 11.
#pragma once

#include "core/engine/alerting.h"

#include <CLI/CLI.hpp>
#include <absl/status/statusor.h>

#include <string>

namespace narthex::ctl {

struct AlertingFlags
{
    std::string alertmanagerConfig;
    std::string ownReceivers;
    bool allowCommands = false;
    std::string externalUrl;
    std::size_t queueCapacity = 10'000;
    std::size_t batchSize = 256;
    bool drainOnShutdown = true;
    std::string outageTolerance = "1h";
    std::string gracePeriod = "10m";
    std::string resendDelay = "1m";
    std::size_t maxConcurrentEvaluations = 4;
    std::string retention = "120h";
    std::string maintenanceInterval = "15m";
    std::string collectInterval = "30m";
    std::string startDelay = "1m";
    std::size_t maxSilences = 0;
    std::size_t maxSilenceBytes = 0;
    std::size_t perNameLimit = 0;
};

void addAlertingFlags(CLI::App& serve, AlertingFlags& flags);

/// Errors: InvalidArgument, a duration that is none (with the flag's name).
absl::StatusOr<engine::AlertingOptions> alertingOptions(const AlertingFlags& flags);

/// Switches on what the name of a feature means for alerts; false if it means nothing there.
bool enableAlertingFeature(engine::AlertingOptions& options, std::string_view name);

} // namespace narthex::ctl
