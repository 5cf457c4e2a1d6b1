// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a segment of the write-ahead log: reading ends, and every record decodes or is
// refused.
#include "core/model/labels.h"
#include "core/tsdb/wal_reader.h"
#include "core/tsdb/wal_records.h"

#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace narthex;

namespace {

void decode(std::string_view record)
{
    std::vector<tsdb::WalSample> samples;
    std::vector<tsdb::WalHistogram> histograms;
    std::vector<tsdb::WalTombstone> tombstones;
    absl::Status status;
    switch (tsdb::walRecordType(record)) {
    case tsdb::WalRecordType::Series:
        status = tsdb::decodeSeries(record, [](std::uint64_t, std::string_view labels) {
            if (model::Labels::fromBytes(std::string(labels)).toString().empty()) {
                std::abort();
            }
        });
        break;
    case tsdb::WalRecordType::Samples:
        status = tsdb::decodeSamples(record, samples);
        break;
    case tsdb::WalRecordType::Histograms:
    case tsdb::WalRecordType::FloatHistograms:
        status = tsdb::decodeHistograms(record, histograms);
        break;
    case tsdb::WalRecordType::Tombstones:
        status = tsdb::decodeTombstones(record, tombstones);
        break;
    case tsdb::WalRecordType::Exemplars:
    case tsdb::WalRecordType::MmapMarkers:
    case tsdb::WalRecordType::Metadata:
    case tsdb::WalRecordType::Unknown:
        break;
    }
    static_cast<void>(status.ok());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    tsdb::WalReader reader(bytes);
    while (true) {
        const absl::StatusOr<bool> found = reader.next();
        if (reader.validEnd() > size) {
            std::abort();
        }
        if (!found.ok() || !*found) {
            break;
        }
        decode(reader.record());
    }
    // The checksums keep a fuzzer out of the records: it gets there directly, too.
    decode(bytes);
    return 0;
}
