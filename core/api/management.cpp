// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/management.h"

#include "core/api/api.h"
#include "core/api/context.h"
#include "core/api/static_files.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/gotemplate/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace narthex::api {
namespace {

/// Whether the queue of pushes has room.
bool pushesFlow(const engine::Engine& engine)
{
    const auto pushed = engine.pushed();
    return !pushed || pushed->healthy();
}

constexpr std::string_view kUser = "/user/";
constexpr std::array<std::string_view, 12> kRoutes = {"/",
                                                      "/-/healthy",
                                                      "/-/quit",
                                                      "/-/ready",
                                                      "/-/reload",
                                                      "/consoles/*filepath",
                                                      "/debug/*subpath",
                                                      "/debug/threads",
                                                      "/graph",
                                                      "/query",
                                                      "/user/*filepath",
                                                      "/version"};

/// A line for each thread of this process: its number, its name, and what it does, from the kernel.
net::ServerResponse threads()
{
    net::ServerResponse response = plainText(200, "");
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
        const auto stat = base::readFile(task.path() / "stat");
        const std::size_t open = stat.ok() ? stat->find('(') : std::string::npos;
        const std::size_t close = stat.ok() ? stat->rfind(')') : std::string::npos;
        if (open == std::string::npos || close == std::string::npos || close + 2 >= stat->size()) {
            continue; // it has just ended
        }
        response.body += fmt::format("{} {} {}\n", task.path().filename().string(),
                                     stat->substr(open + 1, close - open - 1), (*stat)[close + 2]);
    }
    return response;
}

net::ServerResponse version()
{
    net::ServerResponse response{.contentType = "application/json"};
    base::JsonWriter json(response.body);
    writeBuildInfo(json);
    return response;
}

} // namespace

net::ServerResponse plainText(int status, std::string body)
{
    return {.status = status, .body = std::move(body)};
}

net::ServerResponse methodNotAllowed(std::string allowed)
{
    net::ServerResponse response = plainText(405, "Method Not Allowed\n");
    response.headers.emplace_back("Allow", std::move(allowed));
    return response;
}

net::ServerResponse notReady(const engine::Engine& engine)
{
    net::ServerResponse response = plainText(503, "Service Unavailable");
    const bool stopping = engine.state() == engine::State::Stopping;
    response.headers.emplace_back("X-Prometheus-Stopping", stopping ? "true" : "false");
    return response;
}

std::span<const std::string_view> Management::routes() { return kRoutes; }

std::string_view Management::routeOf(std::string_view path)
{
    if (const auto* exact = std::find(kRoutes.begin(), kRoutes.end(), path);
        exact != kRoutes.end() && path.find('*') == std::string_view::npos) {
        return *exact;
    }
    for (const std::string_view route : kRoutes) {
        const std::size_t star = route.find('*');
        if (star != std::string_view::npos && path.starts_with(route.substr(0, star))) {
            return route;
        }
    }
    return {};
}

bool Management::isSlow(std::string_view route)
{
    return route == "/-/reload" || route == "/user/*filepath" || route == "/debug/threads";
}

net::ServerResponse Management::answer(std::string_view route, const net::ServerRequest& request)
{
    if (route == "/-/reload" || route == "/-/quit") {
        return lifecycle(request);
    }
    const bool debug = route.starts_with("/debug/");
    const bool read = request.method == "GET" || request.method == "HEAD";
    if (!read && !(debug && request.method == "POST")) {
        return methodNotAllowed("GET, HEAD, OPTIONS");
    }
    if (route == "/-/healthy") {
        return pushesFlow(engine_) ? plainText(200, "Narthex is Healthy.\n")
                                   : plainText(500, "pushes wait without an end\n");
    }
    if (route == "/-/ready") {
        return engine_.ready() && pushesFlow(engine_) ? plainText(200, "Narthex is Ready.\n")
                                                      : notReady(engine_);
    }
    if (route == "/" || route == "/graph") {
        return redirect(request);
    }
    if (route == "/query") {
        return startPage();
    }
    if (route == "/version") {
        return version();
    }
    if (route == "/user/*filepath") {
        return staticFile(options_.userAssets, std::string_view(request.path).substr(kUser.size()));
    }
    if (route == "/consoles/*filepath") {
        return plainText(501, "Console templates are not offered here: draw dashboards with the "
                              "program narthex or with Grafana.\n");
    }
    if (route == "/debug/threads") {
        return threads();
    }
    return plainText(404, "404 page not found: there is no Go runtime to profile; /debug/threads "
                          "lists the threads\n");
}

net::ServerResponse Management::lifecycle(const net::ServerRequest& request)
{
    if (request.method != "POST" && request.method != "PUT") {
        net::ServerResponse response = plainText(405, "Only POST or PUT requests allowed");
        response.headers.emplace_back("Allow", "POST, PUT");
        return response;
    }
    if (!options_.enableLifecycle) {
        return plainText(403, "Lifecycle API is not enabled.");
    }
    if (request.path == "/-/quit") {
        if (quitting_.exchange(true)) {
            return plainText(200, "Termination already in progress.");
        }
        if (options_.onQuit) {
            options_.onQuit();
        }
        return plainText(200, "Requesting termination... Goodbye!");
    }
    const absl::Status status = engine_.reload();
    return status.ok() ? plainText(200, "")
                       : plainText(500, fmt::format("failed to reload config: {}\n",
                                                    base::messageOf(status)));
}

net::ServerResponse Management::redirect(const net::ServerRequest& request) const
{
    net::ServerResponse response{.status = 302, .contentType = ""};
    std::string location = options_.externalPath + "/query";
    if (!request.query.empty()) {
        location += "?" + request.query;
    }
    response.headers.emplace_back("Location", std::move(location));
    return response;
}

net::ServerResponse Management::startPage() const
{
    const std::string title = gotemplate::escapeHtml(options_.pageTitle);
    std::string page = fmt::format(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>"
        "<body><h1>{}</h1><p>This server speaks Prometheus' and Alertmanager's HTTP APIs. Its "
        "window is the program <code>narthex</code>; its commands are those of "
        "<code>narthexctl</code>.</p><ul>",
        title, title);
    for (const std::string_view route : Api::routes()) {
        page += fmt::format("<li><code>{}</code></li>", gotemplate::escapeHtml(route));
    }
    return {.contentType = "text/html; charset=utf-8", .body = page + "</ul></body></html>"};
}

} // namespace narthex::api
