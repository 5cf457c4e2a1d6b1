// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What could be done better, said after a query has run, with ready changes.
// Threads: pure functions; facts and data are asked from the calling thread.
// Source: spec/promql-editor.md, Hints after running.
#pragma once

#include "core/promql/editor/lint.h"
#include "core/promql/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

struct RecordedSeries
{
    std::string name;
    std::string expression;
};

struct HintOptions
{
    Features features{};
    /// Drawn as a graph.
    bool isGraph = false;
    /// All may be empty or null.
    const LintFacts* facts = nullptr;
    const LintData* data = nullptr;
    std::vector<RecordedSeries> recorded{};
};

/// `result` is that of `text`; with its trace, grouping labels are proposed from the data.
std::vector<Finding> hintsAfterRunning(std::string_view text, const Result& result,
                                       const HintOptions& options);

} // namespace narthex::promql::editor
