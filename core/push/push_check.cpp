// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a push must fit to: itself, the other groups, our own page.
#include "core/base/hash.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/exposition/family_writer.h"
#include "core/push/push_store.h"
#include "core/push/series_identity.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

namespace narthex::push {

using exposition::FamilyMetric;
using model::MetricType;

std::uint64_t seriesHash(const std::string& name, const FamilyMetric& metric)
{
    std::string key = name;
    for (const auto& [label, value] : metric.labels) {
        key.append(1, '\0').append(label).append(1, '\0').append(value);
    }
    return base::hash64(key);
}

std::string describe(const MetricFamily& family, const FamilyMetric& metric)
{
    std::string text = model::quote(family.name) + " { ";
    for (const auto& [name, value] : metric.labels) {
        text += fmt::format("label:{{name:{} value:{}}} ", model::quote(name), model::quote(value));
    }
    switch (family.type) {
    case MetricType::Counter:
    case MetricType::Gauge:
        return text + fmt::format("{}:{{value:{}}} }}",
                                  family.type == MetricType::Counter ? "counter" : "gauge",
                                  base::formatFloatG(metric.value));
    case MetricType::Summary:
    case MetricType::Histogram:
    case MetricType::GaugeHistogram:
        return text + fmt::format("{}:{{sample_count:{} sample_sum:{}}} }}",
                                  family.type == MetricType::Summary ? "summary" : "histogram",
                                  base::formatFloatG(metric.sampleCount),
                                  base::formatFloatG(metric.sampleSum));
    default:
        return text + fmt::format("untyped:{{value:{}}} }}", base::formatFloatG(metric.value));
    }
}

namespace {

constexpr std::string_view kSuffixes[] = {"_count", "_sum", "_bucket"};

bool hasParts(MetricType type)
{
    return type == MetricType::Summary || type == MetricType::Histogram ||
           type == MetricType::GaugeHistogram;
}

/// What is wrong with the family by itself: names, bytes.
void checkTexts(const MetricFamily& family, bool utf8Names, std::vector<std::string>& errors)
{
    const auto isName = [utf8Names](std::string_view name, bool legacy) {
        return utf8Names ? !name.empty() && base::isValidUtf8(name) : legacy;
    };
    if (!isName(family.name, model::isLegacyMetricName(family.name))) {
        errors.push_back(fmt::format("{} is not a valid metric name", model::quote(family.name)));
    }
    for (const FamilyMetric& metric : family.metrics) {
        for (const auto& [name, value] : metric.labels) {
            if (!isName(name, model::isLegacyLabelName(name))) {
                errors.push_back(fmt::format("collected metric {} has a label named {} whose name "
                                             "is not valid",
                                             describe(family, metric), model::quote(name)));
            }
            if (!base::isValidUtf8(value)) {
                errors.push_back(fmt::format("collected metric {} has a label named {} whose value "
                                             "is not utf8: {}",
                                             model::quote(family.name), model::quote(name),
                                             model::quote(value)));
            }
            if ((name == "le" && (family.type == MetricType::Histogram ||
                                  family.type == MetricType::GaugeHistogram)) ||
                (name == "quantile" && family.type == MetricType::Summary)) {
                errors.push_back(
                    fmt::format("collected metric {} must not have an explicit {} label",
                                describe(family, metric), model::quote(name)));
            }
        }
        for (std::size_t i = 1; i < metric.labels.size(); ++i) {
            if (metric.labels[i].first == metric.labels[i - 1].first) {
                errors.push_back(
                    fmt::format("collected metric {} has two or more labels with the same name: {}",
                                describe(family, metric), metric.labels[i].first));
            }
        }
    }
}

/// Against our own page.
void checkOwn(const MetricFamily& family, const std::vector<MetricFamily>& own,
              std::vector<std::string>& errors)
{
    const auto found = std::find_if(
        own.begin(), own.end(), [&](const MetricFamily& each) { return each.name == family.name; });
    if (found == own.end()) {
        return;
    }
    if (found->type != family.type) {
        errors.push_back(fmt::format("gathered metric family {} has type {} but should have {}: "
                                     "it is not a {}",
                                     family.name, exposition::protobufTypeText(family.type),
                                     exposition::protobufTypeText(found->type),
                                     exposition::protobufTypeText(found->type)));
        return;
    }
    for (const FamilyMetric& metric : family.metrics) {
        for (const FamilyMetric& other : found->metrics) {
            if (metric.labels == other.labels) {
                errors.push_back(fmt::format("collected metric {} was collected before with the "
                                             "same name and label values",
                                             describe(family, metric)));
            }
        }
    }
}

} // namespace

const PushGroup* PushStore::find(const GroupingKey& key) const
{
    const auto found = groups_.find(key);
    return found == groups_.end() ? nullptr : &found->second;
}

void PushStore::checkName(const MetricFamily& family, const PushGroup* group,
                          std::vector<std::string>& errors) const
{
    const auto known = names_.find(family.name);
    // A name that this group alone has is replaced, type and all.
    const bool isOurs = group != nullptr && group->families.contains(family.name);
    if (known != names_.end() && known->second.groups > (isOurs ? 1U : 0U) &&
        known->second.type != family.type) {
        for (const FamilyMetric& metric : family.metrics) {
            errors.push_back(fmt::format("collected metric {} is not a {}",
                                         describe(family, metric),
                                         exposition::protobufTypeText(known->second.type)));
        }
    }
    for (const std::string_view suffix : kSuffixes) {
        if (family.name.size() > suffix.size() && family.name.ends_with(suffix)) {
            const std::string whole = family.name.substr(0, family.name.size() - suffix.size());
            const auto other = names_.find(whole);
            if (other != names_.end() && hasParts(other->second.type)) {
                errors.push_back(fmt::format("collected metric named {} collides with previously "
                                             "collected {} named {}",
                                             model::quote(family.name),
                                             exposition::protobufTypeText(other->second.type),
                                             model::quote(whole)));
            }
        }
        if (hasParts(family.type) && names_.contains(family.name + std::string(suffix))) {
            errors.push_back(fmt::format("collected metric named {} collides with previously "
                                         "collected metric named {}",
                                         model::quote(family.name),
                                         model::quote(family.name + std::string(suffix))));
        }
    }
}

void PushStore::checkSeries(const MetricFamily& family, const PushGroup* group,
                            std::vector<std::string>& errors) const
{
    absl::flat_hash_set<std::uint64_t> seen;
    for (const FamilyMetric& metric : family.metrics) {
        const std::uint64_t hash = seriesHash(family.name, metric);
        bool isTwice = !seen.insert(hash).second;
        if (const auto owner = owners_.find(hash);
            owner != owners_.end() && owner->second != group) {
            const auto other = owner->second->families.find(family.name);
            isTwice = isTwice ||
                      (other != owner->second->families.end() &&
                       std::any_of(
                           other->second.family.metrics.begin(), other->second.family.metrics.end(),
                           [&](const FamilyMetric& m) { return m.labels == metric.labels; }));
        }
        if (isTwice) {
            errors.push_back(fmt::format("collected metric {} was collected before with the same "
                                         "name and label values",
                                         describe(family, metric)));
        }
    }
}

absl::Status PushStore::check(const PushRequest& request,
                              const std::vector<MetricFamily>& own) const
{
    const PushGroup* group = find(request.key);
    std::vector<std::string> errors;
    for (const MetricFamily& family : request.families) {
        checkTexts(family, options_.utf8Names, errors);
        checkName(family, group, errors);
        checkSeries(family, group, errors);
        checkOwn(family, own, errors);
    }
    if (errors.empty()) {
        return absl::OkStatus();
    }
    constexpr std::size_t kShown = 20;
    std::string text;
    if (errors.size() == 1) {
        text = errors[0];
    } else {
        text = fmt::format("{} error(s) occurred:", errors.size());
        for (std::size_t i = 0; i < std::min(errors.size(), kShown); ++i) {
            text += "\n* " + errors[i];
        }
    }
    return base::invalidArgument("{}", text);
}

absl::Status PushStore::checkLimits(const PushRequest& request) const
{
    if (find(request.key) == nullptr && groups_.size() >= options_.mostGroups) {
        return base::resourceExhausted(
            "there are {} groups already, which is the limit: delete some", groups_.size());
    }
    std::size_t added = 0;
    for (const MetricFamily& family : request.families) {
        added += family.metrics.size();
    }
    if (owners_.size() + added > options_.mostSeries) {
        return base::resourceExhausted(
            "there are {} pushed series already and the limit is {}: delete some groups",
            owners_.size(), options_.mostSeries);
    }
    return absl::OkStatus();
}

} // namespace narthex::push
