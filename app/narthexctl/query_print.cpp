// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "query_print.h"

#include "table.h"

#include "core/base/number.h"
#include "core/model/labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace narthex::ctl {
namespace {

using discovery::Json;
using LabelMap = std::map<std::string, std::string>;

LabelMap labelsOf(const Json& object)
{
    LabelMap labels;
    for (const auto& [name, value] : object.members()) {
        labels.emplace(name, value.text());
    }
    return labels;
}

std::string braced(const LabelMap& labels)
{
    std::vector<std::string> parts;
    for (const auto& [name, value] : labels) {
        parts.push_back(fmt::format("{}={}",
                                    model::isLegacyLabelName(name) ? name : model::quote(name),
                                    model::quote(value)));
    }
    std::sort(parts.begin(), parts.end());
    return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

std::string timeText(const Json& time) { return base::formatFloatPlain(time.number()); }

std::string valueText(const std::string& text)
{
    const auto value = base::parseFloat(text);
    return value ? base::formatFloatPlain(*value) : text;
}

std::string bucketText(const Json& bucket)
{
    const std::int64_t boundaries = bucket.at(0).integer();
    const auto bound = [](const Json& text) {
        return base::formatFloatG(base::parseFloat(text.text()).value_or(0));
    };
    return fmt::format("{}{},{}{}:{}", boundaries == 1 || boundaries == 3 ? '[' : '(',
                       bound(bucket.at(1)), bound(bucket.at(2)),
                       boundaries == 0 || boundaries == 3 ? ']' : ')',
                       valueText(bucket.at(3).text()));
}

std::string histogramText(const Json& histogram)
{
    std::vector<std::string> buckets;
    for (const Json& bucket : histogram["buckets"].items()) {
        buckets.push_back(bucketText(bucket));
    }
    const auto fixed = [](const Json& text) {
        const double value = base::parseFloat(text.text()).value_or(0);
        return value - value == 0 ? fmt::format("{:.6f}", value) : base::formatFloat(value);
    };
    return fmt::format("Count: {}, Sum: {}, Buckets: [{}]", fixed(histogram["count"]),
                       fixed(histogram["sum"]), fmt::join(buckets, " "));
}

/// `[time, "value"]` or `[time, {histogram}]`
std::string pairValue(const Json& pair)
{
    const Json value = pair.at(1);
    return value.isObject() ? histogramText(value) : valueText(value.text());
}

std::string pairText(const Json& pair)
{
    return fmt::format("{} @[{}]", pairValue(pair), timeText(pair.at(0)));
}

/// The only pair of a vector's element, all of a matrix' series.
std::vector<Json> pairsOf(const Json& series)
{
    std::vector<Json> pairs;
    for (const char* name : {"value", "histogram"}) {
        if (series[name].isArray()) {
            pairs.push_back(series[name]);
        }
    }
    for (const char* name : {"values", "histograms"}) {
        const std::vector<Json> more = series[name].items();
        pairs.insert(pairs.end(), more.begin(), more.end());
    }
    return pairs;
}

std::vector<Json> sortedMatrix(const Json& result)
{
    std::vector<Json> series = result.items();
    std::stable_sort(series.begin(), series.end(), [](const Json& a, const Json& b) {
        return standsBefore(a["metric"], b["metric"]);
    });
    return series;
}

std::string promqlText(const std::string& type, const Json& result)
{
    if (type == "scalar") {
        return "scalar: " + pairText(result);
    }
    if (type == "string") {
        return result.at(1).text();
    }
    std::vector<std::string> lines;
    if (type == "vector") {
        for (const Json& series : result.items()) {
            for (const Json& pair : pairsOf(series)) {
                lines.push_back(
                    fmt::format("{} => {}", metricText(series["metric"]), pairText(pair)));
            }
        }
    } else {
        for (const Json& series : sortedMatrix(result)) {
            lines.push_back(metricText(series["metric"]) + " =>");
            for (const Json& pair : pairsOf(series)) {
                lines.push_back(pairText(pair));
            }
        }
    }
    return fmt::format("{}", fmt::join(lines, "\n"));
}

/// A column for each label that any series has, then time and value.
Table tableOf(const std::string& type, const Json& result)
{
    Table table;
    if (type == "scalar" || type == "string") {
        table.columns = {"time", "value"};
        table.rows.push_back(
            {timeText(result.at(0)), type == "string" ? result.at(1).text() : pairValue(result)});
        return table;
    }
    std::set<std::string> names;
    const std::vector<Json> all = type == "matrix" ? sortedMatrix(result) : result.items();
    for (const Json& series : all) {
        for (const auto& [name, value] : series["metric"].members()) {
            names.insert(name);
        }
    }
    table.columns.assign(names.begin(), names.end());
    table.columns.insert(table.columns.end(), {"time", "value"});
    for (const Json& series : all) {
        const LabelMap labels = labelsOf(series["metric"]);
        std::vector<std::string> cells;
        for (const std::string& name : names) {
            const auto found = labels.find(name);
            cells.push_back(found == labels.end() ? "" : found->second);
        }
        for (const Json& pair : pairsOf(series)) {
            std::vector<std::string> row = cells;
            row.insert(row.end(), {timeText(pair.at(0)), pairValue(pair)});
            table.rows.push_back(std::move(row));
        }
    }
    return table;
}

} // namespace

std::string metricText(const Json& metric)
{
    LabelMap labels = labelsOf(metric);
    const auto name = labels.find(std::string(model::kMetricName));
    if (name == labels.end() || !model::isLegacyMetricName(name->second)) {
        return braced(labels);
    }
    const std::string text = name->second;
    labels.erase(name);
    return labels.empty() ? text : text + braced(labels);
}

std::string labelSetText(const Json& labels) { return braced(labelsOf(labels)); }

bool standsBefore(const Json& a, const Json& b)
{
    const LabelMap left = labelsOf(a);
    const LabelMap right = labelsOf(b);
    if (left.size() != right.size()) {
        return left.size() < right.size();
    }
    for (auto l = left.begin(), r = right.begin(); l != left.end(); ++l, ++r) {
        if (l->first != r->first) {
            return l->first > r->first; // the set that lacks the smaller name stands first
        }
        if (l->second != r->second) {
            return l->second < r->second;
        }
    }
    return false;
}

std::string resultText(const Json& data, std::string_view format)
{
    const std::string type = data["resultType"].text();
    const Json result = data["result"];
    if (format == "json") {
        return result.json() + "\n";
    }
    return format == "promql" ? promqlText(type, result) + "\n"
                              : tableText(tableOf(type, result), format);
}

std::string seriesText(const Json& data, std::string_view format)
{
    if (format == "json") {
        return data.json() + "\n";
    }
    if (format != "promql") {
        std::set<std::string> names;
        for (const Json& labels : data.items()) {
            for (const auto& [name, value] : labels.members()) {
                names.insert(name);
            }
        }
        Table table{.columns = {names.begin(), names.end()}, .rows = {}};
        for (const Json& labels : data.items()) {
            std::vector<std::string> row;
            for (const std::string& name : names) {
                row.push_back(labels[name].text());
            }
            table.rows.push_back(std::move(row));
        }
        return tableText(table, format);
    }
    std::string text;
    for (const Json& labels : data.items()) {
        text += labelSetText(labels) + "\n";
    }
    return text;
}

std::string valuesText(const Json& data, std::string_view column, std::string_view format)
{
    if (format == "json") {
        return data.json() + "\n";
    }
    Table table;
    if (format != "promql") {
        table.columns = {std::string(column)};
    }
    for (const std::string& value : data.texts()) {
        table.rows.push_back({value});
    }
    return tableText(table, format);
}

} // namespace narthex::ctl
