// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "serve_web.h"

#include "core/base/status.h"

namespace narthex::ctl {

void addWebFlags(CLI::App& serve, WebFlags& flags)
{
    serve.add_option("--web.listen-address", flags.listenAddresses,
                     "Address of the HTTP interface; may be given several times. Without it "
                     "127.0.0.1:9090: only programs of this computer reach it");
    serve.add_option("--web.config.file", flags.configFile,
                     "TLS, users and headers of the HTTP interface, in the form of Prometheus' "
                     "web configuration; read again when it changes");
    serve
        .add_option("--web.max-connections", flags.maxConnections,
                    "Connections at once over all addresses; further ones wait")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    serve
        .add_option("--web.read-timeout", flags.readTimeout,
                    "How long a request may take to arrive, and a connection be without one")
        ->capture_default_str();
    serve.add_option("--web.route-prefix", flags.routePrefix,
                     "What stands before all paths; without it the path of --web.external-url");
    serve
        .add_option("--web.cors.origin", flags.corsOrigin,
                    "Regular expression of the origins whose pages may read answers; it matches "
                    "the whole origin")
        ->capture_default_str();
    serve.add_option("--web.page-title", flags.pageTitle, "Title of the page at /query")
        ->capture_default_str();
    serve.add_option("--web.user-assets", flags.userAssets, "Folder of the files below /user");
    serve.add_option("--web.console.templates", flags.consoleTemplates,
                     "Accepted and without effect: console templates are not offered");
    serve.add_option("--web.console.libraries", flags.consoleLibraries,
                     "Accepted and without effect: console templates are not offered");
    serve.add_flag("--web.enable-lifecycle", flags.enableLifecycle,
                   "Allow POST /-/reload and /-/quit");
    serve.add_flag("--web.enable-admin-api", flags.enableAdmin,
                   "Allow the API to delete series, clean tombstones and take snapshots");
}

absl::Status applyWebFlags(const WebFlags& flags, app::ServiceOptions& options)
{
    options.listenAddress = "127.0.0.1:9090";
    if (!flags.listenAddresses.empty()) {
        options.listenAddress = flags.listenAddresses.front();
        options.moreAddresses.assign(flags.listenAddresses.begin() + 1,
                                     flags.listenAddresses.end());
    }
    const auto timeout = base::parseDuration(flags.readTimeout);
    if (!timeout.ok()) {
        return base::annotate(timeout.status(), "--web.read-timeout");
    }
    if (timeout->ms() <= 0) {
        return base::invalidArgument("--web.read-timeout: {} is no time at all", flags.readTimeout);
    }
    options.readTimeout = *timeout;
    options.maxConnections = flags.maxConnections;
    options.web = {.enableAdmin = flags.enableAdmin,
                   .enableLifecycle = flags.enableLifecycle,
                   .corsOrigin = flags.corsOrigin,
                   .pageTitle = flags.pageTitle,
                   .userAssets = flags.userAssets,
                   .webConfigFile = flags.configFile};
    if (!flags.routePrefix.empty()) {
        options.web.routePrefix = flags.routePrefix;
    }
    return absl::OkStatus();
}

} // namespace narthex::ctl
