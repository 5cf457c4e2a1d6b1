// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole configuration file of the Alertmanager: read strictly, defaults and inherited values
// filled in, checked, and printed with secrets hidden. Threads: values; a loaded Config is shared
// read-only. Errors: InvalidArgument with `file:line:column: message` for every problem, NotFound
// and the like for the file itself. Source: spec/alertmanager.md, 1.
#pragma once

#include "core/alertmanager/matchers.h"
#include "core/alertmanager/receivers/global_config.h"
#include "core/alertmanager/receivers/receiver_kind.h"
#include "core/alertmanager/route.h"
#include "core/alertmanager/time_interval.h"

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

struct InhibitRule
{
    MatcherMode mode = MatcherMode::Fallback;
    std::string name;
    std::vector<std::string> sourceTexts;
    std::map<std::string, std::string> sourceMatch;
    std::map<std::string, std::string> sourceMatchRe;
    std::vector<std::string> targetTexts;
    std::map<std::string, std::string> targetMatch;
    std::map<std::string, std::string> targetMatchRe;
    std::vector<std::string> equal;
    model::Matchers source;
    model::Matchers target;

    void describe(yaml::Fields& fields);
};

/// One way of a receiver to tell people.
struct IntegrationSettings
{
    std::shared_ptr<const ReceiverConfig> config;
    /// Counts for each kind from 0.
    std::size_t index = 0;
    /// "webhook[0]"
    [[nodiscard]] std::string name() const;
};

struct ReceiverSettings
{
    std::string name;
    /// With the label `name`.
    std::map<std::string, std::string> labels;
    /// In the order in which they run.
    std::vector<IntegrationSettings> integrations;
};

/// Read and checked; this program has no use for it.
struct TracingConfig
{
    std::string endpoint;
    std::string clientType = "grpc";
    double samplingFraction = 0;
    bool insecure = false;
    net::TlsConfig tls;
    std::map<std::string, base::Secret> headers;
    std::string compression;
    base::Duration timeout;

    void describe(yaml::Fields& fields);
    friend bool operator==(const TracingConfig&, const TracingConfig&) = default;
};

struct LoadOptions
{
    MatcherMode mode = MatcherMode::Fallback;
    /// How long notifications are remembered; for warnings.
    base::Duration retention = 120_h;
    std::span<const ReceiverKind> kinds = receiverKinds();
};

struct Config
{
    std::filesystem::path file;
    std::string text;
    LoadOptions options;
    GlobalConfig global;
    /// Globs.
    std::vector<std::string> templates;
    RouteConfig route;
    std::vector<InhibitRule> inhibitRules;
    std::vector<ReceiverSettings> receivers;
    std::vector<TimeInterval> muteTimeIntervals;
    std::vector<TimeInterval> timeIntervals;
    std::optional<TracingConfig> tracing;
    /// `file:line:column: message`
    std::vector<std::string> warnings;

    /// As the API shows it. `revealed`: with the secrets in clear, for tests.
    [[nodiscard]] std::string toYaml(bool revealed = false) const;
    [[nodiscard]] const ReceiverSettings* receiver(std::string_view name) const;
    /// Both sections in one.
    [[nodiscard]] TimeIntervals intervals() const;
    /// Files that the globs match now, in order.
    [[nodiscard]] std::vector<std::filesystem::path> templateFiles() const;
};

absl::StatusOr<Config> parseConfig(const std::filesystem::path& file, const std::string& text,
                                   const LoadOptions& options = {});
absl::StatusOr<Config> loadConfig(const std::filesystem::path& file,
                                  const LoadOptions& options = {});

} // namespace narthex::alertmanager
