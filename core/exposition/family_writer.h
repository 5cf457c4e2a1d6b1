// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes whole families in every format.
// Threads: pure functions. Units: milliseconds since the epoch.
// Format: spec/scrape.md, Text format, OpenMetrics text, Protobuf; spec/http-api.md, 7 and 11.
#pragma once

#include "core/exposition/metric_family.h"
#include "core/exposition/negotiation.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::base {
class JsonWriter;
}

namespace narthex::exposition {

/// Appends the family. Native histograms stand in Protobuf whole, elsewhere as count, sum and what
/// classic buckets they have.
void writeFamily(std::string& out, const MetricFamily& family, PageFormat format,
                 NameEscaping escaping = NameEscaping::None);
/// What stands behind the last family.
std::string_view pageEnd(PageFormat format);
/// All of a page, with its end.
std::string writePage(const std::vector<MetricFamily>& families, PageFormat format,
                      NameEscaping escaping = NameEscaping::None);

/// "COUNTER", "GAUGE_HISTOGRAM", "UNTYPED" ...
std::string_view protobufTypeText(model::MetricType type);
/// The JSON form of the protobuf message, as protojson has it.
void writeFamilyJson(base::JsonWriter& json, const MetricFamily& family);

} // namespace narthex::exposition
