// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The formats of pages: what is asked for, and what an answer is read as. Threads: pure functions.
// Source: spec/scrape.md, Request and response, Content-Type; spec/config.md, scrape_configs.
#pragma once

#include "core/scrape/job_config.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::scrape {

enum class PageFormat : std::uint8_t
{
    Text,
    OpenMetrics,
    Protobuf
};

/// Which parser a page needs. Errors: InvalidArgument in Prometheus' wording.
absl::StatusOr<PageFormat> pageFormat(std::string_view contentType,
                                      std::string_view fallbackProtocol);

/// The Accept header of a job's requests.
std::string acceptHeader(const JobConfig& job);

} // namespace narthex::scrape
