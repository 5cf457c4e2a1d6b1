// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is legal on a page of metrics and against the conventions: names without base units,
// counters without "_total", missing help. Threads: pure functions. Cost: linear in the page.
// Source: spec/http-api.md, 16 (check metrics); the rules of client_golang's linter.
#pragma once

#include "core/exposition/metric_family.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::exposition {

struct MetricFinding
{
    std::string metric;
    std::string text;
    friend auto operator<=>(const MetricFinding&, const MetricFinding&) = default;
};

/// Sorted by metric, then text; a finding may repeat.
std::vector<MetricFinding> lintFamilies(const std::vector<MetricFamily>& families);

/// How many series a family has on its page.
struct FamilyCardinality
{
    std::string metric;
    std::uint64_t series = 0;
};

/// Largest first, then by name. Buckets and quantiles are counted as the first metric has them.
std::vector<FamilyCardinality> cardinalities(const std::vector<MetricFamily>& families);

} // namespace narthex::exposition
