// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Results in the notation of the scripts, as they would be written into one: for reports, and for
// scripts with their expectations brought up to date.
// Threads: pure functions. Source: spec/promqltest.md, Value sequences, Reporting.
#pragma once

#include "core/promql/testscript/script.h"
#include "core/promql/value.h"

#include <string>
#include <vector>

namespace narthex::promql::testscript {

/// A number, or `{{…}}`.
std::string valueNotation(double value, const HistogramPtr& histogram);

/// The value lines of an evaluation, sorted by labels.
std::vector<std::string> expectedLines(const Eval& eval);

struct Found
{
    std::vector<std::string> lines;
    /// False when there are points between the steps, which the notation cannot say.
    bool exact = true;
};
Found foundLines(const Eval& eval, const Value& value);

} // namespace narthex::promql::testscript
