// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/language_docs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::promql::editor {
namespace {

// clang-format off
constexpr std::array<FunctionExample, 104> kExamples = {{
    {"abs", "|v|", "abs(delta(temperature_celsius[1h]))"},
    {"absent", "1 if there is no element, nothing otherwise", "absent(up{job=\"api\"})"},
    {"absent_over_time", "1 if no window has a sample, nothing otherwise", "absent_over_time(up{job=\"api\"}[10m])"},
    {"acos", "arccos(v), NaN outside of [-1, 1]", "acos(cos_phi)"},
    {"acosh", "arcosh(v), NaN below 1", "acosh(ratio)"},
    {"asin", "arcsin(v), NaN outside of [-1, 1]", "asin(sin_phi)"},
    {"asinh", "arsinh(v)", "asinh(offset_meters)"},
    {"atan", "arctan(v)", "atan(slope)"},
    {"atanh", "artanh(v), NaN outside of [-1, 1]", "atanh(ratio)"},
    {"avg", "sum / count, added up with compensation", "avg by (job) (up)"},
    {"avg_over_time", "sum of the samples / their number", "avg_over_time(node_load1[1h])"},
    {"bottomk", "the k smallest of each group; NaN counts as largest", "bottomk(3, node_filesystem_avail_bytes)"},
    {"ceil", "smallest whole number >= v", "ceil(queue_length / 10)"},
    {"changes", "number of neighbours that differ", "changes(process_start_time_seconds[1d])"},
    {"clamp", "max(min, min(max, v)); empty if max < min", "clamp(utilisation_ratio, 0, 1)"},
    {"clamp_max", "min(max, v)", "clamp_max(utilisation_ratio, 1)"},
    {"clamp_min", "max(min, v)", "clamp_min(free_bytes, 0)"},
    {"cos", "cos(v)", "cos(angle_radians)"},
    {"cosh", "(e^v + e^-v) / 2", "cosh(ratio)"},
    {"count", "number of elements of each group", "count by (version) (build_info)"},
    {"count_over_time", "number of samples in the window", "count_over_time(up[1h])"},
    {"count_values", "one element for each value of a group, with the value as label", "count_values(\"version\", build_number)"},
    {"day_of_month", "1 to 31, UTC", "day_of_month(backup_last_success_timestamp_seconds)"},
    {"day_of_week", "0 (Sunday) to 6, UTC", "day_of_week() > 0 and day_of_week() < 6"},
    {"day_of_year", "1 to 366, UTC", "day_of_year()"},
    {"days_in_month", "28 to 31, UTC", "days_in_month()"},
    {"deg", "v * 180 / pi", "deg(angle_radians)"},
    {"delta", "last - first, extended to the edges of the window", "delta(temperature_celsius[2h])"},
    {"deriv", "slope of the straight line through the samples, by least squares", "deriv(queue_length[10m])"},
    {"double_exponential_smoothing", "s(i) = sf * x(i) + (1 - sf) * (s(i-1) + b(i-1)), trend b smoothed by tf", "double_exponential_smoothing(node_load1[1h], 0.3, 0.1)"},
    {"end", "end of the query in seconds", "end() - time()"},
    {"exp", "e^v; +Inf above about 709", "exp(log_odds)"},
    {"first_over_time", "oldest sample in the window", "first_over_time(version_number[1d])"},
    {"floor", "largest whole number <= v", "floor(time() / vector(3600))"},
    {"group", "1 for every group", "group by (job, instance) (up)"},
    {"histogram_avg", "sum of observations / their number", "histogram_avg(rate(request_duration_seconds[5m]))"},
    {"histogram_count", "number of observations", "histogram_count(rate(request_duration_seconds[5m]))"},
    {"histogram_fraction", "(rank(upper) - rank(lower)) / number of observations", "histogram_fraction(0, 0.2, rate(request_duration_seconds[1h]))"},
    {"histogram_quantile", "rank = q * number of observations, interpolated inside of its bucket", "histogram_quantile(0.9, sum by (le) (rate(request_duration_seconds_bucket[10m])))"},
    {"histogram_quantiles", "histogram_quantile for each q, told apart by a label", "histogram_quantiles(sum(rate(request_duration_seconds[10m])), \"quantile\", 0.5, 0.9, 0.99)"},
    {"histogram_stddev", "square root of histogram_stdvar", "histogram_stddev(rate(request_duration_seconds[5m]))"},
    {"histogram_stdvar", "sum of count * (middle of the bucket - mean)^2 / number of observations", "histogram_stdvar(rate(request_duration_seconds[5m]))"},
    {"histogram_sum", "sum of observations", "histogram_sum(rate(request_duration_seconds[5m]))"},
    {"hour", "0 to 23, UTC", "hour() >= 8 and hour() < 18"},
    {"idelta", "last - the one before", "idelta(queue_length[5m])"},
    {"increase", "last - first + what resets lost, extended to the edges of the window", "increase(http_requests_total[1h])"},
    {"info", "labels of info series with the same instance and job are added", "info(rate(http_requests_total[5m]), {k8s_cluster_name=~\".+\"})"},
    {"irate", "(last - the one before) / seconds between them", "irate(http_requests_total[5m])"},
    {"label_join", "dst = src1 + sep + src2 + ...", "label_join(up, \"target\", \"/\", \"job\", \"instance\")"},
    {"label_replace", "dst = replacement, where $1 is the first group of the expression", "label_replace(up, \"host\", \"$1\", \"instance\", \"(.*):.*\")"},
    {"last_over_time", "newest sample in the window", "last_over_time(backup_size_bytes[1d])"},
    {"limit_ratio", "elements whose hash lies below the ratio; r and r - 1 complement each other", "limit_ratio(0.1, up)"},
    {"limitk", "the first k elements of each group", "limitk(10, up)"},
    {"ln", "natural logarithm; 0 gives -Inf, negative NaN", "ln(requests_per_second)"},
    {"log10", "logarithm to base 10", "log10(requests_per_second)"},
    {"log2", "logarithm to base 2", "log2(size_bytes)"},
    {"mad_over_time", "median of |x - median(x)|", "mad_over_time(latency_seconds[1h])"},
    {"max", "largest of each group; NaN only if all are", "max by (instance) (node_load1)"},
    {"max_of", "the larger of two numbers", "max_of(60, step())"},
    {"max_over_time", "largest sample in the window", "max_over_time(node_load1[1d])"},
    {"min", "smallest of each group; NaN only if all are", "min by (instance) (node_filesystem_avail_bytes)"},
    {"min_of", "the smaller of two numbers", "min_of(3600, range())"},
    {"min_over_time", "smallest sample in the window", "min_over_time(node_filesystem_avail_bytes[1d])"},
    {"minute", "0 to 59, UTC", "minute()"},
    {"month", "1 to 12, UTC", "month() == 12"},
    {"pi", "3.141592653589793", "2 * pi()"},
    {"predict_linear", "slope * seconds ahead + value on the line now", "predict_linear(node_filesystem_avail_bytes[6h], 4 * 3600) < 0"},
    {"present_over_time", "1 for every series with a sample in the window", "present_over_time(up[1h])"},
    {"quantile", "rank = q * (n - 1), between the two neighbours", "quantile by (job) (0.9, request_latency_seconds)"},
    {"quantile_over_time", "rank = q * (n - 1), between the two neighbours in order of size", "quantile_over_time(0.95, request_latency_seconds[1h])"},
    {"rad", "v * pi / 180", "rad(angle_degrees)"},
    {"range", "end - start of the query in seconds", "range() / 60"},
    {"rate", "increase / seconds of the window", "sum by (job) (rate(http_requests_total[5m]))"},
    {"resets", "number of neighbours of which the later is smaller", "resets(http_requests_total[1d])"},
    {"round", "floor(v / to + 0.5) * to", "round(temperature_celsius, 0.5)"},
    {"scalar", "the value of the only element, NaN if there is not exactly one", "scalar(sum(up))"},
    {"sgn", "-1, 0 or 1", "sgn(deriv(queue_length[10m]))"},
    {"sin", "sin(v)", "sin(angle_radians)"},
    {"sinh", "(e^v - e^-v) / 2", "sinh(ratio)"},
    {"sort", "smallest first, NaN last", "sort(node_load1)"},
    {"sort_by_label", "by the values of labels, numbers in them by size", "sort_by_label(up, \"instance\")"},
    {"sort_by_label_desc", "the other way round", "sort_by_label_desc(up, \"instance\")"},
    {"sort_desc", "largest first, NaN last", "sort_desc(node_load1)"},
    {"sqrt", "square root; NaN below 0", "sqrt(stdvar(node_load1))"},
    {"start", "start of the query in seconds", "time() - start()"},
    {"start_timestamp", "time at which the sample's counter began, in seconds", "time() - start_timestamp(http_requests_total)"},
    {"stddev", "square root of stdvar", "stddev by (job) (request_latency_seconds)"},
    {"stddev_over_time", "square root of stdvar_over_time", "stddev_over_time(request_latency_seconds[1h])"},
    {"stdvar", "mean of (v - mean)^2 over the group", "stdvar by (job) (request_latency_seconds)"},
    {"stdvar_over_time", "mean of (v - mean)^2 over the window", "stdvar_over_time(request_latency_seconds[1h])"},
    {"step", "step of the query in seconds, 0 for an instant", "rate(http_requests_total[5m]) * step()"},
    {"sum", "sum of the elements of each group, added up with compensation", "sum by (job) (rate(http_requests_total[5m]))"},
    {"sum_over_time", "sum of the samples, added up with compensation", "sum_over_time(batch_rows[1d])"},
    {"tan", "tan(v)", "tan(angle_radians)"},
    {"tanh", "sinh(v) / cosh(v)", "tanh(ratio)"},
    {"time", "evaluation time in seconds", "time() - process_start_time_seconds"},
    {"timestamp", "time of the sample in seconds", "time() - timestamp(up)"},
    {"topk", "the k largest of each group; NaN counts as smallest", "topk(5, sum by (path) (rate(http_requests_total[5m])))"},
    {"ts_of_first_over_time", "time of the oldest sample in the window", "ts_of_first_over_time(up[1d])"},
    {"ts_of_last_over_time", "time of the newest sample in the window", "ts_of_last_over_time(up[1d])"},
    {"ts_of_max_over_time", "time of the last largest sample in the window", "ts_of_max_over_time(node_load1[1d])"},
    {"ts_of_min_over_time", "time of the last smallest sample in the window", "ts_of_min_over_time(node_load1[1d])"},
    {"vector", "one element without labels", "up or vector(0)"},
    {"year", "UTC", "year()"},
}};

constexpr std::array<WordDoc, 57> kWords = {{
    {"+", WordKind::Operator, "add", "Adds numbers; adds native histograms bucket by bucket.", "a + b"},
    {"-", WordKind::Operator, "subtract", "Subtracts numbers; subtracts native histograms bucket by bucket, the result is a gauge.", "a - b"},
    {"*", WordKind::Operator, "multiply", "Multiplies numbers; scales a native histogram by a number.", "a * 8"},
    {"/", WordKind::Operator, "divide", "Divides numbers, by zero gives an infinity or NaN; scales a native histogram.", "a / b"},
    {"%", WordKind::Operator, "remainder", "Remainder of the division, with the sign of the left side.", "a % 60"},
    {"^", WordKind::Operator, "power", "Power; binds to the right, and more than a sign: -1^2 is -1.", "a ^ 2"},
    {"atan2", WordKind::Operator, "angle", "Angle of the point (right, left) in radians.", "y atan2 x"},
    {"==", WordKind::Operator, "equal", "Keeps elements that are equal; with bool 1 or 0. Nothing equals NaN.", "up == 0"},
    {"!=", WordKind::Operator, "not equal", "Keeps elements that differ; with bool 1 or 0.", "up != 1"},
    {">", WordKind::Operator, "greater", "Keeps elements that are greater; with bool 1 or 0.", "node_load1 > 4"},
    {"<", WordKind::Operator, "less", "Keeps elements that are less; with bool 1 or 0.", "free_bytes < 1e9"},
    {">=", WordKind::Operator, "greater or equal", "Keeps elements that are at least as great; with bool 1 or 0.", "node_load1 >= 4"},
    {"<=", WordKind::Operator, "less or equal", "Keeps elements that are at most as great; with bool 1 or 0.", "free_bytes <= 1e9"},
    {"</", WordKind::Operator, "trim above", "Removes the observations above a number from native histograms.", "request_duration_seconds </ 0.5"},
    {">/", WordKind::Operator, "trim below", "Removes the observations below a number from native histograms.", "request_duration_seconds >/ 0.5"},
    {"and", WordKind::SetOperator, "intersection", "Keeps left elements that have a partner on the right.", "up == 0 and on (job) criticality > 1"},
    {"or", WordKind::SetOperator, "union", "All left elements, and right ones without a partner on the left.", "up or vector(0)"},
    {"unless", WordKind::SetOperator, "difference", "Keeps left elements that have no partner on the right.", "up unless on (instance) maintenance"},
    {"by", WordKind::GroupingModifier, "keep labels", "One group for each combination of these labels; all others go.", "sum by (job) (up)"},
    {"without", WordKind::GroupingModifier, "drop labels", "One group for each combination of all other labels.", "sum without (instance) (up)"},
    {"on", WordKind::MatchingModifier, "match on labels", "Elements are partners when these labels are equal.", "a / on (instance) b"},
    {"ignoring", WordKind::MatchingModifier, "match on other labels", "Elements are partners when all labels but these are equal.", "a / ignoring (code) b"},
    {"group_left", WordKind::MatchingModifier, "many on the left", "Several left elements may have the same partner; the listed labels come from the right.", "a * on (instance) group_left (version) b"},
    {"group_right", WordKind::MatchingModifier, "many on the right", "Several right elements may have the same partner; the listed labels come from the left.", "a * on (instance) group_right (version) b"},
    {"bool", WordKind::MatchingModifier, "1 or 0", "The comparison gives 1 or 0 instead of keeping or dropping elements.", "up == bool 1"},
    {"fill", WordKind::MatchingModifier, "value for missing partners", "An element without a partner is matched with this number, on either side.", "a + fill (0) b", true},
    {"fill_left", WordKind::MatchingModifier, "value for missing left side", "A right element without a partner is matched with this number.", "a + fill_left (0) b", true},
    {"fill_right", WordKind::MatchingModifier, "value for missing right side", "A left element without a partner is matched with this number.", "a + fill_right (0) b", true},
    {"offset", WordKind::TimeModifier, "look back", "Reads at an earlier time; negative: at a later one.", "up offset 1d"},
    {"@", WordKind::TimeModifier, "at a fixed time", "Reads at this time, whatever the step: seconds since 1970, start() or end().", "up @ end()"},
    {"anchored", WordKind::TimeModifier, "exact edges", "The window also has the sample before its left edge; nothing is extended beyond samples.", "increase(http_requests_total[5m] anchored)", true},
    {"smoothed", WordKind::TimeModifier, "interpolated edges", "Values at the edges of the window are interpolated between the neighbours.", "rate(http_requests_total[5m] smoothed)", true},
    {"=", WordKind::MatchOperator, "is exactly", "The label is exactly this text; a missing label equals the empty text.", "up{job=\"api\"}"},
    {"!=", WordKind::MatchOperator, "is not", "The label is not this text.", "up{job!=\"api\"}"},
    {"=~", WordKind::MatchOperator, "matches", "The whole label matches the regular expression (RE2).", "up{job=~\"api|web\"}"},
    {"!~", WordKind::MatchOperator, "does not match", "The label does not match the regular expression (RE2).", "up{job!~\"test.*\"}"},
    {"ms", WordKind::DurationUnit, "milliseconds", "0.001 seconds.", "up offset 500ms"},
    {"s", WordKind::DurationUnit, "seconds", "1 second.", "rate(http_requests_total[30s])"},
    {"m", WordKind::DurationUnit, "minutes", "60 seconds.", "rate(http_requests_total[5m])"},
    {"h", WordKind::DurationUnit, "hours", "3600 seconds.", "increase(http_requests_total[1h])"},
    {"d", WordKind::DurationUnit, "days", "86400 seconds, always 24 hours.", "increase(http_requests_total[1d])"},
    {"w", WordKind::DurationUnit, "weeks", "604800 seconds, 7 days.", "up offset 1w"},
    {"y", WordKind::DurationUnit, "years", "31536000 seconds, always 365 days.", "up offset 1y"},
    {"step", WordKind::DurationFunction, "step of the query", "Seconds between two points of the graph; 0 for an instant.", "rate(http_requests_total[5m + step()])"},
    {"range", WordKind::DurationFunction, "length of the query", "Seconds from start to end of the graph; 0 for an instant.", "increase(http_requests_total[1s + range()])"},
    {"min_of", WordKind::DurationFunction, "the shorter", "The smaller of two durations.", "rate(http_requests_total[1m + min_of(1h, step())])"},
    {"max_of", WordKind::DurationFunction, "the longer", "The larger of two durations.", "rate(http_requests_total[max_of(5m, step())])"},
    {"+", WordKind::DurationOperator, "add", "Adds durations.", "rate(http_requests_total[5m + 30s])"},
    {"-", WordKind::DurationOperator, "subtract", "Subtracts durations.", "rate(http_requests_total[5m - 30s])"},
    {"*", WordKind::DurationOperator, "multiply", "Multiplies a duration.", "rate(http_requests_total[5m * 2])"},
    {"/", WordKind::DurationOperator, "divide", "Divides a duration.", "rate(http_requests_total[5m / 2])"},
    {"%", WordKind::DurationOperator, "remainder", "Remainder of a division.", "rate(http_requests_total[5m % 2m])"},
    {"^", WordKind::DurationOperator, "power", "Power, of numbers of seconds.", "rate(http_requests_total[10 ^ 2])"},
    {"start", WordKind::AtArgument, "start of the query", "The first point of the graph.", "up @ start()"},
    {"end", WordKind::AtArgument, "end of the query", "The last point of the graph.", "up @ end()"},
    {"inf", WordKind::Number, "infinity", "Larger than every number.", "vector(inf)"},
    {"nan", WordKind::Number, "not a number", "The result of what has none; equals nothing, not even itself.", "vector(nan)"},
}};
// clang-format on

template <typename List>
auto findByName(const List& list, std::string_view name)
{
    const auto found =
        std::lower_bound(list.begin(), list.end(), name,
                         [](const auto& entry, std::string_view key) { return entry.name < key; });
    return found != list.end() && found->name == name ? &*found : nullptr;
}

} // namespace

std::span<const FunctionExample> functionExamples() { return kExamples; }

std::span<const WordDoc> wordDocs() { return kWords; }

const FunctionDoc* findFunctionDoc(std::string_view name)
{
    return findByName(functionDocs(), name);
}

const FunctionExample* findFunctionExample(std::string_view name)
{
    return findByName(functionExamples(), name);
}

const WordDoc* findWordDoc(std::string_view word, WordKind kind)
{
    const auto found = std::find_if(kWords.begin(), kWords.end(), [&](const WordDoc& doc) {
        return doc.word == word && doc.kind == kind;
    });
    return found == kWords.end() ? nullptr : &*found;
}

std::string functionHelp(std::string_view name)
{
    const FunctionDoc* doc = findFunctionDoc(name);
    if (doc == nullptr) {
        return {};
    }
    std::string out = fmt::format("{}\n{}", doc->signature, doc->summary);
    if (const FunctionExample* example = findFunctionExample(name)) {
        if (!example->formula.empty()) {
            out += fmt::format("\nResult: {}", example->formula);
        }
        out += fmt::format("\nExample: {}", example->example);
    }
    if (doc->experimental) {
        out += "\nExperimental: needs the feature promql-experimental-functions.";
    }
    return out;
}

} // namespace narthex::promql::editor
