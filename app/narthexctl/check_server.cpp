// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `check healthy`, `check ready`: is a server there, and does it answer queries? Threads: main.
// Source: spec/http-api.md, 16.
#include "commands.h"
#include "server_access.h"

#include "core/base/status.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

struct StatusFlags
{
    ServerFlags server;
    std::string url = "http://localhost:9090";
};

absl::Status askStatus(const StatusFlags& flags, const std::string& path)
{
    constexpr base::Duration kPatience = 10_s;
    NARTHEX_ASSIGN_OR_RETURN(const auto server,
                             ServerAccess::open(flags.url, flags.server, kPatience));
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, server->send({.url = path}));
    if (response.status != 200) {
        return base::unavailable("check failed: URL={}, status={}", server->url(), response.status);
    }
    fmt::print(stderr, "  SUCCESS:  {}\n", response.body);
    return absl::OkStatus();
}

void addStatus(CLI::App& check, const std::string& name, const char* what, int& exitCode)
{
    CLI::App* command = check.add_subcommand(name, what);
    auto flags = std::make_shared<StatusFlags>();
    command->add_option("--url", flags->url, "The server")->capture_default_str();
    addServerOptions(*command, flags->server);
    command->footer(fmt::format("Example: narthexctl check {} --url http://localhost:9090", name));
    command->callback([flags, name, &exitCode] {
        const absl::Status status = askStatus(*flags, "/-/" + name);
        if (!status.ok()) {
            fmt::print(stderr, "{}\n", base::messageOf(status));
        }
        exitCode = status.ok() ? kOk : kFailed;
    });
}

} // namespace

void addCheckServer(CLI::App& check, int& exitCode)
{
    addStatus(check, "healthy", "Whether a server runs.", exitCode);
    addStatus(check, "ready", "Whether a server answers queries.", exitCode);
}

} // namespace narthex::ctl
