// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The single collectors behind HostCollector: one function each, all with the same shape, listed
// once in collector.cpp. Threads: one at a time. Errors: NotFound = nothing to report here (no
// battery); anything else = the collector failed.
#pragma once

#include "core/exposition/text_writer.h"
#include "core/host/collector.h"

#include <absl/status/status.h>
#include <re2/re2.h>

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace narthex::host {

/// Processor times that went backwards are held; see the monotony rule.
struct CpuState
{
    std::map<std::string, std::array<double, 10>, std::less<>> last;
};

/// What collectors share.
struct Context
{
    const CollectorOptions& options;
    const base::Clock& clock;
    const re2::RE2& mountPointsExclude;
    const re2::RE2& fsTypesExclude;
    const re2::RE2& diskExclude;
    CpuState& cpu;
    exposition::TextWriter& out;
};

absl::Status collectCpu(Context& context);
absl::Status collectCpuFrequency(Context& context);
absl::Status collectDisks(Context& context);
absl::Status collectFileDescriptors(Context& context);
absl::Status collectFilesystems(Context& context);
absl::Status collectHwmon(Context& context);
absl::Status collectLoad(Context& context);
absl::Status collectMemory(Context& context);
absl::Status collectNetworkClass(Context& context);
absl::Status collectNetworkDevices(Context& context);
absl::Status collectOs(Context& context);
absl::Status collectPowerSupply(Context& context);
absl::Status collectPressure(Context& context);
absl::Status collectSockets(Context& context);
absl::Status collectStat(Context& context);
absl::Status collectThermalZones(Context& context);
absl::Status collectTime(Context& context);
absl::Status collectUname(Context& context);
absl::Status collectVmstat(Context& context);

// Small readers of the kernel's files.

/// A file of one line, without blanks at its ends.
absl::StatusOr<std::string> readLine(const std::filesystem::path& path);
std::optional<double> readNumber(const std::filesystem::path& path);
/// Fields between runs of blanks.
std::vector<std::string_view> fields(std::string_view line);
std::vector<std::string_view> lines(std::string_view text);
/// Names in a folder, sorted; empty if it is not there.
std::vector<std::string> listDirectory(const std::filesystem::path& directory);
double number(std::string_view text);

} // namespace narthex::host
