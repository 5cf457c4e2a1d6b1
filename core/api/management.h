// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes beside the APIs: health, reload and quit, version, the page that names the APIs, files of
// the administrator. Owner: the front. Threads: any; reload and files block, so they come from the
// request pool. Source: spec/http-api.md, 12.
#pragma once

#include "core/engine/engine.h"
#include "core/net/http_server.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <span>

namespace narthex::api {

struct ManagementOptions
{
    /// POST /-/reload and /-/quit.
    bool enableLifecycle = false;
    /// Called for /-/quit, once.
    std::function<void()> onQuit;
    std::string pageTitle = "Narthex";
    /// Served below /user; empty: nothing.
    std::filesystem::path userAssets;
    /// What stands before the paths of redirects, "" or "/prometheus".
    std::string externalPath;
};

/// 503 of everything that needs the store, with the header that says whether it comes or goes.
[[nodiscard]] net::ServerResponse notReady(const engine::Engine& engine);
[[nodiscard]] net::ServerResponse plainText(int status, std::string body);
[[nodiscard]] net::ServerResponse methodNotAllowed(std::string allowed);

class Management
{
public:
    Management(engine::Engine& engine, ManagementOptions options)
        : engine_(engine), options_(std::move(options))
    {}

    /// The routes as metrics name them.
    [[nodiscard]] static std::span<const std::string_view> routes();
    /// The one of a path; empty: it belongs to somebody else.
    [[nodiscard]] static std::string_view routeOf(std::string_view path);
    /// Whether answer() may take its time.
    [[nodiscard]] static bool isSlow(std::string_view route);

    [[nodiscard]] net::ServerResponse answer(std::string_view route,
                                             const net::ServerRequest& request);

private:
    net::ServerResponse lifecycle(const net::ServerRequest& request);
    [[nodiscard]] net::ServerResponse redirect(const net::ServerRequest& request) const;
    [[nodiscard]] net::ServerResponse startPage() const;

    engine::Engine& engine_;
    const ManagementOptions options_;
    std::atomic<bool> quitting_{false};
};

} // namespace narthex::api
