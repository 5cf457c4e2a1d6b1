// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `push`: metrics of a job that ends, to our server or to a Pushgateway. Values of the grouping key
// that are empty or have a slash go encoded. Threads: main. Source: spec/pushgateway.md, 9.
#include "commands.h"
#include "server_access.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/push/push_path.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

namespace narthex::ctl {
namespace {

struct PushFlags
{
    ServerFlags server;
    std::string url = "http://localhost:9090";
    std::string job;
    std::vector<std::string> labels;
    std::string file = "-";
    bool isPost = false;
    bool isPut = false;
    bool isDelete = false;
};

absl::StatusOr<push::GroupingKey> keyOf(const PushFlags& flags)
{
    if (flags.job.empty()) {
        return base::invalidArgument("--job is missing: the name of the job whose metrics these "
                                     "are");
    }
    push::GroupingKey key{{"job", flags.job}};
    NARTHEX_ASSIGN_OR_RETURN(const net::Parameters labels, readPairs(flags.labels, "--label"));
    for (const auto& [name, value] : labels) {
        if (!key.emplace(name, value).second) {
            return base::invalidArgument("--label: {} is given twice", name);
        }
    }
    return key;
}

absl::StatusOr<std::string> pageOf(const PushFlags& flags)
{
    if (flags.file != "-") {
        return base::readFile(flags.file);
    }
    return std::string((std::istreambuf_iterator<char>(std::cin)),
                       std::istreambuf_iterator<char>());
}

absl::Status pushGroup(const PushFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const push::GroupingKey key, keyOf(flags));
    net::HttpRequest request{.method = flags.isDelete ? "DELETE"
                                       : flags.isPut  ? "PUT"
                                                      : "POST",
                             .url = "/metrics/" + push::pushPath(key)};
    if (!flags.isDelete) {
        NARTHEX_ASSIGN_OR_RETURN(request.body, pageOf(flags));
        request.headers.emplace_back("Content-Type", "text/plain; version=0.0.4");
    }
    const std::string what =
        fmt::format("{} {}{}", request.method, serverUrl(flags.url), request.url);
    NARTHEX_ASSIGN_OR_RETURN(const auto server, ServerAccess::open(flags.url, flags.server, 30_s));
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response, server->send(std::move(request)));
    if (response.status / 100 != 2) {
        std::string reason = response.body;
        while (reason.ends_with('\n')) {
            reason.pop_back();
        }
        return base::invalidArgument("{}: HTTP status {} {}", what, response.status, reason);
    }
    return absl::OkStatus();
}

} // namespace

void addPush(CLI::App& app, int& exitCode)
{
    CLI::App* command = app.add_subcommand(
        "push", "Hand the metrics of a job that ends to our server or a Pushgateway, which keep "
                "them to be scraped.");
    command->require_subcommand(0, 1);
    auto flags = std::make_shared<PushFlags>();
    command->add_option("--url", flags->url, "Where to: our server, or a Pushgateway")
        ->capture_default_str();
    command->add_option("--job", flags->job, "Name of the job");
    command->add_option("--label", flags->labels, "name=value of the group; may be repeated")
        ->allow_extra_args(false);
    CLI::Option* post = command->add_flag(
        "--post", flags->isPost, "Replace metrics of the same names in the group (the default)");
    CLI::Option* put = command->add_flag("--put", flags->isPut, "Replace all metrics of the group")
                           ->excludes(post);
    command->add_flag("--delete", flags->isDelete, "Delete the group")
        ->excludes(post)
        ->excludes(put);
    command->add_option("--file", flags->file, "Metrics in the text format; -: standard input")
        ->capture_default_str();
    addServerOptions(*command, flags->server);
    command->footer("Example: echo 'backup_bytes 1234' | narthexctl push --job backup --label "
                    "path=/var --put");
    command->callback([flags, command, &exitCode] {
        if (!command->get_subcommands().empty()) {
            return; // that one has run
        }
        const absl::Status status = pushGroup(*flags);
        if (!status.ok()) {
            fmt::print(stderr, "  FAILED: {}\n", base::messageOf(status));
        }
        exitCode = status.ok() ? kOk : kFailed;
    });
    addPushMetrics(*command, exitCode);
}

} // namespace narthex::ctl
