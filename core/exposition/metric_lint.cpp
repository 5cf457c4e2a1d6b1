// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/metric_lint.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace narthex::exposition {
namespace {

using model::MetricType;
using UnitPair = std::pair<std::string_view, std::string_view>;

/// Units and the base unit that stands for them.
constexpr std::array<UnitPair, 24> kUnits{{
    {"amperes", "amperes"},    {"bytes", "bytes"},     {"celsius", "celsius"},
    {"grams", "grams"},        {"joules", "joules"},   {"kelvin", "kelvin"},
    {"meters", "meters"},      {"metres", "metres"},   {"seconds", "seconds"},
    {"volts", "volts"},        {"minutes", "seconds"}, {"hours", "seconds"},
    {"days", "seconds"},       {"weeks", "seconds"},   {"kelvins", "kelvin"},
    {"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
    {"yards", "meters"},       {"miles", "meters"},    {"bits", "bytes"},
    {"calories", "joules"},    {"pounds", "grams"},    {"ounces", "grams"},
}};
constexpr std::array<std::string_view, 18> kPrefixes{
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo",
    "kibi", "mega", "mibi",  "giga",  "gibi",  "tera", "tebi", "peta",  "pebi"};
constexpr std::array<std::string_view, 14> kAbbreviations{"s",  "ms", "us", "ns", "sec", "b", "kb",
                                                          "mb", "gb", "tb", "pb", "m",   "h", "d"};

std::optional<std::string_view> baseOf(std::string_view unit)
{
    for (const auto& [name, base] : kUnits) {
        if (name == unit) {
            return base;
        }
    }
    return {};
}

/// The first part of a name that is a unit, with its base unit.
std::optional<UnitPair> unitIn(std::string_view name)
{
    while (!name.empty()) {
        const std::string_view part = name.substr(0, name.find('_'));
        name.remove_prefix(std::min(name.size(), part.size() + 1));
        if (const auto base = baseOf(part)) {
            return UnitPair{part, *base};
        }
        for (const std::string_view prefix : kPrefixes) {
            if (part.starts_with(prefix)) {
                if (const auto base = baseOf(part.substr(prefix.size()))) {
                    return UnitPair{part, *base};
                }
            }
        }
    }
    return {};
}

bool isCamelCase(std::string_view name)
{
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    for (std::size_t i = 1; i < name.size(); ++i) {
        if (lower(name[i - 1]) && upper(name[i])) {
            return true;
        }
    }
    return false;
}

bool hasPart(std::string_view name, std::string_view part)
{
    return name.ends_with(fmt::format("_{}", part)) ||
           name.find(fmt::format("_{}_", part)) != std::string_view::npos;
}

/// Empty: untyped, about which less is said.
std::string_view typeWord(MetricType type)
{
    switch (type) {
    case MetricType::Counter:
        return "counter";
    case MetricType::Gauge:
        return "gauge";
    case MetricType::Histogram:
        return "histogram";
    case MetricType::GaugeHistogram:
        return "gauge_histogram";
    case MetricType::Summary:
        return "summary";
    case MetricType::Unknown:
    case MetricType::Info:
    case MetricType::StateSet:
        break;
    }
    return {};
}

class Linter
{
public:
    void look(const MetricFamily& family)
    {
        family_ = &family;
        if (family.help.empty()) {
            tell("no help text");
        }
        lookAtName();
        if (!typeWord(family.type).empty()) {
            lookAtType();
        }
        for (const FamilyMetric& metric : family.metrics) {
            for (const auto& [label, value] : metric.labels) {
                lookAtLabel(label);
            }
        }
        lookForDuplicates();
    }
    std::vector<MetricFinding> finish()
    {
        std::sort(findings_.begin(), findings_.end());
        return std::move(findings_);
    }

private:
    void tell(std::string text) { findings_.push_back({family_->name, std::move(text)}); }

    void lookAtName()
    {
        const std::string& name = family_->name;
        if (const auto unit = unitIn(name); unit && unit->first != unit->second) {
            tell(fmt::format("use base unit \"{}\" instead of \"{}\"", unit->second, unit->first));
        }
        if (name.find(':') != std::string::npos) {
            tell("metric names should not contain ':'");
        }
        if (isCamelCase(name)) {
            tell("metric names should be written in 'snake_case' not 'camelCase'");
        }
        for (const std::string_view unit : kAbbreviations) {
            if (hasPart(lowerCase(name), unit)) {
                tell("metric names should not contain abbreviated units");
            }
        }
    }

    void lookAtType()
    {
        const std::string& name = family_->name;
        const MetricType type = family_->type;
        const bool isTotal = name.ends_with("_total");
        if (type == MetricType::Counter && !isTotal) {
            tell("counter metrics should have \"_total\" suffix");
        } else if (type != MetricType::Counter && isTotal) {
            tell("non-counter metrics should not have \"_total\" suffix");
        }
        if (!isHistogram() && name.ends_with("_bucket")) {
            tell("non-histogram metrics should not have \"_bucket\" suffix");
        }
        for (const std::string_view suffix : {"_count", "_sum"}) {
            if (!isHistogram() && type != MetricType::Summary && name.ends_with(suffix)) {
                tell(fmt::format(
                    "non-histogram and non-summary metrics should not have \"{}\" suffix", suffix));
            }
        }
        const std::string_view word = typeWord(type);
        if (hasPart(lowerCase(name), word)) {
            tell(fmt::format("metric name should not include type '{}'", word));
        }
    }

    void lookAtLabel(std::string_view label)
    {
        if (isCamelCase(label)) {
            tell("label names should be written in 'snake_case' not 'camelCase'");
        }
        if (typeWord(family_->type).empty()) {
            return;
        }
        if (!isHistogram() && label == "le") {
            tell("non-histogram metrics should not have \"le\" label");
        }
        if (family_->type != MetricType::Summary && label == "quantile") {
            tell("non-summary metrics should not have \"quantile\" label");
        }
    }

    void lookForDuplicates()
    {
        absl::flat_hash_set<std::vector<std::pair<std::string, std::string>>> seen;
        for (const FamilyMetric& metric : family_->metrics) {
            if (!seen.insert(metric.labels).second) {
                tell("metric not unique");
            }
        }
    }

    [[nodiscard]] bool isHistogram() const { return family_->type == MetricType::Histogram; }

    static std::string lowerCase(std::string text)
    {
        for (char& c : text) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        return text;
    }

    const MetricFamily* family_ = nullptr;
    std::vector<MetricFinding> findings_;
};

} // namespace

std::vector<MetricFinding> lintFamilies(const std::vector<MetricFamily>& families)
{
    Linter linter;
    for (const MetricFamily& family : families) {
        linter.look(family);
    }
    return linter.finish();
}

std::vector<FamilyCardinality> cardinalities(const std::vector<MetricFamily>& families)
{
    std::vector<FamilyCardinality> all;
    for (const MetricFamily& family : families) {
        std::uint64_t each = 1;
        if (!family.metrics.empty() && family.type == MetricType::Histogram) {
            each = 2 + family.metrics.front().buckets.size();
        } else if (!family.metrics.empty() && family.type == MetricType::Summary) {
            each = 2 + family.metrics.front().quantiles.size();
        }
        all.push_back({family.name, each * family.metrics.size()});
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.series != b.series ? a.series > b.series : a.metric < b.metric;
    });
    return all;
}

} // namespace narthex::exposition
