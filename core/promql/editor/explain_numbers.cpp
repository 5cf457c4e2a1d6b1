// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The arithmetic of rates and quantiles with all its steps shown. Source: spec/promql.md, 8.2, 9.2.
#include "core/promql/classic_buckets.h"
#include "core/promql/editor/explain.h"

#include <algorithm>
#include <cmath>

namespace narthex::promql::editor {

std::optional<RateSteps> explainRate(std::span<const Point> points, base::Timestamp begin,
                                     base::Timestamp end, std::string_view function)
{
    if (points.size() < 2) {
        return std::nullopt;
    }
    const bool isCounter = function != "delta";
    RateSteps steps{
        .first = points.front().value, .last = points.back().value, .samples = points.size()};
    for (std::size_t i = 1; isCounter && i < points.size(); ++i) {
        if (points[i].value < points[i - 1].value) {
            ++steps.resets;
            steps.correction += points[i - 1].value;
        }
    }
    steps.difference = steps.last - steps.first + steps.correction;
    steps.sampledSeconds = (points.back().time - points.front().time).seconds();
    steps.averageInterval = steps.sampledSeconds / static_cast<double>(points.size() - 1);
    const double threshold = steps.averageInterval * 1.1;
    steps.extendedBefore = (points.front().time - begin).seconds();
    steps.extendedBehind = (end - points.back().time).seconds();
    if (steps.extendedBefore >= threshold) {
        steps.extendedBefore = steps.averageInterval / 2;
    }
    if (isCounter && steps.difference > 0 && steps.first >= 0) {
        const double toZero = steps.sampledSeconds * (steps.first / steps.difference);
        if (toZero < steps.extendedBefore) {
            steps.extendedBefore = toZero;
            steps.cutAtZero = true;
        }
    }
    if (steps.extendedBehind >= threshold) {
        steps.extendedBehind = steps.averageInterval / 2;
    }
    steps.result =
        steps.difference * ((steps.sampledSeconds + steps.extendedBefore + steps.extendedBehind) /
                            steps.sampledSeconds);
    if (function == "rate") {
        steps.result /= (end - begin).seconds();
    }
    return steps;
}

QuantileSteps explainQuantile(double q, std::vector<std::pair<double, double>> boundsAndCounts)
{
    std::sort(boundsAndCounts.begin(), boundsAndCounts.end());
    std::vector<ClassicBucket> buckets;
    for (const auto& [upper, count] : boundsAndCounts) {
        buckets.push_back({upper, count});
    }
    QuantileSteps steps;
    BucketRepair repair;
    steps.result = classicQuantile(q, buckets, repair);
    const double total = buckets.empty() ? 0 : buckets.back().count;
    for (const ClassicBucket& bucket : buckets) {
        const auto given =
            std::find_if(boundsAndCounts.begin(), boundsAndCounts.end(),
                         [&](const auto& entry) { return entry.first == bucket.upper; });
        steps.buckets.push_back({.upper = bucket.upper,
                                 .cumulative = bucket.count,
                                 .share = total > 0 ? bucket.count / total : 0,
                                 .repaired = repair.any && given != boundsAndCounts.end() &&
                                             given->second < bucket.count});
    }
    steps.rank = q * total;
    if (std::isnan(steps.result) || std::isinf(steps.result) || buckets.empty()) {
        return steps;
    }
    const auto found = std::find_if(buckets.begin(), buckets.end() - 1,
                                    [&](const ClassicBucket& b) { return b.count >= steps.rank; });
    steps.chosen = static_cast<std::size_t>(found - buckets.begin());
    return steps;
}

} // namespace narthex::promql::editor
