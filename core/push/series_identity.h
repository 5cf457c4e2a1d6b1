// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which pushed series are the same, and how messages show them. Threads: pure functions.
#pragma once

#include "core/exposition/metric_family.h"

#include <cstdint>
#include <string>

namespace narthex::push {

/// Of the name and the labels, which are sorted.
std::uint64_t seriesHash(const std::string& name, const exposition::FamilyMetric& metric);

/// `"x" { label:{name:"job" value:"a"} gauge:{value:1} }`
std::string describe(const exposition::MetricFamily& family,
                     const exposition::FamilyMetric& metric);

} // namespace narthex::push
