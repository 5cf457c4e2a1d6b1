// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store for scripts and tests: every sample in a std::map, nothing on disk, no limits. Slow and
// obviously right. Owner: who runs the script or test. Threads: any; each call takes one lock, and
// a querier copies what it needs when it is made. Errors: as the storage interfaces say; samples
// may only be appended in ascending order of time for each series. Unlike the real store it takes
// negative times, and gives histograms back with the hint they came with.
#pragma once

#include "core/storage/storage.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <string>
#include <variant>

namespace narthex::storage {

class MemoryStore final : public Appendable, public Queryable
{
public:
    using Histogram = std::shared_ptr<const model::FloatHistogram>;
    struct Sample
    {
        std::variant<double, Histogram> value;
        /// When its counter began, ms since the epoch; 0: unknown.
        std::int64_t start = 0;
    };
    using Samples = std::map<std::int64_t, Sample>;

    std::unique_ptr<Appender> appender() override;
    absl::StatusOr<std::unique_ptr<Querier>> querier(base::Timestamp from,
                                                     base::Timestamp to) const override;

    // Shortcuts that need no appender.
    void add(const model::Labels& labels, base::Timestamp time, double value);
    void add(const model::Labels& labels, base::Timestamp time, model::FloatHistogram histogram);
    /// When the counter of a sample that is there began. NotFound if it is not.
    absl::Status setStart(const model::Labels& labels, base::Timestamp time, base::Timestamp start);
    void clear();
    [[nodiscard]] std::size_t seriesCount() const;

private:
    friend class MemoryAppender;

    mutable absl::Mutex mutex_;
    std::map<model::Labels, Samples> series_ ABSL_GUARDED_BY(mutex_);
    /// A reference is one more than the index among the names; both survive clear().
    std::map<model::Labels, model::SeriesRef> refs_ ABSL_GUARDED_BY(mutex_);
    std::vector<model::Labels> names_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::storage
