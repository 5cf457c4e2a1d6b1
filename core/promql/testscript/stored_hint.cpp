// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/testscript/stored_hint.h"

#include "core/promql/histogram_math.h"

namespace narthex::promql::testscript {

model::CounterResetHint storedHint(const model::FloatHistogram& histogram,
                                   const HistogramPtr& previous)
{
    using model::CounterResetHint;
    if (histogram.hint == CounterResetHint::Gauge) {
        return CounterResetHint::Gauge;
    }
    if (!previous || previous->hint == CounterResetHint::Gauge ||
        previous->schema != histogram.schema ||
        previous->zeroThreshold != histogram.zeroThreshold ||
        previous->customValues != histogram.customValues) {
        return CounterResetHint::Unknown;
    }
    model::FloatHistogram current = histogram;
    if (current.hint == CounterResetHint::NoReset) {
        current.hint = CounterResetHint::Unknown;
    }
    return detectReset(current, *previous) ? CounterResetHint::Unknown : CounterResetHint::NoReset;
}

} // namespace narthex::promql::testscript
