// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The subcommands of narthexctl: each adds itself to the command line and runs when it was chosen.
// Threads: main.
#pragma once

#include <CLI/CLI.hpp>

namespace narthex::ctl {

/// Exit codes: 0 done, 1 the thing asked about is wrong, 2 cannot start or wrong use.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kCannotStart = 2;

void addServe(CLI::App& app, int& exitCode);
void addCheck(CLI::App& app, int& exitCode);
void addImport(CLI::App& app, int& exitCode);
void addTest(CLI::App& app, int& exitCode);
/// Below `test`.
void addTestRules(CLI::App& test, int& exitCode);
void addTsdb(CLI::App& app, int& exitCode);
void addAlert(CLI::App& app, int& exitCode);
/// `rules explain|backtest`.
void addRules(CLI::App& app, int& exitCode);
void addSilence(CLI::App& app, int& exitCode);
/// `config show|routes`, `template render`, `cluster show`.
void addRouting(CLI::App& app, int& exitCode);
/// `check alertmanager-config`.
void addCheckAlertmanager(CLI::App& check, int& exitCode);
/// `check web-config`.
void addCheckWeb(CLI::App& check, int& exitCode);

} // namespace narthex::ctl
