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
    explicit HeadAppender(std::shared_ptr<Head> head) : head_(std::move(head)) {}
    ~HeadAppender() override { rollback(); }

    absl::StatusOr<storage::SeriesRef> seriesFor(const model::Labels& labels) override;
    void appendBatch(std::span<const storage::SeriesRef> refs,
                     std::span<const base::Timestamp> times, std::span<const double> values,
                     std::span<storage::AppendResult> results) override;
    storage::AppendResult appendHistogram(storage::SeriesRef ref, base::Timestamp time,
                                          const model::FloatHistogram& histogram) override;
    storage::AppendResult appendHistogram(storage::SeriesRef ref, base::Timestamp time,
                                          const model::IntegerHistogram& histogram) override;
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
        std::uint64_t tooOld = 0;
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
                   std::span<storage::AppendResult> results, Tally& tally);
    [[nodiscard]] storage::AppendResult judge(const HotSeries& series, std::int64_t time,
                                              std::uint64_t valueBits) const;
    [[nodiscard]] storage::AppendResult judgeRepeated(HeadRef ref, std::int64_t time,
                                                      std::uint64_t valueBits);
    void encode(const PendingSample& sample);
    void makeRoom(std::size_t samples);
    absl::Status writeLog();
    void finishBatch();
    void count(const Tally& tally);

    const std::shared_ptr<Head> head_;
    /// Set while a batch is open.
    std::optional<std::int64_t> minValid_;
    std::vector<PendingSample> samples_;
    std::vector<PendingHistogram> histograms_;
    /// The newest sample of this batch for each of its series; filled only when a series may come
    /// twice.
    absl::flat_hash_map<HeadRef, PendingSample> newest_;
    std::size_t newestUpTo_ = 0;

    // The log records of the batch, encoded while it is judged. Buffers keep their memory from
    // batch to batch.
    std::unique_ptr<char[]> log_;
    std::size_t logCapacity_ = 0;
    std::size_t logSize_ = 0;
    std::vector<std::size_t> recordStarts_;
    std::size_t samplesInRecord_ = 0;
    HeadRef baseRef_ = 0;
    std::int64_t baseTime_ = 0;
    std::vector<std::string> compressed_;
    std::string histogramRecord_;
};

} // namespace narthex::tsdb
