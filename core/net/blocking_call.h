// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request for callers that wait: sends, and blocks the thread until the answer is there or `stop`
// is requested. Threads: any but the loop's. Errors: as HttpClient.
#pragma once

#include "core/net/http_client.h"

#include <stop_token>

namespace narthex::net {

absl::StatusOr<HttpResponse> sendAndWait(HttpClient& client, HttpRequest request,
                                         std::shared_ptr<const HttpClientConfig> config,
                                         const std::stop_token& stop);

} // namespace narthex::net
