// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A command of the user's that prints credentials. Threads: any; blocks. Errors: DeadlineExceeded,
// Cancelled, ResourceExhausted (too much output), Unavailable (it cannot be started, or fails).
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <stop_token>
#include <string>

namespace narthex::discovery {

/// Runs `command` with the shell and returns what it prints; it is killed when `timeout` is over.
absl::StatusOr<std::string> runCommand(const std::string& command, base::Duration timeout,
                                       const std::stop_token& stop);

} // namespace narthex::discovery
