// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Parts that several records share: labels, a histogram, the beginning of an entry with a start
// time.
// Threads: values. Units: milliseconds. Errors: a ByteReader that failed.
// Format: spec/tsdb.md, 8 (payloads H and F, types 11 to 13).
#pragma once

#include "core/base/codec.h"
#include "core/model/labels.h"
#include "core/tsdb/histogram_chunk.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::tsdb {

/// `packedLabels` as model::Labels::bytes().
void appendLabels(std::string& out, std::string_view packedLabels);
/// False if the reader failed. Labels that are not in order, or empty, are put right.
bool readLabels(base::ByteReader& reader, model::Labels& labels);

/// H for integers, F for floats.
void appendHistogramPayload(std::string& out, const HistogramValue& value);
/// None if the reader failed, or the histogram is one that cannot be kept: of an unknown schema, or
/// with buckets that are not those of its spans. The reader then stands behind it.
std::optional<HistogramValue> readHistogramPayload(base::ByteReader& reader, bool isInteger);

/// Where an entry's start time comes from.
enum class WalStart : std::uint8_t
{
    None = 0,
    AsBefore = 1,
    FromFirst = 2
};

/// Reads what stands in front of each entry of the types 11 to 13.
struct WalV2Reader
{
    std::uint64_t ref = 0;
    std::int64_t time = 0;
    std::int64_t start = 0;

    void read(base::ByteReader& reader);

private:
    bool isFirst_ = true;
    std::int64_t firstTime_ = 0;
    std::int64_t firstStart_ = 0;
};

} // namespace narthex::tsdb
