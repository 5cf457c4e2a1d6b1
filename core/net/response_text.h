// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an answer looks like on the wire. Threads: pure functions; the clock belongs to one thread.
// Source: RFC 9112, 4 and 7.1; RFC 9110, 6.6.1 (Date).
#pragma once

#include "core/net/http_server.h"

namespace narthex::net {

/// How the body of an answer is delimited.
struct BodyFraming
{
    /// Absent: made while it is sent.
    std::optional<std::size_t> lengthBytes;
    bool http11 = true;
    bool keepAlive = true;
};

/// Appends the status line, all headers and the empty line. Line ends in values become blanks, and
/// headers with an impossible name are left out: no text of ours can begin a header of its own.
void appendResponseHead(std::string& out, const ServerResponse& response,
                        const BodyFraming& framing, std::string_view date);

/// Informational, 204 and 304 never have a body.
[[nodiscard]] bool mayHaveBody(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT", made once a second.
class DateText
{
public:
    [[nodiscard]] std::string_view now() ABSL_ATTRIBUTE_LIFETIME_BOUND;

private:
    std::int64_t second_ = -1;
    std::string text_;
};

} // namespace narthex::net
