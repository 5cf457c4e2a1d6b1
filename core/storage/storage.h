// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a store of samples offers, independent of how it keeps them: appending in batches, and
// reading whole columns. The head, blocks, a merge of both, and a remote server all look like this.
// Format: none. Units: Timestamp (ms since the epoch); ranges are closed on both ends.
#pragma once

#include "core/base/time.h"
#include "core/model/histogram.h"
#include "core/model/labels.h"
#include "core/model/matcher.h"
#include "core/model/sample.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::storage {

using model::SeriesRef;

/// What became of one sample of a batch.
enum class AppendResult : std::uint8_t
{
    Appended,
    /// Same time and value as the newest sample: nothing to do.
    SameAgain,
    UnknownSeries,
    OutOfOrder,
    /// Same time as the newest sample, another value.
    DuplicateTimestamp,
    /// Before what the store still accepts, which takes none out of order.
    OutOfBounds,
    /// Before the window in which the store accepts samples out of order.
    TooOld,
    /// A native histogram that the store may not keep, because an older reader of its directory
    /// would misread it.
    Unsupported,
};

/// What became of an exemplar.
enum class ExemplarResult : std::uint8_t
{
    Appended,
    /// The newest one of its series again, or a store that keeps none.
    Ignored,
    UnknownSeries,
    OutOfOrder,
    /// Its labels have more than 128 characters.
    LabelsTooLong,
};

/// A batch of writes that becomes visible, and durable against a crash of the process, at commit as
/// a whole. Owner: the caller; one batch after another, from one thread at a time. Different
/// appenders may work at once. A destroyed appender rolls back what was not committed.
class Appender
{
public:
    virtual ~Appender() = default;

    /// The reference of the series with these labels; creates it if it is new. Stays valid until
    /// the series has had no samples for a while and was collected: then appending to it gives
    /// UnknownSeries, and the caller asks again. Errors: InvalidArgument (no labels, repeated
    /// name), ResourceExhausted (limit of series).
    virtual absl::StatusOr<SeriesRef> seriesFor(const model::Labels& labels) = 0;

    /// Adds sample i (`times[i]`, `values[i]`) to series `refs[i]` and writes what became of it to
    /// `results[i]`. All spans have the same length. No allocation per sample.
    virtual void appendBatch(std::span<const SeriesRef> refs,
                             std::span<const base::Timestamp> times, std::span<const double> values,
                             std::span<AppendResult> results) = 0;

    /// One float sample.
    AppendResult append(SeriesRef ref, base::Timestamp time, double value)
    {
        AppendResult result{};
        appendBatch({&ref, 1}, {&time, 1}, {&value, 1}, {&result, 1});
        return result;
    }

    /// When the counters of the samples in the next call of appendBatch or appendHistogram began,
    /// ms since the epoch, one for each; 0: unknown. They outlive that call. A store that keeps
    /// none takes no notice.
    virtual void useStartTimes(std::span<const std::int64_t> starts) { static_cast<void>(starts); }

    virtual AppendResult appendHistogram(SeriesRef ref, base::Timestamp time,
                                         const model::FloatHistogram& histogram) = 0;
    virtual AppendResult appendHistogram(SeriesRef ref, base::Timestamp time,
                                         const model::IntegerHistogram& histogram) = 0;

    /// Whether the series has no sample at `time` or later.
    [[nodiscard]] virtual bool isNewerThanAll(SeriesRef ref, base::Timestamp time) const
    {
        static_cast<void>(ref);
        static_cast<void>(time);
        return true;
    }

    /// An exemplar of a sample of this series; without a time it cannot be kept.
    virtual ExemplarResult appendExemplar(SeriesRef ref, const model::Exemplar& exemplar) = 0;

    /// What the family of this series says of itself now.
    virtual void updateMetadata(SeriesRef ref, const model::Metadata& metadata) = 0;

    /// Errors: ResourceExhausted (disk full; nothing of the batch is visible), Unavailable (the
    /// store is closing).
    virtual absl::Status commit() = 0;
    virtual void rollback() = 0;
};

class Appendable
{
public:
    virtual ~Appendable() = default;
    virtual std::unique_ptr<Appender> appender() = 0;
};

/// The samples of one series as columns. Floats and histograms stand apart; each is in ascending
/// order of time.
struct SampleColumns
{
    std::vector<std::int64_t> times; // ms since the epoch
    std::vector<double> values;      // stale markers included
    std::vector<std::int64_t> histogramTimes;
    std::vector<std::shared_ptr<const model::FloatHistogram>> histograms;
    /// When the counter of the sample began, ms since the epoch; 0 where unknown. Those behind the
    /// end are unknown, too: mostly all of them.
    std::vector<std::int64_t> startTimes;
    std::vector<std::int64_t> histogramStartTimes;

    void clear()
    {
        times.clear();
        values.clear();
        histogramTimes.clear();
        histograms.clear();
        startTimes.clear();
        histogramStartTimes.clear();
    }
    [[nodiscard]] std::size_t size() const { return times.size() + histogramTimes.size(); }
    /// Makes each column of start times empty, or as long as its times.
    void padStartTimes()
    {
        startTimes.resize(startTimes.empty() ? 0 : times.size());
        histogramStartTimes.resize(histogramStartTimes.empty() ? 0 : histogramTimes.size());
    }
};

/// One series of a result. Threads: const members from any thread, different series at once: that
/// is how a query decodes in parallel.
class Series
{
public:
    virtual ~Series() = default;
    [[nodiscard]] virtual const model::Labels& labels() const ABSL_ATTRIBUTE_LIFETIME_BOUND = 0;
    /// Appends the samples in [from, to] to `out`, which the caller may reuse. Errors: DataLoss (a
    /// chunk fails its checksum).
    virtual absl::Status read(base::Timestamp from, base::Timestamp to,
                              SampleColumns& out) const = 0;
};

/// Series in ascending order of labels, handed out in batches. Threads: one at a time.
class SeriesSet
{
public:
    virtual ~SeriesSet() = default;
    /// Appends up to `limit` series to `out`; appends nothing when there are no more. The series
    /// stay valid as long as the Querier that selected them. Errors: whatever reading the index
    /// gives.
    virtual absl::Status next(std::size_t limit,
                              std::vector<std::shared_ptr<const Series>>& out) = 0;
};

/// What the reader is about to do, so that a store can read less. All of it is advice.
struct SelectHints
{
    base::Timestamp from;
    base::Timestamp to;
    base::Duration step;
    base::Duration range;
    /// Name of the innermost function around the selector ("rate", "series" = no samples needed).
    std::string function;
    std::vector<std::string> grouping;
    bool groupingIsBy = false;
};

/// A consistent view of the store over a closed range of time. Threads: const members from any
/// thread.
class Querier
{
public:
    virtual ~Querier() = default;

    /// Series that match all matchers and may have samples in the range.
    virtual absl::StatusOr<std::unique_ptr<SeriesSet>> select(const SelectHints& hints,
                                                              const model::Matchers& matchers,
                                                              std::stop_token stop) const = 0;

    /// Sorted, unique values of a label over the matching series (all series if there are no
    /// matchers). `limit` 0: all.
    virtual absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                                 const model::Matchers& matchers,
                                                                 std::size_t limit) const = 0;
    virtual absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                                std::size_t limit) const = 0;

    /// What could not be had of the sources that an answer can do without, a sentence each. Known
    /// when what was selected has been read.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
};

/// All series of the set. Errors: ResourceExhausted above `limit`, and the set's own.
absl::StatusOr<std::vector<std::shared_ptr<const Series>>> collect(SeriesSet& set,
                                                                   std::size_t limit);

/// The exemplars of one series, ascending in time.
struct ExemplarSeries
{
    model::Labels labels;
    std::vector<model::Exemplar> exemplars;
};

class ExemplarQueryable
{
public:
    virtual ~ExemplarQueryable() = default;
    /// Exemplars in [from, to] of the series that match all matchers of at least one set, in order
    /// of labels.
    [[nodiscard]] virtual std::vector<ExemplarSeries>
    exemplars(base::Timestamp from, base::Timestamp to,
              std::span<const model::Matchers> matcherSets) const = 0;
};

class Queryable
{
public:
    virtual ~Queryable() = default;
    /// A view over [from, to].
    virtual absl::StatusOr<std::unique_ptr<Querier>> querier(base::Timestamp from,
                                                             base::Timestamp to) const = 0;
};

} // namespace narthex::storage
