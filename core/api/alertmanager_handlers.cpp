// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Alertmanager's API over HTTP; its paths and what they answer are in core/alertmanager.
// Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#include "core/alertmanager/api.h"
#include "core/api/context.h"

namespace narthex::api {

net::ServerResponse alertmanagerApi(const Context& context, const net::ServerRequest& request)
{
    const std::shared_ptr<alertmanager::Alertmanager> manager =
        context.engine.alerting().alertmanager();
    if (!manager) {
        return {.status = 503, .body = "Service Unavailable"};
    }
    const auto exporter = context.engine.alerting().ackExporter();
    alertmanager::ApiAnswer answer =
        alertmanager::answer(*manager, exporter.get(),
                             {.method = request.method,
                              .path = request.path,
                              .query = request.parameters,
                              .contentType = std::string(request.header("Content-Type")),
                              .body = request.body});
    net::ServerResponse response{
        .status = answer.status, .contentType = "application/json", .body = std::move(answer.body)};
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

} // namespace narthex::api
