// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The `_created` lines of an OpenMetrics page: when its counters, summaries and histograms began.
// They may stand behind the samples that they speak of, so the page is read for them first.
// Owner: a TextPage. Threads: one page at a time. Source: spec/scrape.md, Start timestamps.
#pragma once

#include "core/base/string_map.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::scrape {

class CreatedTimes
{
public:
    /// Looks through the page. What is wrong with it is left to the one who reads it whole.
    void read(std::string_view body);
    /// Whether a series with these labels is a `_created` line of its family.
    [[nodiscard]] static bool isCreatedLine(std::string_view family, model::MetricType type,
                                            std::string_view metricName);
    /// When the counter behind these labels began, ms since the epoch; 0: the page does not say.
    [[nodiscard]] std::int64_t startOf(std::string_view family, model::MetricType type,
                                       const model::LabelsBuilder& labels) const;

private:
    base::StringMap<std::int64_t> starts_; // by labels without le and quantile
};

} // namespace narthex::scrape
