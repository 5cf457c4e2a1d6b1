// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/histogram_compact.h"

#include "core/model/histogram_deltas.h"

#include <utility>

namespace narthex::model {
namespace {

/// `counts` are absolute, one for each bucket of the spans.
template <typename Count>
void compactSide(std::vector<Span>& spans, std::vector<Count>& counts, std::int32_t emptyKept)
{
    std::vector<Span> keptSpans;
    std::vector<Count> keptCounts;
    keptCounts.reserve(counts.size());
    std::int64_t index = 0;
    std::int64_t end = 0; // behind the last bucket that is kept
    std::size_t at = 0;
    for (const Span& span : spans) {
        index += span.offset;
        for (std::uint32_t i = 0; i < span.length; ++i, ++index, ++at) {
            if (counts[at] == Count{}) {
                continue;
            }
            const std::int64_t gap = index - end;
            if (keptSpans.empty() || gap > emptyKept) {
                keptSpans.push_back({static_cast<std::int32_t>(gap), 0});
            } else {
                keptCounts.insert(keptCounts.end(), static_cast<std::size_t>(gap), Count{});
                keptSpans.back().length += static_cast<std::uint32_t>(gap);
            }
            keptCounts.push_back(counts[at]);
            ++keptSpans.back().length;
            end = index + 1;
        }
    }
    spans = std::move(keptSpans);
    counts = std::move(keptCounts);
}

void compactDeltas(std::vector<Span>& spans, std::vector<std::int64_t>& deltas,
                   std::int32_t emptyKept)
{
    changeCounts(deltas,
                 [&](std::vector<std::int64_t>& counts) { compactSide(spans, counts, emptyKept); });
}

} // namespace

void compact(FloatHistogram& histogram, std::int32_t emptyKept)
{
    compactSide(histogram.positiveSpans, histogram.positiveBuckets, emptyKept);
    compactSide(histogram.negativeSpans, histogram.negativeBuckets, emptyKept);
}

void compact(IntegerHistogram& histogram, std::int32_t emptyKept)
{
    compactDeltas(histogram.positiveSpans, histogram.positiveDeltas, emptyKept);
    compactDeltas(histogram.negativeSpans, histogram.negativeDeltas, emptyKept);
}

} // namespace narthex::model
