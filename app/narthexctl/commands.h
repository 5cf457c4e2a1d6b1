// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The subcommands of narthexctl: each adds itself to the command line and runs when it was chosen.
// Threads: main.
#pragma once

#include <CLI/CLI.hpp>

namespace narthex::ctl {

/// Exit codes: 0 done; 1 the thing asked about is wrong, or wrong use; 2 the server cannot start,
/// or wrong use of it; 3 nothing is wrong, but there are findings.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kCannotStart = 2;
inline constexpr int kLintFindings = 3;

void addServe(CLI::App& app, int& exitCode);
void addCheck(CLI::App& app, int& exitCode);
/// `completion bash|zsh|fish`: of all commands that `app` has when it runs.
void addCompletion(CLI::App& app, int& exitCode);
void addDebug(CLI::App& app, int& exitCode);
void addImport(CLI::App& app, int& exitCode);
/// `promql …`; `experimental` is looked at when they run.
void addPromql(CLI::App& app, const bool& experimental, int& exitCode);
/// `push`, `push metrics`
void addPush(CLI::App& app, int& exitCode);
void addQuery(CLI::App& app, int& exitCode);
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
/// `check healthy`, `check ready`.
void addCheckServer(CLI::App& check, int& exitCode);
void addCheckDiscovery(CLI::App& check, int& exitCode);
void addCheckMetrics(CLI::App& check, int& exitCode);
/// `check web-config`.
void addCheckWeb(CLI::App& check, int& exitCode);
/// Below `push`.
void addPushMetrics(CLI::App& push, int& exitCode);

} // namespace narthex::ctl
