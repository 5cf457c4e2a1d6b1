// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The newest exemplars of all series, in one ring that overwrites its oldest.
// Owner: Db. Threads: every function from any. Units: milliseconds. Cost: append() allocates only
// for a new series and for labels; memory grows with use up to the capacity.
// Format: spec/tsdb.md, 17. Exemplars.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/model/matcher.h"
#include "core/model/sample.h"
#include "core/storage/storage.h"

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace narthex::tsdb {

/// Characters (not bytes) of an exemplar's names and values together.
inline constexpr std::size_t kExemplarLabelCharactersMax = 128;

/// Counters count since construction.
struct ExemplarStats
{
    std::uint64_t appended = 0;
    std::uint64_t outOfOrder = 0;
    std::uint64_t stored = 0;
    std::uint64_t series = 0;
    std::uint64_t capacity = 0;
    /// Of the exemplar that is overwritten next.
    std::optional<base::Timestamp> oldest;
};

class ExemplarStore
{
public:
    /// `capacity` 0: keeps none, and every append is Ignored.
    explicit ExemplarStore(std::size_t capacity) : capacity_(capacity) {}

    /// Ignored: the same as the newest of its series, or without a time. OutOfOrder: before the
    /// newest by the whole out-of-order window or more, or at its time with a smaller value (of
    /// equal values: a smaller hash of the labels).
    storage::ExemplarResult append(const model::Labels& series, model::SeriesRef ref,
                                   const model::Exemplar& exemplar);
    /// What append() would return, without doing it.
    [[nodiscard]] storage::ExemplarResult check(const model::Labels& series,
                                                const model::Exemplar& exemplar) const;

    /// Exemplars in [from, to] of the series that match all matchers of at least one set, in order
    /// of labels.
    [[nodiscard]] std::vector<storage::ExemplarSeries>
    query(base::Timestamp from, base::Timestamp to,
          std::span<const model::Matchers> matcherSets) const;

    /// Keeps the newest ones.
    void resize(std::size_t capacity);
    /// 0: none out of order, as Prometheus 2.42 has it.
    void setOutOfOrderWindow(base::Duration window);

    /// All of them, the one that is overwritten next first. `visit` must not call this store.
    void forEach(absl::FunctionRef<void(const model::Labels& series, model::SeriesRef ref,
                                        const model::Exemplar& exemplar)>
                     visit) const;
    [[nodiscard]] ExemplarStats stats() const;

private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    /// The exemplars of a series are a list in order of time.
    struct SeriesEntry
    {
        model::Labels labels;
        model::SeriesRef ref{};
        std::uint32_t oldest = kNone;
        std::uint32_t newest = kNone;
    };
    struct Entry
    {
        model::Exemplar exemplar;
        SeriesEntry* series = nullptr;
        std::uint32_t previous = kNone;
        std::uint32_t next = kNone;
    };

    [[nodiscard]] storage::ExemplarResult checkLocked(const SeriesEntry* series,
                                                      const model::Exemplar& exemplar) const
        ABSL_SHARED_LOCKS_REQUIRED(mutex_);
    [[nodiscard]] SeriesEntry* findLocked(const model::Labels& series) const
        ABSL_SHARED_LOCKS_REQUIRED(mutex_);
    /// The newest exemplar of the series that is not after `time`; kNone if all are.
    [[nodiscard]] std::uint32_t placeLocked(const SeriesEntry& series, std::int64_t time) const
        ABSL_SHARED_LOCKS_REQUIRED(mutex_);
    void storeLocked(const model::Labels& series, model::SeriesRef ref, model::Exemplar exemplar)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void linkLocked(SeriesEntry& series, std::uint32_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void unlinkLocked(std::uint32_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    /// Position of the i-th in the order in which they are overwritten.
    [[nodiscard]] std::size_t positionLocked(std::size_t i) const ABSL_SHARED_LOCKS_REQUIRED(mutex_)
    {
        return ring_.size() < capacity_ ? i : (overwriteNext_ + i) % ring_.size();
    }

    mutable absl::Mutex mutex_;
    std::size_t capacity_ ABSL_GUARDED_BY(mutex_);
    std::int64_t windowMs_ ABSL_GUARDED_BY(mutex_) = 0;
    /// Grows up to capacity_, then is overwritten from the start.
    std::vector<Entry> ring_ ABSL_GUARDED_BY(mutex_);
    std::size_t overwriteNext_ ABSL_GUARDED_BY(mutex_) = 0;
    absl::flat_hash_map<model::Labels, std::unique_ptr<SeriesEntry>>
        series_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t appended_ ABSL_GUARDED_BY(mutex_) = 0;
    std::uint64_t outOfOrder_ ABSL_GUARDED_BY(mutex_) = 0;
};

} // namespace narthex::tsdb
