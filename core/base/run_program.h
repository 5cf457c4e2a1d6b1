// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs a helper program and takes what it prints, for credentials that programs give. Threads: a
// blocking call, from any. Errors: NotFound (no such program), Unavailable (it failed), Cancelled,
// DeadlineExceeded, ResourceExhausted (it prints more than 1 MiB). What it prints is never part of
// an error.
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace narthex::base {

struct ProgramCall
{
    /// The program (looked up in PATH when it has no '/') and its arguments.
    std::vector<std::string> arguments;
    /// What it gets on its standard input.
    std::string input;
    /// Added to this process' own.
    std::vector<std::pair<std::string, std::string>> environment;
    Duration timeout;
};

/// Its standard output. Killed when `stop` is requested or the time is over.
absl::StatusOr<std::string> runProgram(const ProgramCall& call, const std::stop_token& stop);

} // namespace narthex::base
