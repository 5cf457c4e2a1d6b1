// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A URL of a web server in its parts. Threads: a value. Errors: InvalidArgument.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace narthex::net {

struct Url
{
    /// In lower case.
    std::string scheme;
    /// Decoded.
    std::string user;
    std::string password;
    bool hasUser = false;
    /// In lower case; an IPv6 address without its brackets.
    std::string host;
    /// As written, may be empty.
    std::string port;
    /// Path and query; begins with '/'. A fragment is dropped.
    std::string path;

    [[nodiscard]] bool isHttps() const { return scheme == "https"; }
    [[nodiscard]] std::string portOrDefault() const;
    /// With brackets around an IPv6 address, and the port if one was written.
    [[nodiscard]] std::string authority() const;
    /// Without user and password.
    [[nodiscard]] std::string text() const;
};

/// Errors: InvalidArgument `invalid URL "…": …`, without the password.
absl::StatusOr<Url> parseUrl(std::string_view text);

/// What a Location header means on a page of `base`.
absl::StatusOr<Url> resolveUrl(const Url& base, const std::string& location);

} // namespace narthex::net
