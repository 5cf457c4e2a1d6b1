// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole configuration file: read strictly, defaults and inherited values filled in, checked,
// and printed with secrets hidden. Threads: values; a loaded Config is shared read-only.
// Errors: InvalidArgument with `file:line:column: message` for every problem of a pass, NotFound
// and the like for the file itself. Source: spec/config.md.
#pragma once

#include "core/base/time.h"
#include "core/promql/features.h"
#include "core/remote/remote_config.h"
#include "core/rules/alerting_config.h"
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
    /// Defaults of jobs.
    scrape::ScrapeDefaults scrape;
    base::Duration evaluationInterval = 1_min;
    base::Duration ruleQueryOffset;
    /// With variables of the environment filled in; a value may be empty.
    std::map<std::string, std::string> externalLabels;
    /// Absolute or empty.
    std::string queryLogFile;

    void describe(yaml::Fields& fields);
    friend bool operator==(const GlobalConfig&, const GlobalConfig&) = default;
};

/// Settings of Go's runtime: read, checked and printed, without effect here.
struct RuntimeConfig
{
    std::int64_t gogc = 75;
    void describe(yaml::Fields& fields);
    friend bool operator==(const RuntimeConfig&, const RuntimeConfig&) = default;
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

    void describe(yaml::Fields& fields);
    friend bool operator==(const RetentionConfig&, const RetentionConfig&) = default;
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

    void describe(yaml::Fields& fields);
    friend bool operator==(const StorageConfig&, const StorageConfig&) = default;
};

/// Where traces of requests and queries are sent.
struct TracingConfig
{
    std::string clientType = "grpc";
    std::string endpoint;
    /// 0 to 1.
    double samplingFraction = 0;
    bool insecure = false;
    net::TlsConfig tls;
    std::map<std::string, std::string> headers;
    /// "" or "gzip".
    std::string compression;
    base::Duration timeout;

    void describe(yaml::Fields& fields);
    friend bool operator==(const TracingConfig&, const TracingConfig&) = default;
};

/// What the command line changes of the defaults.
struct LoadOptions
{
    bool extraScrapeMetrics = false;
    /// Protobuf is asked for first: a feature needs start timestamps.
    bool protobufFirst = false;
};

struct Config
{
    /// Empty for the built-in configuration.
    std::filesystem::path file;
    /// The bytes of the file, for an editor; holds secrets, never shown by an API.
    std::string text;
    GlobalConfig global;
    RuntimeConfig runtime;
    rules::AlertingConfig alerting;
    /// Patterns, absolute.
    std::vector<std::string> ruleFiles;
    std::vector<std::string> scrapeConfigFiles;
    /// Of this file; of the file and those named by scrape_config_files.
    std::vector<std::shared_ptr<const scrape::JobConfig>> ownJobs;
    std::vector<std::shared_ptr<const scrape::JobConfig>> jobs;
    StorageConfig storage;
    std::optional<TracingConfig> tracing;
    std::vector<remote::RemoteWriteConfig> remoteWrite;
    std::vector<remote::RemoteReadConfig> remoteRead;
    remote::OtlpConfig otlp;
    /// Sections and keys of Prometheus that are read but have no effect in this version, and
    /// variables of the environment that are empty: `file:line:column: …`.
    std::vector<std::string> warnings;

    /// External labels as the text that seeds scrape offsets: `{a="b", c="d"}`.
    [[nodiscard]] std::string externalLabelsText() const;
    /// As YAML, with defaults and inherited values, secrets as <secret>.
    [[nodiscard]] std::string toYaml() const;
};

/// Reads and checks a file and those named by scrape_config_files.
absl::StatusOr<Config> load(const std::filesystem::path& file, const LoadOptions& options = {});

/// Checks a text as if it stood in `file`; relative paths are resolved against the file's folder.
absl::StatusOr<Config> parse(const std::filesystem::path& file, const std::string& text,
                             const LoadOptions& options = {});

/// Where nothing is configured: no jobs, all defaults.
Config builtIn();

/// What cannot be seen in the text alone: rule files are there and right, certificates and keys of
/// all clients can be read and fit. Errors: all that is not, joined.
absl::Status checkFiles(const Config& config, const promql::Features& features);

/// A fingerprint of the configuration's text and of all files that it names, to see whether one of
/// them changed. Of what was loaded, or, `onDisk`, of what its file holds now. Errors: a file that cannot be read.
/// Source: spec/config.md, Loading and reloading.
absl::StatusOr<std::string> fingerprint(const Config& config, bool onDisk);

/// What a reload would change, a line each: "scrape job \"node\" added", "global changed".
std::vector<std::string> describeChanges(const Config& before, const Config& after);

} // namespace narthex::config
