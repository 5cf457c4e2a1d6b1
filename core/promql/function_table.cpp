// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/function_table.h"

#include <algorithm>

namespace narthex::promql {
namespace {

constexpr ValueType kVector = ValueType::Vector;
constexpr ValueType kMatrix = ValueType::Matrix;
constexpr ValueType kScalar = ValueType::Scalar;
constexpr ValueType kString = ValueType::String;
constexpr bool kExperimental = true;

// name, result, types of the arguments, how many of them there are, fewest and most arguments
// clang-format off
constexpr std::array<FunctionInfo, 90> kFunctions = {{
    {"abs", kVector, {kVector}, 1, 1, 1},
    {"absent", kVector, {kVector}, 1, 1, 1},
    {"absent_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"acos", kVector, {kVector}, 1, 1, 1},
    {"acosh", kVector, {kVector}, 1, 1, 1},
    {"asin", kVector, {kVector}, 1, 1, 1},
    {"asinh", kVector, {kVector}, 1, 1, 1},
    {"atan", kVector, {kVector}, 1, 1, 1},
    {"atanh", kVector, {kVector}, 1, 1, 1},
    {"avg_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"ceil", kVector, {kVector}, 1, 1, 1},
    {"changes", kVector, {kMatrix}, 1, 1, 1},
    {"clamp", kVector, {kVector, kScalar, kScalar}, 3, 3, 3},
    {"clamp_max", kVector, {kVector, kScalar}, 2, 2, 2},
    {"clamp_min", kVector, {kVector, kScalar}, 2, 2, 2},
    {"cos", kVector, {kVector}, 1, 1, 1},
    {"cosh", kVector, {kVector}, 1, 1, 1},
    {"count_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"day_of_month", kVector, {kVector}, 1, 0, 1},
    {"day_of_week", kVector, {kVector}, 1, 0, 1},
    {"day_of_year", kVector, {kVector}, 1, 0, 1},
    {"days_in_month", kVector, {kVector}, 1, 0, 1},
    {"deg", kVector, {kVector}, 1, 1, 1},
    {"delta", kVector, {kMatrix}, 1, 1, 1},
    {"deriv", kVector, {kMatrix}, 1, 1, 1},
    {"double_exponential_smoothing", kVector, {kMatrix, kScalar, kScalar}, 3, 3, 3, kExperimental},
    {"end", kScalar, {}, 0, 0, 0, kExperimental},
    {"exp", kVector, {kVector}, 1, 1, 1},
    {"first_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"floor", kVector, {kVector}, 1, 1, 1},
    {"histogram_avg", kVector, {kVector}, 1, 1, 1},
    {"histogram_count", kVector, {kVector}, 1, 1, 1},
    {"histogram_fraction", kVector, {kScalar, kScalar, kVector}, 3, 3, 3},
    {"histogram_quantile", kVector, {kScalar, kVector}, 2, 2, 2},
    {"histogram_quantiles", kVector, {kVector, kString, kScalar}, 3, 3, 12, kExperimental},
    {"histogram_stddev", kVector, {kVector}, 1, 1, 1},
    {"histogram_stdvar", kVector, {kVector}, 1, 1, 1},
    {"histogram_sum", kVector, {kVector}, 1, 1, 1},
    {"hour", kVector, {kVector}, 1, 0, 1},
    {"idelta", kVector, {kMatrix}, 1, 1, 1},
    {"increase", kVector, {kMatrix}, 1, 1, 1},
    {"info", kVector, {kVector, kVector}, 2, 1, 2, kExperimental},
    {"irate", kVector, {kMatrix}, 1, 1, 1},
    {"label_join", kVector, {kVector, kString, kString, kString}, 4, 3, kAnyNumberOfArguments},
    {"label_replace", kVector, {kVector, kString, kString, kString, kString}, 5, 5, 5},
    {"last_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"ln", kVector, {kVector}, 1, 1, 1},
    {"log10", kVector, {kVector}, 1, 1, 1},
    {"log2", kVector, {kVector}, 1, 1, 1},
    {"mad_over_time", kVector, {kMatrix}, 1, 1, 1, kExperimental},
    {"max_of", kScalar, {kScalar, kScalar}, 2, 2, 2, kExperimental},
    {"max_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"min_of", kScalar, {kScalar, kScalar}, 2, 2, 2, kExperimental},
    {"min_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"minute", kVector, {kVector}, 1, 0, 1},
    {"month", kVector, {kVector}, 1, 0, 1},
    {"pi", kScalar, {}, 0, 0, 0},
    {"predict_linear", kVector, {kMatrix, kScalar}, 2, 2, 2},
    {"present_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"quantile_over_time", kVector, {kScalar, kMatrix}, 2, 2, 2},
    {"rad", kVector, {kVector}, 1, 1, 1},
    {"range", kScalar, {}, 0, 0, 0, kExperimental},
    {"rate", kVector, {kMatrix}, 1, 1, 1},
    {"resets", kVector, {kMatrix}, 1, 1, 1},
    {"round", kVector, {kVector, kScalar}, 2, 1, 2},
    {"scalar", kScalar, {kVector}, 1, 1, 1},
    {"sgn", kVector, {kVector}, 1, 1, 1},
    {"sin", kVector, {kVector}, 1, 1, 1},
    {"sinh", kVector, {kVector}, 1, 1, 1},
    {"sort", kVector, {kVector}, 1, 1, 1},
    {"sort_by_label", kVector, {kVector, kString}, 2, 1, kAnyNumberOfArguments, kExperimental},
    {"sort_by_label_desc", kVector, {kVector, kString}, 2, 1, kAnyNumberOfArguments, kExperimental},
    {"sort_desc", kVector, {kVector}, 1, 1, 1},
    {"sqrt", kVector, {kVector}, 1, 1, 1},
    {"start", kScalar, {}, 0, 0, 0, kExperimental},
    {"start_timestamp", kVector, {kVector}, 1, 1, 1, kExperimental},
    {"stddev_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"stdvar_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"step", kScalar, {}, 0, 0, 0, kExperimental},
    {"sum_over_time", kVector, {kMatrix}, 1, 1, 1},
    {"tan", kVector, {kVector}, 1, 1, 1},
    {"tanh", kVector, {kVector}, 1, 1, 1},
    {"time", kScalar, {}, 0, 0, 0},
    {"timestamp", kVector, {kVector}, 1, 1, 1},
    {"ts_of_first_over_time", kVector, {kMatrix}, 1, 1, 1, kExperimental},
    {"ts_of_last_over_time", kVector, {kMatrix}, 1, 1, 1, kExperimental},
    {"ts_of_max_over_time", kVector, {kMatrix}, 1, 1, 1, kExperimental},
    {"ts_of_min_over_time", kVector, {kMatrix}, 1, 1, 1, kExperimental},
    {"vector", kVector, {kScalar}, 1, 1, 1},
    {"year", kVector, {kVector}, 1, 0, 1},
}};
// clang-format on

constexpr bool byName(const FunctionInfo& a, const FunctionInfo& b) { return a.name < b.name; }
static_assert(std::is_sorted(kFunctions.begin(), kFunctions.end(), byName));

} // namespace

const FunctionInfo* findFunction(std::string_view name)
{
    const auto* const found = std::lower_bound(
        kFunctions.begin(), kFunctions.end(), name,
        [](const FunctionInfo& info, std::string_view key) { return info.name < key; });
    return found != kFunctions.end() && found->name == name ? found : nullptr;
}

std::span<const FunctionInfo> functionTable() { return kFunctions; }

} // namespace narthex::promql
