// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes a unit test from what is stored: the series that a rule reads as input, and what the rule
// makes of them as expectation. The expectation comes from running the test, so it passes as long
// as the rule does the same. Owner: values. Threads: any; blocks on reading. Errors: of the store;
// InvalidArgument (no rules, a time that makes no sense); ResourceExhausted (too many samples).
// Source: spec/rules.md, 12 and 16.
#pragma once

#include "core/base/clock.h"
#include "core/base/worker_pool.h"
#include "core/rules/alert_labels.h"
#include "core/rules/rule_file.h"
#include "core/storage/storage.h"

#include <absl/status/statusor.h>

#include <span>
#include <stop_token>
#include <string>

namespace narthex::rules::testing {

struct WriteTestOptions
{
    base::Timestamp from;
    base::Timestamp to;
    /// Between samples of the input; of several in one interval the last is taken.
    base::Duration interval = base::Duration::fromMs(60'000);
    base::Duration evaluationInterval = base::Duration::fromMs(60'000);
    std::string name;
    /// As the test file names it.
    std::string ruleFile;
    AlertSurroundings surroundings{};
    promql::Features features{};
    std::size_t maxSamples = 1'000'000;
};

/// The text of a test file. `rules`: those under test, with what they read from each other.
absl::StatusOr<std::string> writeTest(std::span<const Rule> rules, const WriteTestOptions& options,
                                      const storage::Queryable& store, base::WorkerPool& pool,
                                      const base::Clock& clock, std::stop_token stop);

} // namespace narthex::rules::testing
