// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/snippets.h"

#include <array>

namespace narthex::promql::editor {

ExpandedSnippet expandSnippet(std::string_view pattern)
{
    ExpandedSnippet result;
    while (!pattern.empty()) {
        const std::size_t begin = pattern.find("${");
        const std::size_t end = begin == std::string_view::npos ? begin : pattern.find('}', begin);
        if (end == std::string_view::npos) {
            result.text += pattern;
            break;
        }
        result.text += pattern.substr(0, begin);
        const std::string_view name = pattern.substr(begin + 2, end - begin - 2);
        const auto at = static_cast<std::uint32_t>(result.text.size());
        result.text += name;
        result.fields.push_back(
            {std::string(name), {at, static_cast<std::uint32_t>(result.text.size())}});
        pattern.remove_prefix(end + 1);
    }
    return result;
}

std::span<const Snippet> builtInSnippets()
{
    // clang-format off
    static const std::array<Snippet, 19> kSnippets = {{
        {"rate, summed", "sum(rate(${metric}[5m]))"},
        {"quantile of classic buckets", "histogram_quantile(${0.9}, sum by (le) (rate(${metric}[5m])))"},
        {"quantile of a native histogram", "histogram_quantile(${0.9}, sum(rate(${metric}[5m])))"},
        {"new label from another", "label_replace(${metric}, \"${dst}\", \"${$1}\", \"${src}\", \"${(.*)}\")"},
        {"largest k", "topk(${5}, ${metric})"},
        {"smallest k", "bottomk(${5}, ${metric})"},
        {"how many have each value", "count_values(\"${label}\", ${metric})"},
        {"error ratio", "sum(rate(${errors}[5m])) / sum(rate(${total}[5m]))"},
        {"Apdex from two buckets", "(sum(rate(${metric}_bucket{le=\"${0.3}\"}[5m])) + sum(rate(${metric}_bucket{le=\"${1.2}\"}[5m]))) / 2 / sum(rate(${metric}_count[5m]))"},
        {"below zero in four hours", "predict_linear(${metric}[1h], 4 * 3600) < 0"},
        {"missing series", "absent(${metric})"},
        {"against last week", "${metric} / ${metric} offset 1w"},
        {"labels of an info series", "${metric} * on (${label}) group_left (${extra}) ${info}"},
        {"changed in the last hour", "changes(${metric}[1h]) > 0"},
        {"share that is up", "avg by (job) (up)"},
        {"burn rate over two windows", "sum(rate(${errors}[1h])) / sum(rate(${total}[1h])) > ${0.01} and sum(rate(${errors}[5m])) / sum(rate(${total}[5m])) > ${0.01}"},
        {"largest of an expression over an hour", "max_over_time((${expression})[1h:1m])"},
        {"average of a histogram", "sum(rate(${metric}_sum[5m])) / sum(rate(${metric}_count[5m]))"},
        {"time since", "time() - ${metric}"},
    }};
    // clang-format on
    return kSnippets;
}

} // namespace narthex::promql::editor
