// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Addresses of many host names at once, as programs of this machine see them (hosts file, then
// name servers). Threads: blocks the caller; any. Errors, each host by itself: Unavailable (no
// answer, no such name), DeadlineExceeded, Cancelled.
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::discovery {

struct ResolveOptions
{
    /// The system resolver's file.
    std::string resolverFile;
    std::size_t atOnce = 5;
    base::Duration timeout = base::Duration::fromMs(10'000);
};

/// IPv4 and IPv6 addresses of each host, sorted, without repeats.
std::vector<absl::StatusOr<std::vector<std::string>>>
resolveHosts(std::span<const std::string> hosts, const ResolveOptions& options,
             const std::stop_token& stop);

} // namespace narthex::discovery
