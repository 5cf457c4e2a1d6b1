// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/created_times.h"

#include "core/exposition/openmetrics_parser.h"

#include <cmath>

namespace narthex::scrape {
namespace {

constexpr std::string_view kSuffix = "_created";

bool hasStart(model::MetricType type)
{
    return type == model::MetricType::Counter || type == model::MetricType::Summary ||
           type == model::MetricType::Histogram;
}

std::string keyOf(std::string_view family, const model::LabelsBuilder& labels)
{
    model::LabelsBuilder key = labels;
    key.remove("le").remove("quantile").set(model::kMetricName, family);
    return key.build().bytes();
}

} // namespace

bool CreatedTimes::isCreatedLine(std::string_view family, model::MetricType type,
                                 std::string_view metricName)
{
    return hasStart(type) && metricName.size() == family.size() + kSuffix.size() &&
           metricName.starts_with(family) && metricName.ends_with(kSuffix);
}

void CreatedTimes::read(std::string_view body)
{
    starts_.clear();
    if (body.find(kSuffix) == std::string_view::npos) {
        return;
    }
    exposition::OpenMetricsParser parser(body);
    std::string family;
    model::LabelsBuilder labels;
    while (true) {
        const auto kind = parser.next();
        if (!kind.ok() || *kind == exposition::EntryKind::End) {
            return;
        }
        if (*kind == exposition::EntryKind::Type) {
            family = parser.name();
        }
        if (*kind != exposition::EntryKind::Series || !hasStart(parser.type()) ||
            !parser.seriesText().starts_with(family) || !parser.labels(labels).ok() ||
            !isCreatedLine(family, parser.type(), labels.get(model::kMetricName))) {
            continue;
        }
        const double ms = parser.value() * 1000;
        constexpr double kLatest = 1e15;
        if (std::abs(ms) < kLatest) {
            starts_[keyOf(family, labels)] = static_cast<std::int64_t>(ms);
        }
    }
}

std::int64_t CreatedTimes::startOf(std::string_view family, model::MetricType type,
                                   const model::LabelsBuilder& labels) const
{
    if (starts_.empty() || !hasStart(type)) {
        return 0;
    }
    const auto found = starts_.find(keyOf(family, labels));
    return found == starts_.end() ? 0 : found->second;
}

} // namespace narthex::scrape
