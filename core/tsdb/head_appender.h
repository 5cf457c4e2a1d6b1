// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A batch on its way into the head: judged sample by sample, encoded for the log at once, kept
// until commit. Owner: the caller. Threads: one at a time. Errors: see storage::Appender. Format:
// spec/tsdb.md, 12.2 Appendable decision.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/head.h"

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narthex::tsdb {

class HeadAppender final : public storage::Appender
{
public:
    explicit HeadAppender(std::shared_ptr<Head> head);
    ~HeadAppender() override;

    absl::StatusOr<storage::SeriesRef> seriesFor(const model::Labels& labels) override;
    void useStartTimes(std::span<const std::int64_t> starts) override;
    void appendBatch(std::span<const storage::SeriesRef> refs,
                     std::span<const base::Timestamp> times, std::span<const double> values,
                     std::span<storage::AppendResult> results) override;
    storage::AppendResult appendHistogram(storage::SeriesRef ref, base::Timestamp time,
                                          const model::FloatHistogram& histogram) override;
    storage::AppendResult appendHistogram(storage::SeriesRef ref, base::Timestamp time,
                                          const model::IntegerHistogram& histogram) override;
    [[nodiscard]] bool isNewerThanAll(storage::SeriesRef ref, base::Timestamp time) const override;
    storage::ExemplarResult appendExemplar(storage::SeriesRef ref,
                                           const model::Exemplar& exemplar) override;
    void updateMetadata(storage::SeriesRef ref, const model::Metadata& metadata) override;
    absl::Status commit() override;
    void rollback() override;

private:
    struct Tally
    {
        std::uint64_t outOfOrder = 0;
        std::uint64_t duplicate = 0;
        std::uint64_t outOfBounds = 0;
        std::uint64_t tooOld = 0;

        void add(storage::AppendResult result);
        [[nodiscard]] bool isEmpty() const
        {
            return outOfOrder + duplicate + outOfBounds + tooOld == 0;
        }
    };
    /// The newest sample of a series in this batch.
    struct Newest
    {
        std::int64_t time = 0;
        std::uint64_t valueBits = 0;
        bool isHistogram = false;
    };
    /// Up to here the kinds of samples may be put in one after the other: behind it a series
    /// changes its kind.
    struct Boundary
    {
        std::size_t samples = 0;
        std::size_t histograms = 0;
        std::size_t records = 0;
    };
    struct PendingExemplar
    {
        HeadRef ref = 0;
        model::Exemplar exemplar;
    };
    struct PendingMetadata
    {
        HeadRef ref = 0;
        model::Metadata metadata;
    };
    struct Run
    {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::uint64_t page = 0;
    };
    void start(std::int64_t firstTime);
    storage::AppendResult append(storage::SeriesRef ref, base::Timestamp time,
                                 HistogramValue value);
    void appendRun(const Run& run, std::span<const storage::SeriesRef> refs,
                   std::span<const base::Timestamp> times, std::span<const double> values,
                   std::span<const std::int64_t> starts, std::span<storage::AppendResult> results,
                   Tally& tally);
    [[nodiscard]] storage::AppendResult judge(const HotSeries& series, std::int64_t time,
                                              std::uint64_t valueBits) const;
    [[nodiscard]] storage::AppendResult judgeRepeated(const PendingSample& sample,
                                                      bool isHistogram);
    /// Whether a sample that is not in order is taken as a late one; otherwise `result` says why
    /// not.
    [[nodiscard]] bool isTakenLate(std::int64_t time, storage::AppendResult& result) const;
    void addUnlikely(SeriesPage& page, const PendingSample& sample, std::int64_t startTime,
                     storage::AppendResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(page.mutex);
    void startBoundary();
    [[nodiscard]] bool isAlive(storage::SeriesRef ref) const;
    void encode(const PendingSample& sample);
    void beginStarts();
    void encodeStarted(const PendingSample& sample, std::int64_t startTime);
    void makeRoom(std::size_t samples);
    [[nodiscard]] std::vector<std::string> otherRecords(std::size_t histogramsFrom,
                                                        std::size_t histogramsTo) const;
    absl::Status writeLog();
    void insertAll();
    void finishBatch();
    void count(const Tally& tally);

    const std::shared_ptr<Head> head_;
    /// Set while a batch is open.
    std::optional<std::int64_t> minValid_;
    std::vector<PendingSample> samples_;
    std::vector<PendingHistogram> histograms_;
    std::vector<PendingLate> late_;
    std::vector<PendingExemplar> exemplars_;
    std::vector<PendingMetadata> metadata_;
    std::vector<Boundary> boundaries_;
    /// Filled only when a series may come twice; from the samples and histograms up to these.
    absl::flat_hash_map<HeadRef, Newest> newest_;
    std::size_t newestSamples_ = 0;
    std::size_t newestHistograms_ = 0;
    /// How far behind the head's newest sample late ones are taken; as it was when the batch began.
    std::int64_t lateWindowMs_ = 0;

    // The log records of the batch, encoded while it is judged. While a batch is open, samples_,
    // log_ and compressed_ are the head's, borrowed.
    std::unique_ptr<char[]> log_;
    std::size_t logCapacity_ = 0;
    std::size_t logSize_ = 0;
    std::vector<std::size_t> recordStarts_;
    std::size_t samplesInRecord_ = 0;
    HeadRef baseRef_ = 0;
    std::int64_t baseTime_ = 0;

    /// Of the next append; empty: unknown.
    std::span<const std::int64_t> nextStarts_;
    /// Set: startTimes_ has one for each of samples_.
    bool isStarted_ = false;
    std::vector<std::int64_t> startTimes_;
    std::int64_t baseStart_ = 0;
    std::int64_t lastStart_ = 0;
    std::vector<std::string> compressed_;
};

} // namespace narthex::tsdb
