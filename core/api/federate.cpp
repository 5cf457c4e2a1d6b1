// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The newest sample of each series, for another server to scrape. Source: spec/remote.md, 7.
#include "core/api/context.h"
#include "core/api/ingest.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/exposition/family_writer.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
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
void addClassic(const model::FloatHistogram& histogram, exposition::FamilyMetric& metric)
{
    metric.sampleCount = histogram.count;
    metric.sampleSum = histogram.sum;
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
    double cumulative = 0;
    for (std::size_t i = 0; i < histogram.customValues.size(); ++i) {
        cumulative += counts[i];
        metric.buckets.push_back({histogram.customValues[i], cumulative});
    }
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
    Page(const Context& context, const exposition::Negotiated& negotiated, std::string& out)
        : context_(context),
          config_(context.engine.configuration()),
          added_(config_->global.externalLabels),
          negotiated_(negotiated),
          isProtobuf_(negotiated.format == exposition::PageFormat::Protobuf),
          out_(out)
    {
        // An empty label keeps the reader from putting its own there.
        added_.try_emplace(std::string(kInstance), "");
    }

    void add(const Newest& newest)
    {
        const bool isNative = newest.histogram && !newest.histogram->usesCustomBuckets();
        if (isNative && !isProtobuf_) {
            return;
        }
        const std::string_view name = newest.labels.metricName();
        if (name.empty()) {
            context_.ingest.federationWarnings += 1;
            return;
        }
        const model::MetricType type = typeOf(newest);
        if (family_.name != name || family_.type != type) {
            flush();
            family_.name = name;
            family_.type = type;
        }
        family_.metrics.push_back(metricOf(newest, isNative));
    }
    void finish()
    {
        flush();
        out_ += exposition::pageEnd(negotiated_.format);
    }

private:
    exposition::FamilyMetric metricOf(const Newest& newest, bool isNative) const
    {
        exposition::FamilyMetric metric{.timestampMs = newest.time, .value = newest.value};
        for (const model::LabelView label : newest.labels) {
            if (label.name != model::kMetricName) {
                metric.labels.emplace_back(label.name, label.value);
            }
        }
        for (const auto& [label, value] : added_) {
            if (!newest.labels.has(label)) {
                metric.labels.emplace_back(label, value);
            }
        }
        if (isNative) {
            metric.native = *newest.histogram;
        } else if (newest.histogram) {
            addClassic(*newest.histogram, metric);
        }
        return metric;
    }
    void flush()
    {
        if (!family_.metrics.empty()) {
            exposition::writeFamily(out_, family_, negotiated_.format, negotiated_.escaping);
        }
        family_.metrics.clear();
    }

    const Context& context_;
    const std::shared_ptr<const config::Config> config_;
    std::map<std::string, std::string> added_;
    const exposition::Negotiated& negotiated_;
    const bool isProtobuf_;
    std::string& out_;
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
    exposition::Negotiated negotiated = exposition::negotiate(request.header("Accept"));
    net::ServerResponse response;
    response.contentType = negotiated.contentType;
    Page page(context, negotiated, response.body);
    for (const Newest& each : *newest) {
        page.add(each);
    }
    page.finish();
    return response;
}

} // namespace narthex::api
