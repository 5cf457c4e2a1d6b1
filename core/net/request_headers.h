// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The header lines of one request, with credentials and configured headers, whose files are read
// each time. Threads: pure functions. Errors: Unavailable (a file cannot be read),
// InvalidArgument (a value that cannot stand in a header). Source: spec/config.md, HTTP client
// configuration.
#pragma once

#include "core/net/http_client.h"
#include "core/net/parameters.h"
#include "core/net/url.h"

namespace narthex::net {

/// A file's text without surrounding whitespace. Errors: `unable to read <what>: unable to read
/// file <path>: …`.
absl::StatusOr<std::string> readCredential(const std::string& path, std::string_view what);

/// The request's own headers, then Authorization if there is none yet (from the URL, else `token`,
/// else the configuration), then http_headers. Once a redirect `leftHost` credentials stay away.
absl::StatusOr<Parameters> composeHeaders(const HttpRequest& request,
                                          const HttpClientConfig& config, const Url& url,
                                          const std::string& token, bool leftHost);

/// Whether the request brings its credentials along, so that configured ones are not needed.
bool bringsCredentials(const HttpRequest& request, const Url& url);

} // namespace narthex::net
