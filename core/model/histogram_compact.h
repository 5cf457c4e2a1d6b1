// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Native histograms in their shortest form. Threads: pure functions. Source: spec/promql.md, Native
// histograms.
#pragma once

#include "core/model/histogram.h"

namespace narthex::model {

/// Takes empty buckets away, except runs of at most `emptyKept` between populated ones, which are
/// kept or filled in, for they cost less than a span. The buckets are as many as the spans say.
void compact(FloatHistogram& histogram, std::int32_t emptyKept);
void compact(IntegerHistogram& histogram, std::int32_t emptyKept);

} // namespace narthex::model
