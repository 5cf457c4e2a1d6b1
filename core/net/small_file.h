// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Secrets and certificates in files, read on the loop's thread for every request. Threads: pure
// functions. Errors: as base::readFile; FailedPrecondition for what is no regular file: reading a
// pipe could last for ever.
#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace narthex::net {

/// At most 8 MiB.
absl::StatusOr<std::string> readSmallFile(const std::string& path);

} // namespace narthex::net
