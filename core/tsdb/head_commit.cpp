// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// HeadAppender: what a batch becomes at its end, log records first.
#include "core/base/status.h"
#include "core/tsdb/head_appender.h"
#include "core/tsdb/wal_batches.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace narthex::tsdb {

// Histograms of one stretch of the batch by kind.
std::vector<std::string> HeadAppender::otherRecords(std::size_t histogramsFrom,
                                                    std::size_t histogramsTo) const
{
    std::vector<WalHistogram> histograms;
    for (std::size_t i = histogramsFrom; i < histogramsTo; ++i) {
        const PendingHistogram& sample = histograms_[i];
        histograms.push_back({sample.ref, sample.time, sample.value, sample.start});
    }
    if (histogramsTo == histograms_.size()) {
        for (const PendingLate& sample : late_) {
            if (sample.isHistogram()) {
                histograms.push_back({sample.ref, sample.time, sample.histogram, sample.start});
            }
        }
    }
    std::vector<std::string> records;
    appendHistogramRecords(records, histograms);
    return records;
}

// Order: metadata, then for each stretch samples and histograms, exemplars last.
absl::Status HeadAppender::writeLog()
{
    Journal* journal = head_->journal();
    if (journal == nullptr) {
        return base::unavailable("the store is closed");
    }
    std::deque<std::string> owned; // a record's bytes stay where they are
    std::vector<std::string_view> payloads;
    if (!metadata_.empty() && head_->logsMetadata()) {
        std::vector<WalMetadata> metadata;
        for (const PendingMetadata& one : metadata_) {
            metadata.push_back({one.ref, one.metadata});
        }
        writeMetadataRecord(owned.emplace_back(), metadata);
        payloads.push_back(owned.back());
    }
    std::size_t record = 0;
    std::size_t histogram = 0;
    const auto addStretch = [&](std::size_t recordsTo, std::size_t histogramsTo) {
        for (; record < recordsTo; ++record) {
            const std::size_t end =
                record + 1 < recordStarts_.size() ? recordStarts_[record + 1] : logSize_;
            payloads.emplace_back(log_.get() + recordStarts_[record], end - recordStarts_[record]);
        }
        for (std::string& other : otherRecords(histogram, histogramsTo)) {
            payloads.push_back(owned.emplace_back(std::move(other)));
        }
        histogram = histogramsTo;
    };
    for (const Boundary& boundary : boundaries_) {
        addStretch(boundary.records, boundary.histograms);
    }
    addStretch(recordStarts_.size(), histograms_.size());
    if (!exemplars_.empty()) {
        std::vector<WalExemplar> exemplars;
        for (const PendingExemplar& one : exemplars_) {
            exemplars.push_back(
                {one.ref, one.exemplar.time->ms, one.exemplar.value, one.exemplar.labels});
        }
        writeExemplarsRecord(owned.emplace_back(), exemplars);
        payloads.push_back(owned.back());
    }
    std::vector<WalRecord> records;
    compressed_.resize(std::max(compressed_.size(), payloads.size()));
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        records.push_back(makeWalRecord(payloads[i], journal->compression(), compressed_[i]));
    }
    return journal->commit(records);
}

void HeadAppender::insertAll()
{
    if (samples_.empty() && histograms_.empty()) {
        return;
    }
    const CommitId commit = head_->isolation().beginCommit();
    std::size_t sample = 0;
    std::size_t histogram = 0;
    const auto insertUpTo = [&](std::size_t samplesTo, std::size_t histogramsTo) {
        head_->insert(commit, std::span(samples_).subspan(sample, samplesTo - sample),
                      startTimes_.empty()
                          ? std::span<const std::int64_t>{}
                          : std::span(startTimes_).subspan(sample, samplesTo - sample),
                      std::span(histograms_).subspan(histogram, histogramsTo - histogram), late_);
        sample = samplesTo;
        histogram = histogramsTo;
    };
    for (const Boundary& boundary : boundaries_) {
        insertUpTo(boundary.samples, boundary.histograms);
    }
    insertUpTo(samples_.size(), histograms_.size());
    head_->isolation().endCommit(commit);
}

absl::Status HeadAppender::commit()
{
    if (absl::Status status = writeLog(); !status.ok()) {
        rollback();
        return status;
    }
    insertAll();
    const absl::Status late = late_.empty() ? absl::OkStatus() : head_->insertLate(late_);
    for (const PendingExemplar& one : exemplars_) {
        head_->addExemplar(one.ref, one.exemplar);
    }
    for (PendingMetadata& one : metadata_) {
        head_->metadata().set(one.ref, std::move(one.metadata));
    }
    finishBatch();
    return late;
}

void HeadAppender::rollback()
{
    head_->forget(samples_, histograms_, late_);
    finishBatch();
}

void HeadAppender::finishBatch()
{
    if (minValid_) {
        head_->endBatch(*minValid_);
        minValid_.reset();
        samples_.clear();
        head_->buffers().give({std::move(samples_), std::move(log_), std::exchange(logCapacity_, 0),
                               std::move(compressed_)});
    }
    samples_.clear();
    histograms_.clear();
    late_.clear();
    exemplars_.clear();
    metadata_.clear();
    boundaries_.clear();
    newest_.clear();
    newestSamples_ = 0;
    newestHistograms_ = 0;
    startTimes_.clear();
    isStarted_ = false;
    nextStarts_ = {};
    logSize_ = 0;
    recordStarts_.clear();
    samplesInRecord_ = 0;
}

void HeadAppender::count(const Tally& tally)
{
    if (tally.isEmpty()) {
        return;
    }
    HeadCounters& counters = head_->counters(); // nobody orders anything by them
    counters.samplesOutOfOrder.fetch_add(tally.outOfOrder, std::memory_order_relaxed);
    counters.samplesDuplicate.fetch_add(tally.duplicate, std::memory_order_relaxed);
    counters.samplesOutOfBounds.fetch_add(tally.outOfBounds, std::memory_order_relaxed);
    counters.samplesTooOld.fetch_add(tally.tooOld, std::memory_order_relaxed);
}

} // namespace narthex::tsdb
