// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Addresses of mails (RFC 5322, as Go's net/mail takes them) and of mail servers. Threads: pure
// functions. Errors: InvalidArgument.
#pragma once

#include "core/yaml/fields.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// `Ann <ann@example.org>, bob@example.org` → the addresses alone. Errors: no address at all, one
/// without '@', line breaks.
absl::StatusOr<std::vector<std::string>> parseAddresses(std::string_view text);

struct HostPort
{
    std::string host;
    std::string port;
};
/// Errors: `address "x": port cannot be empty`.
absl::StatusOr<HostPort> parseHostPort(std::string_view text);
void describeSmarthost(yaml::Fields& fields, std::string_view name, std::string& smarthost);

} // namespace narthex::alertmanager
