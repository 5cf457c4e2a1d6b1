// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decodes a record of the log, whatever its type, and aborts when the decoder gives what it must
// not.
// Threads: pure functions. Format: spec/tsdb.md, 8.
#pragma once

#include "core/model/labels.h"
#include "core/tsdb/wal_records.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::fuzz {

inline void require(bool condition)
{
    if (!condition) {
        std::abort();
    }
}

/// Labels are in order, unique, and without empty values.
inline void checkLabels(const model::Labels& labels)
{
    std::vector<model::LabelView> pairs;
    for (const model::LabelView label : labels) {
        pairs.push_back(label);
    }
    require(model::Labels::fromPairs(pairs) == labels);
}

inline void checkHistograms(std::string_view record)
{
    std::vector<tsdb::WalHistogram> histograms;
    const bool isOk = tsdb::decodeHistograms(record, histograms).ok();
    for (const tsdb::WalHistogram& histogram : histograms) {
        require((histogram.value.floats == nullptr) != (histogram.value.integers == nullptr));
        require(tsdb::isSound(histogram.value));
    }
    if (!isOk || histograms.empty()) {
        return;
    }
    // Written again, the samples come back.
    std::string again;
    const tsdb::WalHistogram& first = histograms.front();
    tsdb::beginHistograms(again, tsdb::walHistogramType(first.value), first.ref, first.time);
    for (const tsdb::WalHistogram& histogram : histograms) {
        tsdb::appendHistogramEntry(again, first.ref, first.time, histogram);
    }
    std::vector<tsdb::WalHistogram> back;
    require(tsdb::decodeHistograms(again, back).ok() && back.size() == histograms.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
        require(back[i].ref == histograms[i].ref && back[i].time == histograms[i].time);
        require(model::sameBits(*back[i].value.asFloat(), *histograms[i].value.asFloat()));
    }
}

inline void decodeRecord(std::string_view record)
{
    std::vector<tsdb::WalSample> samples;
    std::vector<tsdb::WalTombstone> tombstones;
    std::vector<tsdb::WalExemplar> exemplars;
    std::vector<tsdb::WalMmapMarker> markers;
    std::vector<tsdb::WalMetadata> metadata;
    absl::Status status;
    switch (tsdb::walRecordType(record)) {
    case tsdb::WalRecordType::Series:
        status = tsdb::decodeSeries(record, [](std::uint64_t, std::string_view labels) {
            checkLabels(model::Labels::fromBytes(std::string(labels)));
        });
        break;
    case tsdb::WalRecordType::Samples:
    case tsdb::WalRecordType::SamplesV2:
        status = tsdb::decodeSamples(record, samples);
        break;
    case tsdb::WalRecordType::Tombstones:
        status = tsdb::decodeTombstones(record, tombstones);
        break;
    case tsdb::WalRecordType::Exemplars:
        status = tsdb::decodeExemplars(record, exemplars);
        for (const tsdb::WalExemplar& exemplar : exemplars) {
            checkLabels(exemplar.labels);
        }
        break;
    case tsdb::WalRecordType::MmapMarkers:
        status = tsdb::decodeMmapMarkers(record, markers);
        break;
    case tsdb::WalRecordType::Metadata:
        status = tsdb::decodeMetadata(record, metadata);
        break;
    case tsdb::WalRecordType::Histograms:
    case tsdb::WalRecordType::FloatHistograms:
    case tsdb::WalRecordType::CustomHistograms:
    case tsdb::WalRecordType::CustomFloatHistograms:
    case tsdb::WalRecordType::HistogramsV2:
    case tsdb::WalRecordType::FloatHistogramsV2:
        checkHistograms(record);
        break;
    case tsdb::WalRecordType::Unknown:
        break;
    }
    static_cast<void>(status.ok());
}

} // namespace narthex::fuzz
