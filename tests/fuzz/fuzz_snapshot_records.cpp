// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a record of a chunk snapshot: it decodes or is refused, and what it gives can be
// written and read again.
#include "decode_record.h"

#include "core/tsdb/snapshot_records.h"

#include <cstdint>

using namespace narthex;

namespace {

void decodeSeries(std::string_view record)
{
    const auto series = tsdb::decodeSnapshotSeries(record);
    if (!series.ok()) {
        return;
    }
    fuzz::checkLabels(series->labels);
    std::string again;
    tsdb::encodeSnapshotSeries(again, *series);
    const auto back = tsdb::decodeSnapshotSeries(again);
    fuzz::require(back.ok() && back->ref == series->ref && back->labels == series->labels &&
                  back->chunk.has_value() == series->chunk.has_value());
    if (series->chunk) {
        fuzz::require(back->chunk->bytes == series->chunk->bytes &&
                      back->chunk->encoding == series->chunk->encoding &&
                      back->chunk->minTime == series->chunk->minTime &&
                      back->chunk->maxTime == series->chunk->maxTime);
    }
}

void decodeTombstones(std::string_view record)
{
    const auto deleted = tsdb::decodeSnapshotTombstones(record);
    if (!deleted.ok()) {
        return;
    }
    std::string again;
    tsdb::encodeSnapshotTombstones(again, *deleted);
    const auto back = tsdb::decodeSnapshotTombstones(again);
    fuzz::require(back.ok() && *back == *deleted);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view record(reinterpret_cast<const char*>(data), size);
    std::vector<tsdb::WalExemplar> exemplars;
    switch (tsdb::snapshotRecordType(record)) {
    case tsdb::SnapshotRecordType::Series:
        decodeSeries(record);
        break;
    case tsdb::SnapshotRecordType::Tombstones:
        decodeTombstones(record);
        break;
    case tsdb::SnapshotRecordType::Exemplars:
        static_cast<void>(tsdb::decodeSnapshotExemplars(record, exemplars).ok());
        for (const tsdb::WalExemplar& exemplar : exemplars) {
            fuzz::checkLabels(exemplar.labels);
        }
        break;
    case tsdb::SnapshotRecordType::Unknown:
        break;
    }
    return 0;
}
