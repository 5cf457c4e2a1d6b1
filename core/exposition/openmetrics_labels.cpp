// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The second reading of what the parser has checked: labels and exemplars as values, for series
// that are new to the reader.
#include "core/base/status.h"
#include "core/exposition/lexical.h"
#include "core/exposition/openmetrics_parser.h"

#include <fmt/format.h>

namespace narthex::exposition {
namespace {

/// Walks the labels of a text whose grammar was checked. `visit` gets a name without value for a
/// quoted metric name.
template <typename Visit>
void eachLabel(std::string_view text, std::size_t at, Visit visit)
{
    const auto quotedAt = [&text](std::size_t& p) {
        const std::size_t start = ++p;
        while (p < text.size() && text[p] != '"') {
            p += text[p] == '\\' ? 2U : 1U;
        }
        const std::string_view inside = text.substr(start, p - start);
        ++p;
        return inside;
    };
    for (++at; at < text.size() && text[at] != '}'; at += at < text.size() && text[at] == ',') {
        const bool quoted = text[at] == '"';
        std::string_view name;
        if (quoted) {
            name = quotedAt(at);
        } else {
            const std::size_t start = at;
            while (at < text.size() && isLabelChar(text[at])) {
                ++at;
            }
            name = text.substr(start, at - start);
        }
        if (at >= text.size() || text[at] != '=') {
            visit(name, std::string_view(), true, quoted);
            continue;
        }
        ++at;
        visit(name, quotedAt(at), false, quoted);
    }
}

} // namespace

absl::Status OpenMetricsParser::labels(model::LabelsBuilder& out) const
{
    out.reset({});
    std::size_t at = 0;
    while (at < series_.size() && isMetricChar(series_[at])) {
        ++at;
    }
    if (at > 0) {
        out.set(model::kMetricName, series_.substr(0, at));
    }
    absl::Status status;
    std::string name;
    std::string value;
    const auto add = [&](std::string_view rawName, std::string_view rawValue, bool isMetricName,
                         bool quoted) {
        if (quoted) {
            unescapeInto(name, rawName, true);
        } else {
            name.assign(rawName);
        }
        if (isMetricName) {
            out.set(model::kMetricName, name);
            return;
        }
        unescapeInto(value, rawValue, true);
        const bool numeric = (name == "le" && type_ == model::MetricType::Histogram) ||
                             (name == "quantile" && type_ == model::MetricType::Summary);
        if (out.has(name)) {
            status.Update(
                base::withPosition(base::invalidArgument("label name {} is not unique: {}",
                                                         model::quote(name), series_),
                                   {.line = lineNumber(), .column = 1}));
        }
        out.set(name, numeric ? normalisedNumber(value) : value);
    };
    eachLabel(series_, at, add);
    return status;
}

void OpenMetricsParser::exemplar(model::Exemplar& out) const
{
    model::LabelsBuilder builder;
    eachLabel(exemplarLabels_, 0,
              [&builder](std::string_view name, std::string_view value, bool, bool) {
                  builder.set(name, value);
              });
    out.labels = builder.build();
    out.value = exemplarValue_;
    out.time.reset();
    if (exemplarTimestampMs_) {
        out.time = base::Timestamp{*exemplarTimestampMs_};
    }
}

} // namespace narthex::exposition
