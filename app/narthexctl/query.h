// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The subcommands of `narthexctl query`, and what they share. Threads: main.
// Source: spec/http-api.md, 16.
#pragma once

#include "server_access.h"

namespace narthex::ctl {

/// Options of `query` may stand before or behind the subcommand: one struct for both places.
struct QueryFlags
{
    ServerFlags server;
    std::string url;
    std::string format = "promql";
    std::string expression;
    std::string labelName;
    std::vector<std::string> matchers;
    std::string time;
    std::string start;
    std::string end;
    std::string step;
    // Of `analyze`.
    std::string type;
    std::string duration = "1h";
};

/// Below `query`.
void addQueryAnalyze(CLI::App& query, const std::shared_ptr<QueryFlags>& flags, int& exitCode);

} // namespace narthex::ctl
