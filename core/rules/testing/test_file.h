// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files with unit tests of rules: input series, and what alerts and queries are to give at which
// time. Owner: values. Threads: pure functions. Units: times of checks are relative to the start of
// their test. Errors: InvalidArgument with every finding as `file:line:column: …`; NotFound.
// Format: spec/rules.md, 12.1 to 12.3.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/promql/series_description.h"

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <vector>

namespace narthex::rules::testing {

using namespace base::literals;

struct ExpectedAlert
{
    /// Without alertname.
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
};

struct AlertCheck
{
    base::Duration evalTime;
    std::string alertname;
    std::vector<ExpectedAlert> alerts;
    std::uint32_t line = 0;
};

struct ExpectedSample
{
    model::Labels labels;
    double value = 0;
    /// Set: a histogram.
    promql::HistogramPtr histogram;
};

struct ExprCheck
{
    std::string expr;
    base::Duration evalTime;
    std::vector<ExpectedSample> samples;
    std::uint32_t line = 0;
};

struct RuleTest
{
    std::string name;
    /// Between samples of the input.
    base::Duration interval = 1_min;
    base::Timestamp start;
    std::vector<promql::SeriesDescription> input;
    std::vector<AlertCheck> alertChecks;
    std::vector<ExprCheck> exprChecks;
    std::map<std::string, std::string> externalLabels;
    std::string externalUrl;
    std::uint32_t line = 0;
};

struct TestFile
{
    std::string path;
    /// As written: patterns, relative to the file.
    std::vector<std::string> ruleFiles;
    base::Duration evaluationInterval = 1_min;
    std::vector<std::string> groupEvalOrder;
    /// Floats one representable step apart are equal.
    bool fuzzyCompare = false;
    std::vector<RuleTest> tests;
};

/// `path` stands in messages.
absl::StatusOr<TestFile> parseTestFile(const std::string& path, const std::string& text,
                                       bool ignoreUnknownFields);
absl::StatusOr<TestFile> loadTestFile(const std::string& path, bool ignoreUnknownFields);

} // namespace narthex::rules::testing
