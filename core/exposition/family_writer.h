// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes whole families in every format, and finds out which one a client wants.
// Threads: pure functions. Units: milliseconds since the epoch.
// Format: spec/scrape.md, Text format, OpenMetrics text, Protobuf; spec/http-api.md, 7 and 11.
#pragma once

#include "core/exposition/metric_family.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::base {
class JsonWriter;
}

namespace narthex::exposition {

enum class PageFormat : std::uint8_t
{
    Text,
    OpenMetrics001,
    OpenMetrics100,
    /// Messages, each behind its length.
    Protobuf
};

/// The format that an Accept header prefers: the one with the highest weight, of equal ones the
/// first. Text if it names none of ours.
PageFormat negotiateFormat(std::string_view accept);
std::string_view contentType(PageFormat format);

/// Appends the family. Native histograms stand in Protobuf whole, elsewhere as count, sum and what
/// classic buckets they have.
void writeFamily(std::string& out, const MetricFamily& family, PageFormat format);
/// All of a page, with its end.
std::string writePage(const std::vector<MetricFamily>& families, PageFormat format);

/// The JSON form of the protobuf message, as protojson has it.
void writeFamilyJson(base::JsonWriter& json, const MetricFamily& family);

} // namespace narthex::exposition
