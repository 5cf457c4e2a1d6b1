// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The flags of `serve` about its HTTP interface, by Prometheus' names. Threads: main.
// Source: spec/http-api.md, 11 and 15.
#pragma once

#include "app/service/service.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace narthex::ctl {

struct WebFlags
{
    std::vector<std::string> listenAddresses;
    std::size_t maxConnections = 512;
    std::string readTimeout = "5m";
    std::string routePrefix;
    std::string corsOrigin = ".*";
    std::string configFile;
    std::string pageTitle = "Narthex";
    std::string userAssets;
    /// Read for scripts that give them: console templates are not offered.
    std::string consoleTemplates;
    std::string consoleLibraries;
    bool enableLifecycle = false;
    bool enableAdmin = false;
};

void addWebFlags(CLI::App& serve, WebFlags& flags);

/// Errors: InvalidArgument with the flag's name.
absl::Status applyWebFlags(const WebFlags& flags, app::ServiceOptions& options);

} // namespace narthex::ctl
