// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One write request on its way into the store: what both versions of the protocol share. Samples
// are collected in columns and handed over in batches; whatever is refused comes back with the
// series message that it stood in, so that labels are made only for those few, and for new series.
// Owner: WriteReceiver, for the time of a request. Threads: one. Units: milliseconds.
// Source: spec/remote.md, 3.
#pragma once

#include "core/remote/histogram_message.h"
#include "core/remote/receiver/ref_cache.h"
#include "core/remote/receiver/wire.h"
#include "core/storage/storage.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::remote::receiver {

/// What the writers of a server may send, and what is done with it.
struct WriteOptions
{
    /// __type__ and __unit__ stand on series (version 2 says them).
    bool typeAndUnitLabels = false;
    /// A zero is written at the start of a counter, where nothing newer is.
    bool writeStartZero = false;
    /// What version 2 says of families is kept.
    bool storeMetadata = false;
    /// Of a request when decompressed.
    std::size_t bodyLimitBytes = std::size_t{32} << 20U;
    /// Series whose labels are remembered; see RefCache.
    std::size_t cachedSeries = std::size_t{1} << 20U;
};

/// What was stored of a request.
struct Written
{
    std::uint64_t samples = 0;
    std::uint64_t histograms = 0;
    std::uint64_t exemplars = 0;
};

/// What became of a request: nothing went wrong, or the first thing that did. InvalidArgument is
/// the request's fault; everything else is ours, and the sender may try again.
struct WriteResult
{
    absl::Status status;
    Written written;
    /// Samples that were left out because of the labels of their series.
    std::uint64_t invalidLabels = 0;
};

class WriteRun
{
public:
    struct Surroundings
    {
        const WriteOptions& options;
        RefCache& cache;
        storage::Appendable& store;
        base::Timestamp now;
    };

    explicit WriteRun(const Surroundings& surroundings);
    virtual ~WriteRun() = default;
    WriteRun(const WriteRun&) = delete;
    WriteRun& operator=(const WriteRun&) = delete;

protected:
    using Labels = std::vector<model::LabelView>;

    /// The labels of a series message, sorted and right. Errors: InvalidArgument.
    virtual absl::StatusOr<model::Labels> labelsOf(std::string_view series) = 0;
    /// Of the labels of a series message.
    virtual Fingerprint fingerprintOf(std::string_view series) = 0;
    /// Something of this series cannot be stored. False: the request ends here.
    virtual bool refuse(std::string_view series, std::string_view problem) = 0;

    /// The series, from the cache if it is there. Errors: of labelsOf and of the store.
    absl::StatusOr<model::SeriesRef> refOf(std::string_view series, const Fingerprint& print);

    // All of these: false ends the request.
    bool add(std::string_view series, model::SeriesRef ref, std::int64_t time, double value,
             std::int64_t start);
    /// Of the bytes of a Histogram message.
    bool addHistogram(std::string_view series, model::SeriesRef& ref, std::string_view message);
    /// Hands over what is collected.
    bool flush();
    storage::ExemplarResult addExemplar(std::string_view series, model::SeriesRef& ref,
                                        const model::Exemplar& exemplar);
    /// The store failed, or the request is no such message: nothing is stored.
    bool fail(absl::Status status);
    bool failDecoding(std::string_view body, const char* at);

    /// Sorted labels out of views. Errors: InvalidArgument, not valid UTF-8, no name, twice.
    static absl::StatusOr<model::Labels> checkedLabels(Labels& labels);
    /// The series for a message of an error; not longer than somebody reads.
    std::string nameOf(std::string_view series);

    [[nodiscard]] storage::Appender& appender() { return *appender_; }
    [[nodiscard]] const WriteOptions& options() const { return around_.options; }
    [[nodiscard]] const RefCache& cache() const { return around_.cache; }
    [[nodiscard]] const RefCache::Table& known() const { return *known_; }
    [[nodiscard]] bool isTooFarAhead(std::int64_t time) const { return time > maxTime_; }
    [[nodiscard]] const absl::Status& failure() const { return failure_; }
    Written& written() { return written_; }
    /// A zero where the counter began, if nothing newer is there.
    void addStartZero(std::string_view series, model::SeriesRef ref, std::int64_t time,
                      std::int64_t start);

    static constexpr std::size_t kMostLabels = 65536;
    /// Series whose entries are fetched into the cache while others are worked on.
    static constexpr std::size_t kAhead = 32;

private:
    static constexpr std::size_t kBatch = 512;

    struct Batch
    {
        std::array<model::SeriesRef, kBatch> refs;
        std::array<base::Timestamp, kBatch> times;
        std::array<double, kBatch> values;
        std::array<std::int64_t, kBatch> starts;
        std::array<storage::AppendResult, kBatch> results;
        std::array<std::string_view, kBatch> series;
        std::size_t size = 0;
        bool isStarted = false;
    };

    /// A reference that had died is asked for anew.
    absl::StatusOr<model::SeriesRef> renew(std::string_view series);
    bool note(std::string_view series, std::int64_t time, storage::AppendResult result);
    template <typename Histogram>
    bool appendHistogram(std::string_view series, model::SeriesRef& ref,
                         const Histogram& histogram);

    const Surroundings around_;
    const std::int64_t maxTime_;
    const std::shared_ptr<const RefCache::Table> known_;
    const std::unique_ptr<storage::Appender> appender_;
    absl::Status failure_;
    Written written_;
    HistogramMessage histogram_;
    Batch batch_;
    /// Of the newest zero that was written, and where.
    std::string_view zeroSeries_;
    std::int64_t zeroStart_ = 0;
};

/// Decodes and appends a decompressed request, and commits.
WriteResult writeV1(const WriteRun::Surroundings& surroundings, std::string_view body);
WriteResult writeV2(const WriteRun::Surroundings& surroundings, std::string_view body);

} // namespace narthex::remote::receiver
