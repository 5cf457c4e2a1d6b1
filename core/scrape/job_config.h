// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the file says of scraping: the defaults of all jobs, and one job, with inherited values
// filled in. Threads: values. Source: spec/config.md, global and scrape_configs.
#pragma once

#include "core/base/time.h"
#include "core/discovery/mechanism.h"
#include "core/net/http_client.h"
#include "core/relabel/relabel.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace narthex::scrape {

using namespace base::literals;

/// What a job takes over unless it says something itself. Limits of 0 are off.
struct ScrapeDefaults
{
    base::Duration interval = 1_min;
    base::Duration timeout = 10_s;
    std::uint64_t bodySizeLimit = 0;
    std::uint64_t sampleLimit = 0;
    std::uint64_t targetLimit = 0;
    std::uint64_t labelLimit = 0;
    std::uint64_t labelNameLengthLimit = 0;
    std::uint64_t labelValueLengthLimit = 0;
    std::uint64_t keepDroppedTargets = 0;
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    /// Empty: as the validation scheme says.
    std::string escapingScheme;
    std::vector<std::string> scrapeProtocols;
    bool scrapeNativeHistograms = false;
    bool convertClassicHistograms = false;
    bool alwaysScrapeClassicHistograms = false;
    bool extraScrapeMetrics = false;
    std::string failureLogFile;

    friend bool operator==(const ScrapeDefaults&, const ScrapeDefaults&) = default;
};

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
    bool convertClassicHistograms = false;
    /// Buckets of a native histogram, both signs together.
    std::uint64_t bucketLimit = 0;
    /// Growth from bucket to bucket that is fine enough; 0: any.
    double minBucketFactor = 0;
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
    /// Failed fetches are written there; empty: nowhere.
    std::string failureLogFile;
    net::HttpClientConfig http;
    discovery::ServiceDiscovery discovery;

    /// Reads or prints all keys of a job. What the document does not say is left as it is: fill in
    /// inherited values before (inherit()) and check after (complete()).
    void describe(yaml::Fields& fields);

    friend bool operator==(const JobConfig&, const JobConfig&) = default;
};

/// Reads one job of `scrape_configs`; problems are reported in its document.
JobConfig readJob(const yaml::Value& value, const std::filesystem::path& directory,
                  const ScrapeDefaults& defaults, std::vector<std::string>* warnings);

/// The keys of `global` that are defaults of jobs.
void describe(yaml::Fields& fields, ScrapeDefaults& defaults);

/// The protocols that are asked for when nothing is configured. `protobufFirst`: with native
/// histograms or start timestamps.
const std::vector<std::string>& defaultProtocols(bool protobufFirst);

} // namespace narthex::scrape
