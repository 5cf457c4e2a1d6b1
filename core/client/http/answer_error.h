// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What went wrong with a remote server, in words that name the place and what to check. Threads:
// pure functions. Errors: it makes them: Unavailable (name, connection, TLS, 5xx, not JSON),
// DeadlineExceeded, Cancelled, ResourceExhausted (too large, too many), Unauthenticated and
// PermissionDenied (401, 403), InvalidArgument (the server refused the request, its words, with
// Position), Unimplemented (no such path), NotFound.
// Source: spec/http-api.md, 2.
#pragma once

#include "core/base/status.h"
#include "core/net/http_client.h"

#include <string_view>

namespace narthex::client {

/// An error of the transport, with the remedy.
absl::Status transportProblem(const absl::Status& error, std::string_view url);
/// An answer whose status is not 2xx; `query`: what a position in the message counts in.
absl::Status answerProblem(const net::HttpResponse& response, std::string_view url,
                           std::string_view query = {});
/// An answer with success that is not the JSON it should be: a page of a proxy, a cut-off text.
absl::Status notJson(const net::HttpResponse& response, std::string_view url, std::string_view why);
/// `{"status":"error",…}` as an error, by its type; `httpStatus` helps with types of others.
absl::Status apiProblem(std::string_view type, std::string_view message, int httpStatus,
                        std::string_view query);

} // namespace narthex::client
