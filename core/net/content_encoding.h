// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Compressed answers: what the peer takes, and bodies in that form, whole or while they are sent.
// Threads: pure functions; a stream one at a time. Source: spec/http-api.md, 11; RFC 9110, 12.5.3.
#pragma once

#include "core/net/http_server.h"

namespace narthex::net {

enum class ContentCoding : std::uint8_t
{
    Identity,
    Gzip,
    /// With zlib's frame (RFC 1950), as the name means.
    Deflate
};

/// The first token of an Accept-Encoding that is "gzip" or "deflate" and nothing else: weights are
/// not understood, as with Prometheus' API.
[[nodiscard]] ContentCoding codingForApi(std::string_view acceptEncoding);
/// Whether gzip has a weight above 0, as for Prometheus' /metrics.
[[nodiscard]] bool takesGzip(std::string_view acceptEncoding);

/// Empty for Identity.
[[nodiscard]] std::string_view codingName(ContentCoding coding);

/// Compresses the body or the stream of an answer and says so in its headers. Nothing happens to an
/// answer without body or with a coding of its own.
void compress(ServerResponse& response, ContentCoding coding);

} // namespace narthex::net
