// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"

#include "core/base/status.h"
#include "core/config/config.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

int checkConfig(const std::vector<std::string>& files)
{
    int exitCode = kOk;
    for (const std::string& file : files) {
        fmt::print("Checking {}\n", file);
        const auto config = config::load(file);
        if (!config.ok()) {
            fmt::print(stderr, "  FAILED: {}\n", base::messageOf(config.status()));
            exitCode = kFailed;
            continue;
        }
        if (const absl::Status status = config::checkFiles(*config, {}); !status.ok()) {
            fmt::print(stderr, "  FAILED: {}\n", base::messageOf(status));
            exitCode = kFailed;
            continue;
        }
        for (const std::string& warning : config->warnings) {
            fmt::print("  WARNING: {}\n", warning);
        }
        std::size_t targets = 0;
        for (const auto& job : config->jobs) {
            for (const auto& group : job->discovery.staticGroups) {
                targets += group.entries.size();
            }
        }
        fmt::print(
            " SUCCESS: {} is valid prometheus config file syntax: {} jobs, {} static targets\n",
            file, config->jobs.size(), targets);
    }
    return exitCode;
}

} // namespace

void addCheck(CLI::App& app, int& exitCode)
{
    CLI::App* check = app.add_subcommand("check", "Check files before they are used.");
    check->require_subcommand(1);
    CLI::App* config = check->add_subcommand(
        "config", "Check configuration files; names each mistake with file, line and column.");
    auto files = std::make_shared<std::vector<std::string>>();
    config->add_option("FILE", *files, "Configuration files")->required();
    config->callback([files, &exitCode] { exitCode = checkConfig(*files); });
}

} // namespace narthex::ctl
