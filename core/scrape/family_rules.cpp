// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/family_rules.h"

#include <initializer_list>

namespace narthex::scrape {
namespace {

std::string_view without(std::string_view name, std::initializer_list<std::string_view> suffixes)
{
    for (const std::string_view suffix : suffixes) {
        if (name.ends_with(suffix)) {
            return name.substr(0, name.size() - suffix.size());
        }
    }
    return name;
}

} // namespace

bool belongs(std::string_view name, const CachedFamily& family)
{
    switch (family.metadata.type) {
    case model::MetricType::Counter:
        return without(name, {"_total"}) == without(family.name, {"_total"});
    case model::MetricType::Info:
        return without(name, {"_info"}) == without(family.name, {"_info"});
    case model::MetricType::Histogram:
        return without(name, {"_bucket", "_sum", "_count"}) == family.name;
    case model::MetricType::GaugeHistogram:
        return without(name, {"_bucket", "_gsum", "_gcount"}) == family.name;
    case model::MetricType::Summary:
        return without(name, {"_sum", "_count"}) == family.name;
    case model::MetricType::Gauge:
    case model::MetricType::StateSet:
    case model::MetricType::Unknown:
        break;
    }
    return name == family.name;
}

bool isCumulative(model::MetricType type, const model::LabelsBuilder& labels)
{
    return type == model::MetricType::Counter || type == model::MetricType::Histogram ||
           (type == model::MetricType::Summary && !labels.has("quantile"));
}

} // namespace narthex::scrape
