// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request as text: what a connection reads piece by piece, at once. Threads: pure functions.
// Errors: InvalidArgument with the text of the refusal. Source: RFC 9112, 3.
#pragma once

#include "core/net/http_server.h"

namespace narthex::net {

/// The path and the query of a request target: "/a%20b?x=1", "http://host/a?x=1", "*". The path is
/// decoded. Errors: InvalidArgument, a damaged escape or no path at all.
absl::Status splitTarget(std::string_view target, ServerRequest& request);

/// A whole request whose bytes arrive in pieces of `pieceBytes`; absent if it does not end.
absl::StatusOr<std::optional<ServerRequest>>
readRequest(std::string_view bytes, std::size_t pieceBytes, const HttpServerOptions& limits = {});

} // namespace narthex::net
