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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::testscript {

struct Failure
{
    /// Of the evaluation, or where the script does not parse.
    std::uint32_t line = 0;
    /// The query as it was evaluated.
    std::string query;
    /// The variant in which it failed: "range mode around 300", "at -10"; empty for the plain form.
    std::string variant{};
    /// The differences.
    std::string text;
    /// All values, in the notation of the scripts; both empty where values are not the trouble.
    std::vector<std::string> expected{};
    std::vector<std::string> found{};
    /// How the script would have to be changed for the plain form to pass.
    struct Update
    {
        std::vector<std::uint32_t> valueLines;
        std::uint32_t lastLine = 0;
        std::vector<std::string> lines;
    };
    std::optional<Update> update{};
};

/// The failure in several lines, without the name of the file.
std::string failureText(const Failure& failure);

/// An evaluation that was run.
struct Case
{
    std::uint32_t line = 0;
    std::string query;
};

struct Report
{
    std::size_t commands = 0;
    std::size_t evaluations = 0;
    std::vector<Case> cases;
    std::vector<Failure> failures;
};

struct RunOptions
{
    /// Only evaluations whose query contains this text.
    std::string filter{};
    /// The first failing command is the last one.
    bool stopAtFirst = false;
};

/// The engine options under which scripts run.
EngineOptions scriptOptions();

class Runner
{
public:
    /// `engine` outlives the runner.
    explicit Runner(const Engine& engine) : engine_(engine) {}

    /// A script that does not parse is one failure. Goes on after failing evaluations.
    Report run(std::string_view script, const RunOptions& options = {});

private:
    absl::Status load(const Load& node);
    absl::Status append(storage::Appender& appender, const SeriesDescription& series,
                        std::int64_t stepMs);
    absl::Status setStarts(const SeriesDescription& series, std::int64_t stepMs);
    bool runCommand(const Command& command, const RunOptions& options);
    void eval(const Eval& node);
    void evalPinned(const Eval& node);
    void runInstant(const Eval& node, std::string_view query, std::int64_t time);
    void runAround(const Eval& node, std::string_view query, std::int64_t time);
    void evalRange(const Eval& node);
    void check(const Eval& node, std::string_view query, std::string_view variant,
               const absl::Status& problem, const Value* found = nullptr);

    const Engine& engine_;
    storage::MemoryStore store_;
    /// The newest histogram of each series, for the hints that a store of chunks would give.
    std::map<model::Labels, HistogramPtr> newest_;
    Report report_;
};

} // namespace narthex::promql::testscript
