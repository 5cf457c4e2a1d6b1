// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes pages in any of the formats that readers ask for: text 0.0.4, OpenMetrics, or messages
// MetricFamily. Owner: the caller. Threads: one at a time. Units: times in milliseconds;
// OpenMetrics has them in seconds. Format: spec/scrape.md, the formats.
#pragma once

#include "core/exposition/negotiation.h"
#include "core/model/histogram.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::exposition {

struct ClassicBuckets
{
    /// Upper bound, cumulative count; without the one at infinity.
    std::vector<std::pair<double, double>> buckets;
    double count = 0;
    double sum = 0;
};

/// What a family has of one label set: a value, a histogram with buckets, or a native one, which
/// only messages can carry.
struct WrittenMetric
{
    /// Without the metric name; views of the caller's. Empty values are written, too.
    std::vector<model::LabelView> labels;
    double value = 0;
    std::optional<ClassicBuckets> classic;
    std::shared_ptr<const model::FloatHistogram> native;
    std::optional<std::int64_t> time;
};

struct WrittenFamily
{
    std::string name;
    model::MetricType type = model::MetricType::Unknown;
    std::string help;
    std::vector<WrittenMetric> metrics;
};

class FamilyWriter
{
public:
    /// Appends to `out`, which outlives the writer.
    FamilyWriter(PageFormat format, NameEscaping escaping, std::string& out)
        : format_(format), escaping_(escaping), out_(out)
    {}

    void write(const WrittenFamily& family);
    /// The end of the page.
    void finish();

private:
    void writeText(const WrittenFamily& family);
    void writeTextMetric(const WrittenFamily& family, const WrittenMetric& metric);
    void writeSample(std::string_view name, std::string_view suffix, const WrittenMetric& metric,
                     std::optional<double> bound, double value);
    void writeName(std::string_view name);
    void writeValue(double value);
    void writeMessage(const WrittenFamily& family);

    const PageFormat format_;
    const NameEscaping escaping_;
    std::string& out_;
};

} // namespace narthex::exposition
