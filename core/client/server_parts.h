// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a monitoring server shows of itself besides series: rules, its store, exemplars, run time;
// and which of these parts a server has. Threads: values. Units: in the types; sizes in bytes.
// Source: spec/http-api.md, 4 to 8; spec/ui.md, 6.8, 6.12 and 6.13.
#pragma once

#include "core/base/status.h"
#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::client {

/// What a server may offer or not.
enum class Part : std::uint8_t
{
    Queries,
    Series,
    Metadata,
    Exemplars,
    Targets,
    ScrapeNow,
    Rules,
    Alertmanagers,
    StoreStatus,
    Blocks,
    RuntimeInfo,
    Configuration,
    Reload,
    Flags,
    DeleteSeries,
    Snapshot
};
inline constexpr std::size_t kPartCount = static_cast<std::size_t>(Part::Snapshot) + 1;
/// In a sentence: "the list of targets", "deletion of series".
std::string_view partText(Part part);

enum class ServerKind : std::uint8_t
{
    /// Speaks the API and does not say who it is.
    Compatible,
    Narthex,
    Prometheus,
    Thanos,
    Mimir,
    Cortex,
    VictoriaMetrics
};
/// "Prometheus", "a Prometheus-compatible server".
std::string_view serverKindText(ServerKind kind);

/// Which parts a server has. Starts with all of them.
class Offers
{
public:
    ServerKind kind = ServerKind::Compatible;
    std::string version;

    [[nodiscard]] bool has(Part part) const { return !missing_.contains(part); }
    /// `remedy`: how it can be had; empty: not at all.
    void remove(Part part, std::string remedy = {}) { missing_[part] = std::move(remedy); }
    /// For a view in place of what is not there: "Thanos does not offer the list of targets."
    [[nodiscard]] std::string sentence(Part part) const;
    /// sentence() as Unimplemented.
    [[nodiscard]] absl::Status notOffered(Part part) const;

private:
    std::map<Part, std::string> missing_;
};

struct ExemplarQuery
{
    std::string query;
    std::optional<base::Timestamp> from;
    std::optional<base::Timestamp> to;
};

struct ExemplarSeries
{
    model::Labels labels;
    std::vector<model::Exemplar> exemplars;
    friend bool operator==(const ExemplarSeries&, const ExemplarSeries&) = default;
};

enum class RuleState : std::uint8_t
{
    Unknown,
    Inactive,
    Pending,
    Firing
};

enum class RuleCondition : std::uint8_t
{
    /// Never run.
    Unknown,
    Ok,
    Error
};

/// An alert as its rule sees it.
struct RuleAlert
{
    model::Labels labels;
    model::Labels annotations;
    RuleState state = RuleState::Unknown;
    std::optional<base::Timestamp> activeAt;
    std::optional<base::Timestamp> keepFiringSince;
    double value = 0;
    friend bool operator==(const RuleAlert&, const RuleAlert&) = default;
};

struct RuleInfo
{
    bool alerting = false;
    std::string name;
    std::string query;
    base::Duration holdFor;
    base::Duration keepFiringFor;
    /// As written, templates included.
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    RuleCondition health = RuleCondition::Unknown;
    std::string lastError;
    base::Duration evaluationTime;
    std::optional<base::Timestamp> lastEvaluation;
    /// Alerting rules: the highest state of its alerts.
    RuleState state = RuleState::Unknown;
    std::vector<RuleAlert> alerts;
    friend bool operator==(const RuleInfo&, const RuleInfo&) = default;
};

struct RuleGroupInfo
{
    std::string name;
    std::string file;
    base::Duration interval;
    /// Of series or alerts of a rule; 0: none.
    std::int64_t limit = 0;
    base::Duration evaluationTime;
    std::optional<base::Timestamp> lastEvaluation;
    std::vector<RuleInfo> rules;
    friend bool operator==(const RuleGroupInfo&, const RuleGroupInfo&) = default;
};

/// Where a server sends its alerts.
struct AlertmanagerTargets
{
    std::vector<std::string> active;
    std::vector<std::string> dropped;
    friend bool operator==(const AlertmanagerTargets&, const AlertmanagerTargets&) = default;
};

struct NameCount
{
    std::string name;
    std::uint64_t value = 0;
    friend bool operator==(const NameCount&, const NameCount&) = default;
};

/// The head of the store, and how its series spread over labels; lists in falling order.
struct StoreStatus
{
    std::uint64_t series = 0;
    std::uint64_t labelPairs = 0;
    std::uint64_t chunks = 0;
    std::optional<base::Timestamp> oldest;
    std::optional<base::Timestamp> newest;
    std::vector<NameCount> seriesByMetricName;
    std::vector<NameCount> valuesByLabelName;
    std::vector<NameCount> bytesByLabelName;
    /// `name=value`
    std::vector<NameCount> seriesByLabelPair;
    friend bool operator==(const StoreStatus&, const StoreStatus&) = default;
};

struct BlockInfo
{
    std::string ulid;
    /// `to` is exclusive.
    base::Timestamp from;
    base::Timestamp to;
    std::uint64_t samples = 0;
    std::uint64_t series = 0;
    std::uint64_t chunks = 0;
    std::uint64_t tombstones = 0;
    int level = 1;
    std::vector<std::string> sources;
    friend bool operator==(const BlockInfo&, const BlockInfo&) = default;
};

/// What could not be used of the data directory: where it is now, and why.
struct SetAsidePart
{
    std::string path;
    std::string reason;
    friend bool operator==(const SetAsidePart&, const SetAsidePart&) = default;
};

struct BlockList
{
    std::vector<BlockInfo> blocks;
    std::vector<SetAsidePart> setAside;
    friend bool operator==(const BlockList&, const BlockList&) = default;
};

struct RuntimeInfo
{
    std::optional<base::Timestamp> startedAt;
    std::string workingDirectory;
    std::string hostName;
    std::optional<base::Timestamp> serverTime;
    bool lastReloadSucceeded = true;
    std::optional<base::Timestamp> lastReload;
    std::uint64_t corruptions = 0;
    /// "15d or 10GiB"
    std::string retention;
};

/// Names without dashes and values, in order of name.
using Flags = std::map<std::string, std::string>;

} // namespace narthex::client
