// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's inverted index: label name and value to the series that have it; and the numbers of
// new series. Owner: Head. Threads: add and remove from any thread; reading through a ReadLock.
// Lock order: a page's mutex is never held while this one is taken.
#pragma once

#include "core/tsdb/postings.h"
#include "core/tsdb/series_table.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::tsdb {

class LabelIndex
{
public:
    explicit LabelIndex(const SeriesTable& table) : table_(table) {}

    /// Enters a series whose labels are in the table.
    void add(HeadRef ref);
    /// Forgets these series; their labels are still in the table.
    void remove(const absl::flat_hash_set<HeadRef>& refs);

    /// Reading holds the shared lock as long as this object lives.
    class ABSL_SCOPED_LOCKABLE ReadLock final : public PostingsSource
    {
    public:
        explicit ReadLock(const LabelIndex& index) ABSL_SHARED_LOCK_FUNCTION(index.mutex_);
        ~ReadLock() override ABSL_UNLOCK_FUNCTION();
        ReadLock(const ReadLock&) = delete;
        ReadLock& operator=(const ReadLock&) = delete;

        absl::StatusOr<PostingsView> all(Postings& scratch) const override;
        absl::StatusOr<PostingsView> withLabel(std::string_view name, std::string_view value,
                                               Postings& scratch) const override;
        absl::Status
        eachValue(std::string_view name, std::string_view prefix,
                  absl::FunctionRef<bool(std::string_view value)> visit) const override;
        [[nodiscard]] std::size_t valueCount(std::string_view name) const override;
        absl::StatusOr<std::string_view> labelOf(PostingsRef ref, std::string_view name,
                                                 std::string& scratch) const override;
        /// Names of all labels, ascending.
        [[nodiscard]] std::vector<std::string> names() const;
        /// Calls `visit` with each value of each label and how many series have it.
        void eachPair(absl::FunctionRef<void(std::string_view name, std::string_view value,
                                             std::size_t series)>
                          visit) const;
        /// The same for one label.
        void
        eachPairOf(std::string_view name,
                   absl::FunctionRef<void(std::string_view value, std::size_t series)> visit) const;

    private:
        const LabelIndex& index_;
    };

    [[nodiscard]] std::uint64_t memoryBytes() const;

private:
    /// Up to four references stand in the object itself: most values of a label with many values
    /// have that few.
    using Run = absl::InlinedVector<HeadRef, 4>;
    using Values = absl::btree_map<std::string, Run, std::less<>>;

    const SeriesTable& table_;
    mutable absl::Mutex mutex_;
    absl::btree_map<std::string, Values, std::less<>> names_ ABSL_GUARDED_BY(mutex_);
    Postings all_ ABSL_GUARDED_BY(mutex_);
    /// Estimated bytes of strings and runs outside their objects.
    std::uint64_t heapBytes_ ABSL_GUARDED_BY(mutex_) = 0;
    std::uint64_t values_ ABSL_GUARDED_BY(mutex_) = 0;
};

/// The value of a label in a packed set, empty if it is not there.
std::string_view packedLabelValue(std::string_view packedLabels, std::string_view name);

} // namespace narthex::tsdb
