// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/metric_kinds.h"

#include <algorithm>
#include <array>

namespace narthex::promql::editor {

bool isRareFunction(std::string_view name)
{
    constexpr std::array<std::string_view, 24> kRare = {
        "acos",  "acosh", "asin", "asinh", "atan",  "atanh", "cos", "cosh",
        "deg",   "end",   "exp",  "ln",    "log10", "log2",  "pi",  "rad",
        "range", "sgn",   "sin",  "sinh",  "start", "step",  "tan", "tanh"};
    return std::binary_search(kRare.begin(), kRare.end(), name);
}

bool endsLikeCounter(std::string_view name)
{
    return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
           name.ends_with("_bucket");
}

Wanted wantedBy(const CompletionContext& context)
{
    const std::string_view callee = context.callee;
    if (callee == "rate" || callee == "irate" || callee == "increase" || callee == "resets") {
        return Wanted::Counters;
    }
    if (callee == "delta" || callee == "idelta" || callee == "deriv" ||
        callee == "predict_linear") {
        return Wanted::Gauges;
    }
    if ((callee == "histogram_quantile" && context.argument == 1) ||
        (callee == "histogram_fraction" && context.argument == 2)) {
        return Wanted::Buckets;
    }
    return Wanted::Anything;
}

bool fits(Wanted wanted, std::string_view name, const std::optional<model::Metadata>& metadata)
{
    using model::MetricType;
    const MetricType type = metadata ? metadata->type : MetricType::Unknown;
    const bool known = type != MetricType::Unknown;
    switch (wanted) {
    case Wanted::Anything:
        return true;
    case Wanted::Counters:
        return known ? type == MetricType::Counter || type == MetricType::Histogram ||
                           endsLikeCounter(name)
                     : endsLikeCounter(name);
    case Wanted::Gauges:
        return known ? type == MetricType::Gauge : !endsLikeCounter(name);
    case Wanted::Buckets:
        return name.ends_with("_bucket") || (type == MetricType::Histogram &&
                                             !name.ends_with("_count") && !name.ends_with("_sum"));
    }
    return true;
}

} // namespace narthex::promql::editor
