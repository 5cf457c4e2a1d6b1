// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Classic histograms to native ones with custom buckets. Source: spec/promqltest.md,
// load_with_nhcb.
#include "core/model/custom_buckets.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/testscript/script.h"

#include <map>

namespace narthex::promql::testscript {
namespace {

struct Family
{
    std::map<std::size_t, model::ClassicHistogram> slots;
};

model::Labels renamed(const model::Labels& labels, std::string_view name)
{
    model::LabelsBuilder builder(labels);
    builder.remove("le").set(model::kMetricName, name);
    return builder.build();
}

} // namespace

absl::StatusOr<std::vector<SeriesDescription>>
customBucketHistograms(const std::vector<SeriesDescription>& series)
{
    std::map<model::Labels, Family> families;
    for (const SeriesDescription& entry : series) {
        const std::string_view name = entry.labels.metricName();
        for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
            if (!name.ends_with(suffix)) {
                continue;
            }
            std::optional<double> bound;
            if (suffix == "_bucket") {
                if (!entry.labels.has("le")) {
                    return base::invalidArgument("bucket series without le: {}",
                                                 entry.labels.toString());
                }
                bound = base::parseFloat(entry.labels.get("le"));
                if (!bound) {
                    continue;
                }
            }
            Family& family =
                families[renamed(entry.labels, name.substr(0, name.size() - suffix.size()))];
            for (std::size_t i = 0; i < entry.values.size(); ++i) {
                const SequenceValue& value = entry.values[i];
                if (value.omitted || value.histogram) {
                    continue;
                }
                model::ClassicHistogram& classic = family.slots[i];
                if (bound) {
                    classic.buckets.emplace_back(*bound, value.value);
                } else if (suffix == "_count") {
                    classic.count = value.value;
                } else {
                    classic.sum = value.value;
                }
            }
        }
    }
    std::vector<SeriesDescription> result;
    for (const auto& [labels, family] : families) {
        SeriesDescription description{.labels = labels, .values = {}};
        for (const auto& [slot, classic] : family.slots) {
            NARTHEX_ASSIGN_OR_RETURN(auto histogram, model::toCustomFloatBuckets(classic));
            description.values.resize(slot, SequenceValue{.omitted = true});
            description.values.push_back(
                {.histogram = std::make_shared<model::FloatHistogram>(std::move(histogram))});
        }
        result.push_back(std::move(description));
    }
    return result;
}

} // namespace narthex::promql::testscript
