// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Results against what a script expects. OK, or InvalidArgument that says the difference.
// Threads: pure functions. Source: spec/promqltest.md, Comparing, Expectations.
#pragma once

#include "core/promql/testscript/script.h"
#include "core/promql/value.h"

#include <absl/status/status.h>

namespace narthex::promql::testscript {

bool nearlyEqual(double a, double b);
/// `hint`: compare the counter-reset hints, too.
bool nearlyEqual(const model::FloatHistogram& expected, const model::FloatHistogram& found,
                 bool hint);

absl::Status compareInstant(const Eval& eval, const Value& value);
absl::Status compareMatrix(const Eval& eval, const TimeRange& range, const Value& value);
/// `query`: the text that was evaluated, for positions.
absl::Status compareAnnotations(const Eval& eval, std::string_view query,
                                const std::vector<Annotation>& annotations);
absl::Status compareError(const Eval& eval, const absl::Status& status);

} // namespace narthex::promql::testscript
