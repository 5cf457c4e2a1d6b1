// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole configuration file: read strictly, defaults and inherited values filled in, checked.
// Threads: values; a loaded Config is shared read-only.
// Errors: InvalidArgument with `file:line:column: message` for every problem of a pass, NotFound
// and the like for the file itself. Source: spec/config.md.
#pragma once

#include "core/base/time.h"
#include "core/scrape/job_config.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::config {

using namespace base::literals;

struct GlobalConfig
{
    base::Duration scrapeInterval = 1_min;
    base::Duration scrapeTimeout = 10_s;
    base::Duration evaluationInterval = 1_min;
    std::map<std::string, std::string> externalLabels;
    /// Absolute or empty.
    std::string queryLogFile;
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    // Defaults of jobs; 0 and false: off.
    std::uint64_t bodySizeLimit = 0;
    std::uint64_t sampleLimit = 0;
    std::uint64_t targetLimit = 0;
    std::uint64_t labelLimit = 0;
    std::uint64_t labelNameLengthLimit = 0;
    std::uint64_t labelValueLengthLimit = 0;
    std::uint64_t keepDroppedTargets = 0;
    bool extraScrapeMetrics = false;
    std::vector<std::string> scrapeProtocols;
    /// Empty: as the validation scheme says.
    std::string escapingScheme;
    bool scrapeNativeHistograms = false;
    bool alwaysScrapeClassicHistograms = false;
};

/// storage.tsdb.retention: only what it says counts.
struct RetentionConfig
{
    /// 0: for ever.
    base::Duration time;
    /// 0: no limit.
    std::uint64_t bytes = 0;
    /// Of the file system; counts instead of bytes unless 0.
    double percent = 0;
};

struct StorageConfig
{
    /// 0: samples out of order are refused.
    base::Duration outOfOrderWindow;
    /// 0 to 1; 0: stale series wait for the next block like all others.
    double staleSeriesThreshold = 0;
    /// Absent: as the command line says.
    std::optional<bool> useXor2;
    std::optional<RetentionConfig> retention;
    /// Absent: as the command line says; 0: exemplars are not kept.
    std::optional<std::uint32_t> maxExemplars;
};

struct Config
{
    /// Empty for the built-in configuration.
    std::filesystem::path file;
    /// The bytes of the file, for an editor; holds secrets, never shown by an API.
    std::string text;
    GlobalConfig global;
    std::vector<std::shared_ptr<const scrape::JobConfig>> jobs;
    StorageConfig storage;
    /// Sections and keys of Prometheus that are read but have no effect in this version:
    /// `file:line:column: …`.
    std::vector<std::string> warnings;

    /// External labels as the text that seeds scrape offsets: `{a="b", c="d"}`.
    [[nodiscard]] std::string externalLabelsText() const;
};

/// Reads and checks a file.
absl::StatusOr<Config> load(const std::filesystem::path& file);

/// Checks a text as if it stood in `file`; relative paths are resolved against the file's folder.
absl::StatusOr<Config> parse(const std::filesystem::path& file, const std::string& text);

/// Where nothing is configured: no jobs, all defaults.
Config builtIn();

} // namespace narthex::config
