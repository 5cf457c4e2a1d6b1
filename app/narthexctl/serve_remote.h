// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The flags of `serve` about what comes in from the network as samples, and about remote read:
// names of Prometheus. Threads: main. Source: spec/remote.md, 3, 4 and 6.
#pragma once

#include "core/api/ingest.h"

#include <CLI/CLI.hpp>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::ctl {

struct RemoteFlags
{
    bool writeReceiver = false;
    std::vector<std::string> acceptedMessages;
    bool otlpReceiver = false;
    std::uint64_t readSampleLimit = 50'000'000;
    std::size_t readConcurrentLimit = 10;
    std::size_t readFrameBytes = std::size_t{1} << 20U;
    std::string flushDeadline = "1m";
};

void addRemoteFlags(CLI::App& serve, RemoteFlags& flags);

/// Errors: InvalidArgument, a message that is not known.
absl::StatusOr<api::IngestOptions> ingestOptions(const RemoteFlags& flags);

/// Switches on what the name of a feature means for what is received; false if it means nothing
/// there.
bool enableIngestFeature(api::IngestOptions& options, std::string_view name);

/// Errors: InvalidArgument, features that exclude each other.
absl::Status checkFeatures(const api::IngestOptions& options);

} // namespace narthex::ctl
