// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// AlertClient over one or several Alertmanagers elsewhere. Owner: app. Threads: every function from
// any thread; replies come on the pool. Errors: as AlertClient, with the URL and what to check.
// Source: spec/ui.md, 6.9 to 6.11.
#pragma once

#include "core/client/alert_client.h"
#include "core/client/http/http_client.h"

#include <memory>
#include <string>
#include <vector>

namespace narthex::client {

struct HttpAlertSettings
{
    /// "http://localhost:9093", or with a path in front of the API.
    std::vector<std::string> urls;
    LinkSettings link;
    PollerOptions polling;
};

/// All of `environment` outlives the client, which is not to die on the pool.
std::unique_ptr<AlertClient> makeHttpAlertClient(const HttpAlertSettings& settings,
                                                 HttpClient::Environment environment);

} // namespace narthex::client
