// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The newest sample of each series, for another server to scrape. Source: spec/remote.md, 7.
#include "core/api/context.h"
#include "core/api/ingest.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/exposition/family_writer.h"
#include "core/exposition/name_escaping.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace narthex::api {
namespace {

constexpr std::size_t kSeriesABatch = 256;
constexpr std::string_view kInstance = "instance";

/// What a series has now.
struct Newest
{
    model::Labels labels;
    std::int64_t time = 0;
    double value = 0;
    std::shared_ptr<const model::FloatHistogram> histogram;

    [[nodiscard]] bool isGauge() const
    {
        return histogram && histogram->hint == model::CounterResetHint::Gauge;
    }
};

net::ServerResponse failed(const Context& context, int status, std::string_view message)
{
    if (status == 500) {
        context.ingest.federationErrors += 1;
    }
    return {.status = status, .body = fmt::format("{}\n", message)};
}

absl::StatusOr<std::vector<model::Matchers>> matcherSets(const net::ServerRequest& request)
{
    std::vector<model::Matchers> sets;
    for (const std::string& text : request.parameterValues("match[]")) {
        auto matchers = promql::parseSelector(text);
        if (!matchers.ok()) {
            return base::annotate(matchers.status(), fmt::format("match[]={}", text));
        }
        sets.push_back(*std::move(matchers));
    }
    return sets;
}

/// Appends what the series has in the window, unless it has nothing or has ended.
absl::Status addNewest(const storage::Series& series, base::Timestamp from, base::Timestamp to,
                       storage::SampleColumns& columns, std::vector<Newest>& out)
{
    columns.clear();
    NARTHEX_RETURN_IF_ERROR(series.read(from, to, columns));
    const bool isHistogram =
        !columns.histogramTimes.empty() &&
        (columns.times.empty() || columns.histogramTimes.back() > columns.times.back());
    if (columns.size() == 0) {
        return absl::OkStatus();
    }
    Newest newest{.labels = series.labels()};
    if (isHistogram) {
        newest.time = columns.histogramTimes.back();
        newest.histogram = columns.histograms.back();
    } else {
        newest.time = columns.times.back();
        newest.value = columns.values.back();
    }
    const bool isStale = isHistogram ? newest.histogram->isStale() : model::isStale(newest.value);
    if (!isStale) {
        out.push_back(std::move(newest));
    }
    return absl::OkStatus();
}

absl::StatusOr<std::vector<Newest>> collectNewest(const Context& context,
                                                  const net::ServerRequest& request,
                                                  const std::vector<model::Matchers>& sets)
{
    const base::Timestamp to = context.engine.clock().now();
    const base::Timestamp from = to - context.engine.queries().options().lookback;
    NARTHEX_ASSIGN_OR_RETURN(const auto querier, context.engine.localQueryable().querier(from, to));
    std::vector<Newest> all;
    storage::SampleColumns columns;
    std::vector<std::shared_ptr<const storage::Series>> batch;
    for (const model::Matchers& matchers : sets) {
        NARTHEX_ASSIGN_OR_RETURN(const auto set,
                                 querier->select({.from = from, .to = to}, matchers, request.gone));
        do {
            batch.clear();
            NARTHEX_RETURN_IF_ERROR(set->next(kSeriesABatch, batch));
            for (const auto& series : batch) {
                NARTHEX_RETURN_IF_ERROR(addNewest(*series, from, to, columns, all));
            }
        } while (!batch.empty());
    }
    // By name, as families want it; a series of several selectors is there once.
    std::sort(all.begin(), all.end(), [](const Newest& a, const Newest& b) {
        const int names = a.labels.metricName().compare(b.labels.metricName());
        return names != 0 ? names < 0 : a.labels < b.labels;
    });
    const auto same = [](const Newest& a, const Newest& b) { return a.labels == b.labels; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    return all;
}

/// Buckets with bounds of their own, as the formats always had them.
std::vector<exposition::FamilyBucket> classicBuckets(const model::FloatHistogram& histogram)
{
    std::vector<double> counts(histogram.customValues.size() + 1, 0);
    std::size_t index = 0;
    std::size_t bucket = 0;
    for (const model::Span& span : histogram.positiveSpans) {
        index += static_cast<std::size_t>(span.offset);
        for (std::uint32_t i = 0; i < span.length && bucket < histogram.positiveBuckets.size();
             ++i) {
            if (index < counts.size()) {
                counts[index] = histogram.positiveBuckets[bucket];
            }
            ++index;
            ++bucket;
        }
    }
    std::vector<exposition::FamilyBucket> buckets;
    double cumulative = 0;
    for (std::size_t i = 0; i < histogram.customValues.size(); ++i) {
        cumulative += counts[i];
        buckets.push_back({histogram.customValues[i], cumulative});
    }
    return buckets;
}

model::MetricType typeOf(const Newest& newest)
{
    if (!newest.histogram) {
        return model::MetricType::Unknown;
    }
    return newest.isGauge() ? model::MetricType::GaugeHistogram : model::MetricType::Histogram;
}

/// Gathers families and writes each when the next begins.
class Page
{
public:
    Page(const Context& context, exposition::PageFormat format, exposition::NameEscaping escaping)
        : context_(context),
          added_(context.engine.configuration()->global.externalLabels),
          format_(format),
          escaping_(escaping)
    {
        // An empty label keeps the reader from putting its own there.
        added_.try_emplace(std::string(kInstance), "");
    }

    void add(const Newest& newest)
    {
        const bool isNative = newest.histogram && !newest.histogram->usesCustomBuckets();
        if (isNative && format_ != exposition::PageFormat::Protobuf) {
            return;
        }
        const std::string_view name = newest.labels.metricName();
        if (name.empty()) {
            context_.ingest.federationWarnings += 1;
            return;
        }
        const model::MetricType type = typeOf(newest);
        if (name_ != name || family_.type != type) {
            flush();
            name_ = name;
            family_.name = exposition::escapeName(name, escaping_);
            family_.type = type;
        }
        family_.metrics.push_back(metricOf(newest, isNative));
    }
    std::string finish()
    {
        flush();
        return std::move(body_) + exposition::writePage({}, format_);
    }

private:
    exposition::FamilyMetric metricOf(const Newest& newest, bool isNative) const
    {
        exposition::FamilyMetric metric{.timestampMs = newest.time, .value = newest.value};
        const auto add = [this, &metric](std::string_view name, std::string_view value) {
            metric.labels.emplace_back(exposition::escapeName(name, escaping_), value);
        };
        for (const model::LabelView label : newest.labels) {
            if (label.name != model::kMetricName) {
                add(label.name, label.value);
            }
        }
        for (const auto& [label, value] : added_) {
            if (!newest.labels.has(label)) {
                add(label, value);
            }
        }
        if (newest.histogram) {
            metric.sampleCount = newest.histogram->count;
            metric.sampleSum = newest.histogram->sum;
        }
        if (isNative) {
            metric.native = *newest.histogram;
        } else if (newest.histogram) {
            metric.buckets = classicBuckets(*newest.histogram);
        }
        return metric;
    }
    void flush()
    {
        if (!family_.metrics.empty()) {
            exposition::writeFamily(body_, family_, format_);
        }
        family_.metrics.clear();
    }

    const Context& context_;
    std::map<std::string, std::string> added_;
    const exposition::PageFormat format_;
    const exposition::NameEscaping escaping_;
    std::string body_;
    std::string name_; // of the family, not escaped
    exposition::MetricFamily family_;
};

} // namespace

net::ServerResponse federate(const Context& context, const net::ServerRequest& request)
{
    const auto sets = matcherSets(request);
    if (!sets.ok()) {
        return failed(context, 400, base::messageOf(sets.status()));
    }
    const auto newest = collectNewest(context, request, *sets);
    if (!newest.ok()) {
        const bool isClosed = absl::IsUnavailable(newest.status());
        return failed(context, isClosed ? 503 : 500, base::messageOf(newest.status()));
    }
    const std::string_view accept = request.header("Accept");
    const exposition::PageFormat format = exposition::negotiateFormat(accept);
    const auto escaping = exposition::escapingOf(accept);
    net::ServerResponse response{.contentType = std::string(exposition::contentType(format))};
    if (escaping) {
        response.contentType +=
            fmt::format("; escaping={}", exposition::nameEscapingText(*escaping));
    }
    Page page(context, format, escaping.value_or(exposition::NameEscaping::Underscores));
    for (const Newest& each : *newest) {
        page.add(each);
    }
    response.body = page.finish();
    return response;
}

} // namespace narthex::api
