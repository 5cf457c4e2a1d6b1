// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_batches.h"

#include <array>
#include <optional>

namespace narthex::tsdb {
namespace {

/// Those with a start time, of the kind of the type.
void appendStartedHistograms(std::vector<std::string>& records,
                             std::span<const WalHistogram> histograms, WalRecordType type)
{
    std::optional<WalRecordV2> writer;
    for (const WalHistogram& sample : histograms) {
        const bool isInteger = sample.value.integers != nullptr;
        if (sample.start == 0 || isInteger != (type == WalRecordType::HistogramsV2)) {
            continue;
        }
        if (!writer) {
            writer.emplace(records.emplace_back(), type);
        }
        writer->add(sample);
    }
}

} // namespace

void writeSamplesRecord(std::string& record, std::span<const WalSample> samples)
{
    const WalSample base = samples.front();
    beginSamples(record, base.ref, base.time);
    for (const WalSample& sample : samples) {
        appendSampleEntry(record, base.ref, base.time, sample);
    }
}

void writeStartedSamplesRecord(std::string& record, std::span<const WalSample> samples,
                               std::span<const std::int64_t> starts)
{
    WalRecordV2 writer(record, WalRecordType::SamplesV2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        writer.add(samples[i], starts[i]);
    }
}

void writeExemplarsRecord(std::string& record, std::span<const WalExemplar> exemplars)
{
    const std::uint64_t baseRef = exemplars.front().ref;
    const std::int64_t baseTime = exemplars.front().time;
    beginExemplars(record, baseRef, baseTime);
    for (const WalExemplar& one : exemplars) {
        appendExemplarEntry(record, baseRef, baseTime, one.ref, one.time, one.value,
                            one.labels.bytes());
    }
}

void writeMetadataRecord(std::string& record, std::span<const WalMetadata> metadata)
{
    beginRecord(record, WalRecordType::Metadata);
    for (const WalMetadata& one : metadata) {
        appendMetadataEntry(record, one);
    }
}

void writeMarkersRecord(std::string& record, std::span<const WalMmapMarker> markers)
{
    beginRecord(record, WalRecordType::MmapMarkers);
    for (const WalMmapMarker& marker : markers) {
        appendMmapMarkerEntry(record, marker);
    }
}

void writeTombstonesRecord(std::string& record, std::span<const WalTombstone> tombstones)
{
    beginRecord(record, WalRecordType::Tombstones);
    for (const WalTombstone& tombstone : tombstones) {
        appendTombstoneEntry(record, tombstone);
    }
}

void appendHistogramRecords(std::vector<std::string>& records,
                            std::span<const WalHistogram> histograms)
{
    constexpr std::array kOrder{WalRecordType::Histograms, WalRecordType::CustomHistograms,
                                WalRecordType::FloatHistograms,
                                WalRecordType::CustomFloatHistograms};
    for (const WalRecordType type : kOrder) {
        const WalHistogram* base = nullptr;
        for (const WalHistogram& sample : histograms) {
            if (sample.start != 0 || walHistogramType(sample.value) != type) {
                continue;
            }
            if (base == nullptr) {
                base = &sample;
                beginHistograms(records.emplace_back(), type, base->ref, base->time);
            }
            appendHistogramEntry(records.back(), base->ref, base->time, sample);
        }
    }
    appendStartedHistograms(records, histograms, WalRecordType::HistogramsV2);
    appendStartedHistograms(records, histograms, WalRecordType::FloatHistogramsV2);
}

} // namespace narthex::tsdb
