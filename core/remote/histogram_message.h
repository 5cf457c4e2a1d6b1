// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Histogram message, which remote write (both versions) and remote read share.
// Threads: pure functions. Units: milliseconds. Errors: protozero::exception for bytes that are no
// message; whoever decodes the whole request catches it. Format: spec/remote.md, 1.1 and 1.2.
#pragma once

#include "core/model/histogram.h"

#include <protozero/pbf_reader.hpp>

#include <cstdint>
#include <string>

namespace narthex::remote {

/// A histogram as it came; of the two the one that `isFloat` names. Not checked yet: whoever keeps
/// it asks tsdb::isSound.
struct HistogramMessage
{
    std::int64_t time = 0;
    /// When its counter began; 0: unknown (version 1 has none).
    std::int64_t start = 0;
    bool isFloat = false;
    model::FloatHistogram floats;
    model::IntegerHistogram integers;
};

/// Memory of `out` is used again; at first everything in it is cleared.
void readHistogramMessage(protozero::pbf_reader message, HistogramMessage& out);

/// Appends the fields of the message, without tag and length. `start` 0: not written.
void appendHistogramMessage(std::string& out, const model::FloatHistogram& histogram,
                            std::int64_t time, std::int64_t start = 0);
void appendHistogramMessage(std::string& out, const model::IntegerHistogram& histogram,
                            std::int64_t time, std::int64_t start = 0);

} // namespace narthex::remote
