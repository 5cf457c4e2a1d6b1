// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/metrics.h"

#include "core/exposition/text_writer.h"

namespace narthex::discovery {

void Metrics::add(std::string_view name, const model::Labels& labels, double by)
{
    absl::MutexLock lock(&mutex_);
    Family& family = families_.try_emplace(std::string(name)).first->second;
    family.isCounter = true;
    family.values[labels] += by;
}

void Metrics::set(std::string_view name, const model::Labels& labels, double value)
{
    absl::MutexLock lock(&mutex_);
    families_.try_emplace(std::string(name)).first->second.values[labels] = value;
}

void Metrics::remove(std::string_view name, const model::Labels& labels)
{
    absl::MutexLock lock(&mutex_);
    if (const auto family = families_.find(name); family != families_.end()) {
        family->second.values.erase(labels);
        family->second.summaries.erase(labels);
        family->second.histograms.erase(labels);
    }
}

void Metrics::observe(std::string_view name, const model::Labels& labels, double seconds,
                      base::Duration now)
{
    absl::MutexLock lock(&mutex_);
    Family& family = families_.try_emplace(std::string(name)).first->second;
    auto& summary = family.summaries[labels];
    if (!summary) {
        summary = std::make_unique<exposition::RecentSummary>();
    }
    summary->observe(now, seconds);
}

void Metrics::observeBuckets(std::string_view name, const model::Labels& labels, double seconds)
{
    absl::MutexLock lock(&mutex_);
    Family& family = families_.try_emplace(std::string(name)).first->second;
    auto& histogram = family.histograms[labels];
    if (!histogram) {
        histogram =
            std::make_unique<exposition::FixedHistogram>(std::vector<double>{0.01, 0.1, 1, 10});
    }
    histogram->observe(seconds);
}

double Metrics::value(std::string_view name, const model::Labels& labels) const
{
    absl::MutexLock lock(&mutex_);
    const auto family = families_.find(name);
    if (family == families_.end()) {
        return 0;
    }
    const auto value = family->second.values.find(labels);
    return value == family->second.values.end() ? 0 : value->second;
}

void Metrics::write(exposition::TextWriter& out, base::Duration now) const
{
    const auto views = [](const model::Labels& labels) {
        std::vector<model::LabelView> result;
        for (const model::LabelView label : labels) {
            result.push_back(label);
        }
        return result;
    };
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, family] : families_) {
        const auto type = !family.summaries.empty()    ? model::MetricType::Summary
                          : !family.histograms.empty() ? model::MetricType::Histogram
                          : family.isCounter           ? model::MetricType::Counter
                                                       : model::MetricType::Gauge;
        if (family.values.empty() && family.summaries.empty() && family.histograms.empty()) {
            continue;
        }
        out.family(name, type, help_);
        for (const auto& [labels, value] : family.values) {
            out.sampleNamed(name, views(labels), value);
        }
        for (const auto& [labels, summary] : family.summaries) {
            summary->writeSamples(out, name, views(labels), now);
        }
        for (const auto& [labels, histogram] : family.histograms) {
            histogram->writeSamples(out, name, views(labels));
        }
    }
}

} // namespace narthex::discovery
