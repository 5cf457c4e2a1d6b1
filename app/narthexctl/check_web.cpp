// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `narthexctl check web-config`: whether a web.config.file and what it names can be used.
// Source: spec/http-api.md, 14 and 16.
#include "commands.h"

#include "core/api/web_config.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace narthex::ctl {

void addCheckWeb(CLI::App& check, int& exitCode)
{
    CLI::App* command = check.add_subcommand(
        "web-config", "Check files for --web.config.file: TLS, users and headers of the HTTP "
                      "interface; names each mistake with file, line and column.");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("FILE", *files, "Web configuration files")->required();
    command->footer("Example: narthexctl check web-config web.yml");
    command->callback([files, &exitCode] {
        exitCode = kOk;
        for (const std::string& file : *files) {
            const auto config = api::loadWebConfig(file);
            if (config.ok()) {
                fmt::print(stderr, "{} SUCCESS\n", file);
            } else {
                fmt::print(stderr, "{} FAILED: {}\n", file, base::messageOf(config.status()));
                exitCode = kFailed;
            }
        }
    });
}

} // namespace narthex::ctl
