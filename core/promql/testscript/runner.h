// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs query test scripts against the engine and reports every failing evaluation.
// Owner: a test or narthexctl. Threads: one.
// Source: spec/promqltest.md, 6 to 11.
#pragma once

#include "core/promql/engine.h"
#include "core/promql/testscript/script.h"
#include "core/storage/memory_store.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::testscript {

struct Failure
{
    std::uint32_t line = 0;
    std::string query;
    /// What was expected and what was found.
    std::string text;
};

struct Report
{
    std::size_t commands = 0;
    std::size_t evaluations = 0;
    std::vector<Failure> failures;
};

/// The engine options under which scripts run.
EngineOptions scriptOptions();

class Runner
{
public:
    /// `engine` outlives the runner.
    explicit Runner(const Engine& engine) : engine_(engine) {}

    /// A script that does not parse is one failure. Goes on after failing evaluations.
    Report run(std::string_view script);

private:
    absl::Status load(const Load& node);
    absl::Status append(storage::Appender& appender, const SeriesDescription& series,
                        std::int64_t stepMs);
    absl::Status setStarts(const SeriesDescription& series, std::int64_t stepMs);
    void eval(const Eval& node);
    void evalPinned(const Eval& node);
    void runInstant(const Eval& node, std::string_view query, std::int64_t time);
    void runAround(const Eval& node, std::string_view query, std::int64_t time);
    void evalRange(const Eval& node);
    void check(const Eval& node, std::string_view query, const absl::Status& problem);

    const Engine& engine_;
    storage::MemoryStore store_;
    /// The newest histogram of each series, for the hints that a store of chunks would give.
    std::map<model::Labels, HistogramPtr> newest_;
    Report report_;
};

} // namespace narthex::promql::testscript
