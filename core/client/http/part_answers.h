// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a server says of itself over the HTTP API, from JSON to values. What a server leaves out
// stays empty. Threads: pure functions. Errors: Unavailable (not such JSON).
// Format: spec/http-api.md, 4 to 8.
#pragma once

#include "core/client/monitoring_client.h"
#include "core/discovery/json.h"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::client {

using discovery::Json;

// Each takes what is below "data".
std::vector<std::string> namesFrom(const Json& data);
std::vector<MetricMetadata> metadataFrom(const Json& data);
Targets targetsFrom(const Json& data);
BuildInfo buildInfoFrom(const Json& data);
std::vector<ExemplarSeries> exemplarsFrom(const Json& data);
std::vector<RuleGroupInfo> rulesFrom(const Json& data);
AlertmanagerTargets alertmanagersFrom(const Json& data);
StoreStatus storeStatusFrom(const Json& data);
BlockList blocksFrom(const Json& data);
RuntimeInfo runtimeInfoFrom(const Json& data);
Flags flagsFrom(const Json& data);

/// From the words of a target's last error.
ScrapeErrorClass scrapeErrorClassOf(std::string_view text);

} // namespace narthex::client
