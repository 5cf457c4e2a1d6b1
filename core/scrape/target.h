// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// From the entry of a target group to a target: defaults, relabeling, checks, identity, URL.
// Threads: values. Source: spec/scrape.md, sections 2 and 3.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/scrape/job_config.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::scrape {

struct Target
{
    std::string job;
    /// All labels after relabeling, `__*` included: they are part of the identity.
    model::Labels allLabels;
    /// Those that stand on series.
    model::Labels labels;
    model::Labels discoveredLabels;
    std::string url;
    std::string unixSocket;
    base::Duration interval;
    base::Duration timeout;
    /// The job's settings, unless labels say otherwise.
    bool scrapeNativeHistograms = false;
    bool alwaysScrapeClassicHistograms = false;
    bool convertClassicHistograms = false;
    std::uint64_t hash = 0;
    /// Equal for targets that differ in interval and timeout only.
    std::uint64_t pageHash = 0;

    /// When to scrape next: a phase of the wall clock that is stable over restarts and spread over
    /// the interval.
    [[nodiscard]] base::Duration untilNextScrape(base::Timestamp now,
                                                 std::uint64_t offsetSeed) const;
};

/// Labels before relabeling: the entry's, the group's, then the job's defaults.
model::Labels discoveredLabels(const JobConfig& job, const model::Labels& entry,
                               const model::Labels& group);

/// A target; nothing when relabeling dropped it. Errors: InvalidArgument in Prometheus' wording (no
/// address, bad interval …).
absl::StatusOr<std::optional<Target>> makeTarget(const JobConfig& job,
                                                 const model::Labels& discovered);

struct DroppedTarget
{
    std::string job;
    model::Labels discoveredLabels;
};

struct TargetSet
{
    std::vector<std::shared_ptr<const Target>> targets;
    std::vector<DroppedTarget> dropped;
    /// `instance <i> in group <source>: <error>`
    std::vector<std::string> failures;
};

/// Targets of one group, duplicates included.
TargetSet makeTargets(const JobConfig& job, const discovery::TargetGroup& group);

} // namespace narthex::scrape
