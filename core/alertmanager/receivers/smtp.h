// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hands one mail to a mail server. Threads: a blocking call, from any. Errors: as
// net::LineStream, with the step that failed; Unavailable for a refusal.
// Source: spec/alertmanager.md, 8.2; RFC 5321, 3207, 4954.
#pragma once

#include "core/net/line_stream.h"

#include <string>
#include <vector>

namespace narthex::alertmanager {

struct MailServer
{
    std::string host;
    std::string port;
    std::string hello;
    /// TLS from the first byte.
    bool implicitTls = false;
    /// STARTTLS, or nothing is sent; false never asks for it.
    bool requireTls = true;
    net::TlsConfig tls;
    /// Empty: no authentication.
    std::string username;
    base::Secret password;
    base::Secret secret;
    std::string identity;
};

struct Mail
{
    std::string from;
    std::vector<std::string> recipients;
    /// Headers and body, lines ending in CRLF.
    std::string message;
};

absl::Status deliver(const MailServer& server, const Mail& mail, const net::DialogueLimits& limits);

} // namespace narthex::alertmanager
