// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One scrape job as configured, with inherited values filled in.
// Threads: a value. Source: spec/config.md, scrape_configs.
#pragma once

#include "core/base/time.h"
#include "core/discovery/target_group.h"
#include "core/net/http_client.h"
#include "core/relabel/relabel.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace narthex::scrape {

using namespace base::literals;

/// Limits of 0 are off.
struct JobConfig
{
    std::string jobName;
    base::Duration interval = 1_min;
    base::Duration timeout = 10_s;
    std::string metricsPath = "/metrics";
    std::string scheme = "http";
    std::map<std::string, std::vector<std::string>> params;
    bool honorLabels = false;
    bool honorTimestamps = true;
    bool trackTimestampsStaleness = false;
    bool enableCompression = true;
    bool extraScrapeMetrics = false;
    /// Protocols to ask for, best first; empty: the default ones.
    std::vector<std::string> scrapeProtocols;
    /// How a page without a usable Content-Type is read; empty: not at all.
    std::string fallbackProtocol;
    /// allow-utf-8, underscores, dots or values: asked for, received names are stored as they come.
    std::string escapingScheme = "allow-utf-8";
    bool scrapeNativeHistograms = false;
    bool alwaysScrapeClassicHistograms = false;
    std::uint64_t bodySizeLimit = 0;
    std::uint64_t sampleLimit = 0;
    std::uint64_t targetLimit = 0;
    std::uint64_t labelLimit = 0;
    std::uint64_t labelNameLengthLimit = 0;
    std::uint64_t labelValueLengthLimit = 0;
    std::uint64_t keepDroppedTargets = 0;
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    std::vector<relabel::Rule> relabelRules;
    std::vector<relabel::Rule> metricRelabelRules;
    net::HttpClientConfig http;
    std::vector<discovery::TargetGroup> staticGroups;

    friend bool operator==(const JobConfig&, const JobConfig&) = default;
};

} // namespace narthex::scrape
