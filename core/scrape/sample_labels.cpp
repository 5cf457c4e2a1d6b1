// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/sample_labels.h"

#include "core/base/status.h"
#include "core/base/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::scrape {
namespace {

constexpr std::string_view kExported = "exported_";

std::string_view cut(std::string_view text)
{
    constexpr std::size_t kShown = 50;
    return text.substr(0, kShown);
}

bool namesAreValid(const JobConfig& job, const model::LabelsBuilder& labels)
{
    const bool legacy = job.nameScheme == relabel::NameScheme::Legacy;
    return std::all_of(
        labels.entries().begin(), labels.entries().end(), [legacy](const auto& entry) {
            const auto& [name, value] = entry;
            if (name == model::kMetricName) {
                return legacy ? model::isLegacyMetricName(value) : base::isValidUtf8(value);
            }
            return legacy ? model::isLegacyLabelName(name)
                          : !name.empty() && base::isValidUtf8(name);
        });
}

bool wasEmptied(const model::LabelsBuilder& labels, std::string_view name)
{
    const std::vector<std::string>& emptied = labels.emptied();
    return std::find(emptied.begin(), emptied.end(), name) != emptied.end();
}

} // namespace

bool finishLabels(const JobConfig& job, const model::Labels& targetLabels,
                  model::LabelsBuilder& labels)
{
    std::vector<model::LabelView> conflicts;
    for (const model::LabelView label : targetLabels) {
        if (job.honorLabels && wasEmptied(labels, label.name)) {
            continue; // the page says that there is none
        }
        if (!labels.has(label.name)) {
            labels.set(label.name, label.value);
        } else if (!job.honorLabels) {
            conflicts.push_back(label);
        }
    }
    // The exposed value moves aside, shortest name first.
    std::sort(conflicts.begin(), conflicts.end(),
              [](const auto& a, const auto& b) { return a.name.size() < b.name.size(); });
    for (const model::LabelView label : conflicts) {
        const std::string exposed(labels.get(label.name));
        labels.set(label.name, label.value);
        std::string name(label.name);
        do {
            name.insert(0, kExported);
        } while (labels.has(name) || targetLabels.has(name));
        labels.set(name, exposed);
    }
    return relabel::apply(job.metricRelabelRules, job.nameScheme, labels) &&
           !labels.entries().empty();
}

absl::Status checkLabels(const JobConfig& job, const model::LabelsBuilder& labels)
{
    const std::string_view metric = labels.get(model::kMetricName);
    if (metric.empty()) {
        return base::invalidArgument("missing metric name (__name__ label)");
    }
    if (!namesAreValid(job, labels)) {
        return base::invalidArgument("invalid metric name or label names: {}",
                                     labels.build().toString());
    }
    const std::size_t count = labels.entries().size();
    if (job.labelLimit != 0 && count > job.labelLimit) {
        return base::resourceExhausted(
            "label_limit exceeded (metric: {}, number of labels: {}, limit: {})", cut(metric),
            count, job.labelLimit);
    }
    for (const auto& [name, value] : labels.entries()) {
        if (job.labelNameLengthLimit != 0 && name.size() > job.labelNameLengthLimit) {
            return base::resourceExhausted("label_name_length_limit exceeded (metric: {}, label "
                                           "name: {}, length: {}, limit: {})",
                                           cut(metric), cut(name), name.size(),
                                           job.labelNameLengthLimit);
        }
        if (job.labelValueLengthLimit != 0 && value.size() > job.labelValueLengthLimit) {
            return base::resourceExhausted("label_value_length_limit exceeded (metric: {}, label "
                                           "name: {}, value: {}, length: {}, limit: {})",
                                           cut(metric), cut(name), model::quote(cut(value)),
                                           value.size(), job.labelValueLengthLimit);
        }
    }
    return absl::OkStatus();
}

} // namespace narthex::scrape
