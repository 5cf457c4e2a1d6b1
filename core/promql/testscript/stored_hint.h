// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counter-reset hints as a store of chunks gives them, for tests whose store keeps histograms as
// they come. Threads: pure functions. Source: spec/promqltest.md, Value sequences.
#pragma once

#include "core/promql/value.h"

namespace narthex::promql::testscript {

/// Within a chunk: no reset; at its start: unknown. `previous`: the histogram before, as it was
/// stored; null for the first one, and behind a float.
model::CounterResetHint storedHint(const model::FloatHistogram& histogram,
                                   const HistogramPtr& previous);

} // namespace narthex::promql::testscript
