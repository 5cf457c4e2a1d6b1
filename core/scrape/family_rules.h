// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which series belong to a metric family, by their names. Threads: pure functions.
// Source: spec/scrape.md, 10 and 13.
#pragma once

#include "core/model/labels.h"
#include "core/scrape/series_cache.h"

#include <string_view>

namespace narthex::scrape {

/// Whether a series of this name is one of the family's, so that the family's metadata is its own.
bool belongs(std::string_view name, const CachedFamily& family);

/// Whether the series only grows, until it begins anew.
bool isCumulative(model::MetricType type, const model::LabelsBuilder& labels);

} // namespace narthex::scrape
