// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Windows over native histograms.
#include "core/promql/histogram_math.h"
#include "core/promql/histogram_sum.h"
#include "core/promql/start_times.h"
#include "core/promql/window.h"

#include <algorithm>
#include <optional>

namespace narthex::promql {

using model::CounterResetHint;
using model::FloatHistogram;

namespace {

void noteGauges(std::span<const HistogramPtr> histograms, bool counter, NoteBits& notes)
{
    const auto isGauge = [](const HistogramPtr& h) { return h->hint == CounterResetHint::Gauge; };
    if (counter && std::any_of(histograms.begin(), histograms.end(), isGauge)) {
        notes.add(Note::NotACounter);
    }
    if (!counter && !(isGauge(histograms.front()) && isGauge(histograms.back()))) {
        notes.add(Note::NotAGauge);
    }
}

bool mixedSchemas(std::span<const HistogramPtr> histograms)
{
    const bool custom = histograms.back()->usesCustomBuckets();
    return std::any_of(histograms.begin(), histograms.end(), [custom](const HistogramPtr& h) {
        return h->usesCustomBuckets() != custom;
    });
}

} // namespace

HistogramPtr histogramDifference(const Window& window, bool counter, NoteBits& notes)
{
    const auto histograms = window.histograms;
    const auto resetAt = [&](std::size_t i, const FloatHistogram& before) {
        return startsAnewAt(window.histogramTimes, window.histogramStartTimes, i) ||
               detectReset(*histograms[i], before);
    };
    noteGauges(histograms, counter, notes);
    FloatHistogram previous = *histograms.front();
    // A reset right behind the first sample: what was before it does not count.
    const bool resetAtOnce = counter && resetAt(1, previous);
    if (resetAtOnce) {
        previous = FloatHistogram{};
        previous.schema = histograms[1]->schema;
        previous.customValues = histograms[1]->customValues;
        previous.zeroThreshold = histograms[1]->zeroThreshold;
    }
    if (mixedSchemas(histograms.subspan(resetAtOnce ? 1 : 0))) {
        notes.add(Note::MixedSchemas);
        return nullptr;
    }
    std::int32_t schema = std::min(previous.schema, histograms.back()->schema);
    for (const HistogramPtr& histogram : histograms.subspan(1)) {
        schema = counter ? std::min(schema, histogram->schema) : schema;
    }
    FloatHistogram result = withSchema(*histograms.back(), schema);
    AddNotes difference;
    AddNotes sum;
    subtract(result, previous, difference);
    for (std::size_t i = 1; counter && i < histograms.size(); ++i) {
        if (resetAt(i, previous)) {
            add(result, previous, sum);
        }
        previous = *histograms[i];
    }
    if (difference.boundsReconciled) {
        notes.add(Note::BoundsSubtraction);
    }
    if (sum.boundsReconciled) {
        notes.add(Note::BoundsAddition);
    }
    result.hint = CounterResetHint::Gauge;
    return std::make_shared<FloatHistogram>(compacted(result));
}

WindowResult instantHistogramDifference(const FloatHistogram& previous, const FloatHistogram& last,
                                        double seconds, bool perSecond, bool reset, NoteBits& notes)
{
    const bool gauges =
        previous.hint == CounterResetHint::Gauge && last.hint == CounterResetHint::Gauge;
    const bool anyGauge =
        previous.hint == CounterResetHint::Gauge || last.hint == CounterResetHint::Gauge;
    if (perSecond ? anyGauge : !gauges) {
        notes.add(perSecond ? Note::NotACounter : Note::NotAGauge);
    }
    if (seconds == 0) {
        return {};
    }
    FloatHistogram result = last;
    if (!perSecond || !(reset || detectReset(last, previous))) {
        AddNotes difference;
        if (!subtract(result, previous, difference)) {
            notes.add(Note::MixedSchemas);
            return {};
        }
        if (difference.boundsReconciled) {
            notes.add(Note::BoundsSubtraction);
        }
    }
    result.hint = CounterResetHint::Gauge;
    if (perSecond) {
        divide(result, seconds);
    }
    return WindowResult(compacted(result));
}

WindowResult sumOfHistograms(std::span<const HistogramPtr> histograms, NoteBits& notes)
{
    HistogramSum sum;
    for (const HistogramPtr& histogram : histograms) {
        sum.add(*histogram);
    }
    auto result = sum.take(notes);
    return result ? WindowResult(std::move(*result)) : WindowResult();
}

WindowResult meanOfHistograms(std::span<const HistogramPtr> histograms, NoteBits& notes)
{
    HistogramMean mean;
    for (const HistogramPtr& histogram : histograms) {
        mean.add(*histogram);
    }
    auto result = mean.take(notes);
    return result ? WindowResult(std::move(*result)) : WindowResult();
}

} // namespace narthex::promql
