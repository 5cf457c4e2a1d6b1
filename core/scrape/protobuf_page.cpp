// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/protobuf_page.h"

#include "core/base/codec.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/lexical.h"
#include "core/model/custom_buckets.h"
#include "core/scrape/classic_collector.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

namespace narthex::scrape {
namespace {

using exposition::ProtobufFamily;
using exposition::ProtobufMetric;

/// A bound or quantile as the text formats write it.
std::string boundText(double bound)
{
    return exposition::normalisedNumber(base::formatFloat(bound));
}

} // namespace

bool isProtobufKey(std::string_view key) { return !key.empty() && key.front() == kPackedKeyMark; }

void labelsOfKey(std::string_view key, model::LabelsBuilder& labels)
{
    labels.reset({});
    base::ByteReader reader(key.substr(1));
    while (reader.remaining() > 0) {
        const std::string_view name = reader.uvarintString();
        labels.set(name, reader.uvarintString());
    }
}

absl::Status ProtobufPage::read(std::string_view body, PageSink& sink)
{
    sink_ = &sink;
    exposition::ProtobufParser parser(body);
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool hasFamily, parser.nextFamily());
        if (!hasFamily) {
            return absl::OkStatus();
        }
        const ProtobufFamily& family = parser.family();
        family_ = sink.cache().family(family.name);
        sink.setHelp(family_, family.help);
        sink.setUnit(family_, family.unit);
        sink.setType(family_, family.type);
        while (true) {
            NARTHEX_ASSIGN_OR_RETURN(const bool hasMetric, parser.nextMetric());
            if (!hasMetric) {
                break;
            }
            NARTHEX_RETURN_IF_ERROR(readMetric(family, parser.metric()));
        }
    }
}

absl::Status ProtobufPage::readMetric(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    switch (family.type) {
    case model::MetricType::Summary:
        return readSummary(family, metric);
    case model::MetricType::Histogram:
    case model::MetricType::GaugeHistogram: {
        const Target& target = sink_->target();
        const bool native = metric.isNative && target.scrapeNativeHistograms;
        if (native) {
            NARTHEX_RETURN_IF_ERROR(readNative(family, metric));
        }
        const bool converting = !native && sink_->converts();
        const bool wanted = native || converting ? target.alwaysScrapeClassicHistograms : true;
        if (wanted && (!metric.buckets.empty() || !native)) {
            NARTHEX_RETURN_IF_ERROR(readClassic(family, metric));
        }
        return converting ? readConverted(family, metric) : absl::OkStatus();
    }
    case model::MetricType::Counter:
    case model::MetricType::Gauge:
    case model::MetricType::Unknown:
    case model::MetricType::Info:
    case model::MetricType::StateSet:
        break;
    }
    return addFloat(family.name, {}, metric, metric.value, {}, metric.exemplars);
}

absl::Status ProtobufPage::readSummary(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    NARTHEX_RETURN_IF_ERROR(addFloat(family.name, "_count", metric, metric.sampleCount));
    NARTHEX_RETURN_IF_ERROR(addFloat(family.name, "_sum", metric, metric.sampleSum));
    for (const exposition::ProtobufQuantile& quantile : metric.quantiles) {
        NARTHEX_RETURN_IF_ERROR(addFloat(family.name, {}, metric, quantile.value,
                                         {"quantile", boundText(quantile.quantile)}));
    }
    return absl::OkStatus();
}

absl::Status ProtobufPage::readClassic(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    NARTHEX_RETURN_IF_ERROR(addFloat(family.name, "_count", metric, metric.sampleCount));
    NARTHEX_RETURN_IF_ERROR(addFloat(family.name, "_sum", metric, metric.sampleSum));
    bool hasInfinity = false;
    for (const exposition::ProtobufBucket& bucket : metric.buckets) {
        const std::string bound = boundText(bucket.upperBound);
        hasInfinity = hasInfinity || std::isinf(bucket.upperBound);
        const std::span<const model::Exemplar> exemplars =
            bucket.exemplar ? std::span(&*bucket.exemplar, 1) : std::span<const model::Exemplar>();
        NARTHEX_RETURN_IF_ERROR(addFloat(family.name, "_bucket", metric, bucket.cumulativeCount,
                                         {"le", bound}, exemplars));
    }
    return hasInfinity
               ? absl::OkStatus()
               : addFloat(family.name, "_bucket", metric, metric.sampleCount, {"le", "+Inf"});
}

absl::Status ProtobufPage::readConverted(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    model::ClassicHistogram classic{.count = metric.sampleCount, .sum = metric.sampleSum};
    std::vector<model::Exemplar> exemplars;
    for (const exposition::ProtobufBucket& bucket : metric.buckets) {
        classic.buckets.emplace_back(bucket.upperBound, bucket.cumulativeCount);
        if (bucket.exemplar) {
            exemplars.push_back(*bucket.exemplar);
        }
    }
    const auto histogram = model::toCustomBuckets(classic);
    if (!histogram.ok()) {
        return base::annotate(histogram.status(), fmt::format("histogram \"{}\"", family.name));
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t index, seriesOf(family.name, {}, metric));
    std::visit(
        [&](const auto& value) {
            sink_->addStart(index, metric.startTimestampMs, value);
            sink_->addHistogram(index, value, metric.timestampMs);
        },
        *histogram);
    sink_->addExemplars(index, exemplars, metric.timestampMs, true);
    return absl::OkStatus();
}

absl::Status ProtobufPage::readNative(const ProtobufFamily& family, const ProtobufMetric& metric)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t index, seriesOf(family.name, {}, metric));
    if (metric.hasFloatCounts) {
        sink_->addStart(index, metric.startTimestampMs, metric.floats);
        sink_->addHistogram(index, metric.floats, metric.timestampMs);
    } else {
        sink_->addStart(index, metric.startTimestampMs, metric.integer);
        sink_->addHistogram(index, metric.integer, metric.timestampMs);
    }
    std::vector<model::Exemplar> exemplars = metric.exemplars;
    for (const exposition::ProtobufBucket& bucket : metric.buckets) {
        if (metric.exemplars.empty() && bucket.exemplar) {
            exemplars.push_back(*bucket.exemplar);
        }
    }
    sink_->addExemplars(index, exemplars, metric.timestampMs, true);
    return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> ProtobufPage::seriesOf(std::string_view name, std::string_view suffix,
                                                     const ProtobufMetric& metric,
                                                     model::LabelView extra)
{
    model::LabelsBuilder builder;
    for (const model::LabelView& label : metric.labels) {
        builder.set(label.name, label.value);
    }
    std::string whole(name);
    whole += suffix;
    builder.set(model::kMetricName, whole);
    if (!extra.name.empty()) {
        builder.set(extra.name, extra.value);
    }
    key_.assign(1, kPackedKeyMark);
    key_ += builder.build().bytes();
    for (const std::string& each : builder.emptied()) {
        model::appendPackedLabel(key_, each, {}); // honor_labels wants to know of it
    }
    return sink_->resolve(key_, family_, [this](model::LabelsBuilder& labels) {
        labelsOfKey(key_, labels);
        return absl::OkStatus();
    });
}

absl::Status ProtobufPage::addFloat(std::string_view name, std::string_view suffix,
                                    const ProtobufMetric& metric, double value,
                                    model::LabelView extra,
                                    std::span<const model::Exemplar> exemplars)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t index, seriesOf(name, suffix, metric, extra));
    sink_->addStart(index, metric.startTimestampMs);
    sink_->add(index, std::isnan(value) ? model::normalNan() : value, metric.timestampMs);
    if (!exemplars.empty()) {
        std::vector<model::Exemplar> copies(exemplars.begin(), exemplars.end());
        sink_->addExemplars(index, copies, metric.timestampMs, false);
    }
    return absl::OkStatus();
}

} // namespace narthex::scrape
