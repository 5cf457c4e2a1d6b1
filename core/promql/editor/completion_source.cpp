// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is asked of a source of completions, and what follows from its answers.
#include "core/promql/editor/completion.h"

#include <array>

namespace narthex::promql::editor {

base::Duration CompletionSource::scrapeInterval() const { return {}; }

std::string selectorOf(const CompletionContext& context)
{
    if (context.metric.empty() && context.otherMatchers.empty()) {
        return {};
    }
    const bool plain = context.metric.empty() || model::isLegacyMetricName(context.metric);
    std::string out = plain ? context.metric : std::string();
    if (plain && context.otherMatchers.empty()) {
        return out;
    }
    out += "{";
    if (!plain) {
        out += model::quote(context.metric);
    }
    for (const std::string& matcher : context.otherMatchers) {
        out += (out.back() == '{' ? "" : ",") + matcher;
    }
    return out + "}";
}

std::optional<model::Metadata> metadataOf(const CompletionSource& source, std::string_view metric)
{
    if (auto own = source.metadata(metric)) {
        return own;
    }
    struct Part
    {
        std::string_view suffix;
        std::string_view prefix;
    };
    constexpr std::array<Part, 4> kParts = {
        {{"_count", "number of observations of: "},
         {"_sum", "sum of observations of: "},
         {"_bucket", "observations up to the bucket bound of: "},
         {"_total", ""}}};
    for (const Part& part : kParts) {
        if (!metric.ends_with(part.suffix)) {
            continue;
        }
        auto family = source.metadata(metric.substr(0, metric.size() - part.suffix.size()));
        if (family && !part.prefix.empty()) {
            family->type = model::MetricType::Counter;
            family->help = std::string(part.prefix) + family->help;
        }
        return family;
    }
    return std::nullopt;
}

} // namespace narthex::promql::editor
