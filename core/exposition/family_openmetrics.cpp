// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/metric_family.h"
#include "core/exposition/openmetrics_parser.h"

#include <absl/container/flat_hash_map.h>

namespace narthex::exposition {
namespace {

using model::MetricType;

constexpr std::string_view kCreated = "_created";

/// What the type becomes outside of OpenMetrics.
MetricType plainType(MetricType type)
{
    return type == MetricType::Info || type == MetricType::StateSet ? MetricType::Gauge : type;
}

/// Collects the samples of one page. A family of OpenMetrics is one of ours, except that counters
/// and infos keep the suffix of their samples in the name.
class Collector
{
public:
    explicit Collector(std::string_view page) : parser_(page) {}

    absl::StatusOr<std::vector<MetricFamily>> collect()
    {
        while (true) {
            NARTHEX_ASSIGN_OR_RETURN(const EntryKind kind, parser_.next());
            switch (kind) {
            case EntryKind::End:
                return std::move(families_);
            case EntryKind::Type:
                begin();
                type_ = parser_.type();
                break;
            case EntryKind::Help:
                begin();
                help_ = parser_.help();
                break;
            case EntryKind::Unit:
                begin();
                unit_ = parser_.unit();
                break;
            case EntryKind::Series:
                NARTHEX_RETURN_IF_ERROR(addSample());
            }
        }
    }

private:
    /// Metadata of a family; it comes before the samples.
    void begin()
    {
        if (name_ != parser_.name()) {
            name_ = parser_.name();
            help_.clear();
            unit_.clear();
            type_ = MetricType::Unknown;
        }
    }

    MetricFamily& familyFor(const std::string& name, MetricType type)
    {
        const auto [at, isNew] = byName_.emplace(name, families_.size());
        if (isNew) {
            families_.push_back({.name = name, .help = help_, .unit = unit_, .type = type});
        }
        return families_[at->second];
    }

    absl::Status addSample()
    {
        model::LabelsBuilder builder;
        NARTHEX_RETURN_IF_ERROR(parser_.labels(builder));
        const std::string sampleName(builder.get(model::kMetricName));
        const bool inFamily = !name_.empty() && sampleName.starts_with(name_);
        const std::string_view suffix =
            inFamily ? std::string_view(sampleName).substr(name_.size()) : std::string_view();
        const MetricType type = inFamily ? type_ : MetricType::Unknown;
        const bool compound = type == MetricType::Summary || type == MetricType::Histogram ||
                              type == MetricType::GaugeHistogram;
        if (suffix == kCreated && (compound || type == MetricType::Counter)) {
            return absl::OkStatus();
        }
        builder.remove(model::kMetricName);
        if (!compound) {
            MetricFamily& family = familyFor(sampleName, plainType(type));
            FamilyMetric& metric = family.metrics.emplace_back(metricOf(builder));
            metric.value = parser_.value();
            return absl::OkStatus();
        }
        const std::string_view special = type == MetricType::Summary ? "quantile" : "le";
        const std::string extra(builder.get(special));
        builder.remove(special);
        putPart(metricWith(familyFor(name_, type), metricOf(builder)), suffix, extra);
        return absl::OkStatus();
    }

    [[nodiscard]] FamilyMetric metricOf(model::LabelsBuilder& builder) const
    {
        FamilyMetric metric{.timestampMs = parser_.timestampMs()};
        const model::Labels labels = builder.build();
        for (const model::LabelView label : labels) {
            metric.labels.emplace_back(label.name, label.value);
        }
        return metric;
    }

    /// The family's metric with the same labels.
    FamilyMetric& metricWith(MetricFamily& family, FamilyMetric metric)
    {
        std::string key = family.name;
        for (const auto& [name, value] : metric.labels) {
            key.append(1, '\0').append(name).append(1, '\0').append(value);
        }
        const auto [at, isNew] = byLabels_.emplace(std::move(key), family.metrics.size());
        if (isNew) {
            family.metrics.push_back(std::move(metric));
        }
        return family.metrics[at->second];
    }

    void putPart(FamilyMetric& metric, std::string_view suffix, const std::string& extra) const
    {
        const double value = parser_.value();
        if (suffix == "_count" || suffix == "_gcount") {
            metric.sampleCount = value;
        } else if (suffix == "_sum" || suffix == "_gsum") {
            metric.sampleSum = value;
        } else if (const auto bound = base::parseFloat(extra)) {
            if (suffix == "_bucket") {
                metric.buckets.push_back({*bound, value});
            } else {
                metric.quantiles.push_back({*bound, value});
            }
        }
    }

    OpenMetricsParser parser_;
    std::string name_;
    std::string help_;
    std::string unit_;
    MetricType type_ = MetricType::Unknown;
    std::vector<MetricFamily> families_;
    absl::flat_hash_map<std::string, std::size_t> byName_;
    absl::flat_hash_map<std::string, std::size_t> byLabels_;
};

} // namespace

absl::StatusOr<std::vector<MetricFamily>> parseOpenMetricsFamilies(std::string_view page)
{
    return Collector(page).collect();
}

} // namespace narthex::exposition
