// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files that the query engine writes: the queries under way, and the log of those that ended.
#include "core/base/status.h"
#include "core/engine/engine.h"

namespace narthex::engine {
namespace {

constexpr std::string_view kLogProblem = "queries.log";
constexpr std::string_view kActiveProblem = "queries.active";

} // namespace

void Engine::openActiveQueries()
{
    auto active = promql::ActiveQueries::open(options_.dataDirectory / "queries.active",
                                              options_.query.maxConcurrent, clock(),
                                              environment_.log.logger("promql"));
    if (!active.ok()) {
        // Queries run without it.
        setProblem(
            std::string(kActiveProblem), Severity::Warning, "queries",
            fmt::format("running queries are not noted: {}", base::messageOf(active.status())));
        return;
    }
    clearProblem(kActiveProblem);
    queries_.setActiveQueries(*std::move(active));
}

void Engine::openQueryLog(const std::string& file)
{
    if (file.empty()) {
        queries_.setQueryLog(nullptr);
        clearProblem(kLogProblem);
        return;
    }
    auto log = promql::QueryLog::open(file);
    if (!log.ok()) {
        setProblem(std::string(kLogProblem), Severity::Error, "queries",
                   fmt::format("global.query_log_file: {}; the log before goes on",
                               base::messageOf(log.status())));
        return;
    }
    clearProblem(kLogProblem);
    queries_.setQueryLog(*std::move(log));
}

} // namespace narthex::engine
