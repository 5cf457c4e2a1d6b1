// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the program measures of itself: histograms with fixed bounds and summaries of what was seen
// lately. Owner: whoever counts. Threads: any. Units: the caller's. Format: text 0.0.4.
#pragma once

#include "core/base/time.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::model {
struct LabelView;
}

namespace narthex::exposition {

class TextWriter;

/// A histogram with fixed bounds. Threads: any; a reader may see a sample in its bucket before it
/// is in the sum.
class FixedHistogram
{
public:
    /// Upper bounds, ascending; the one at infinity is added.
    explicit FixedHistogram(std::vector<double> bounds);
    /// `count` bounds: first, first·factor, …
    static std::vector<double> exponential(double first, double factor, std::size_t count);

    void observe(double value);
    void write(TextWriter& out, std::string_view name, std::string_view help) const;
    /// Samples of a family that was begun before; `labels` stand before `le`.
    void writeSamples(TextWriter& out, std::string_view name,
                      std::initializer_list<model::LabelView> labels) const;
    void writeSamples(TextWriter& out, std::string_view name,
                      const std::vector<model::LabelView>& labels) const;
    [[nodiscard]] std::uint64_t count() const;

private:
    const std::vector<double> bounds_;
    std::vector<std::atomic<std::uint64_t>> counts_; // one more than bounds
    std::atomic<double> sum_{0};
};

/// Quantiles 0.5, 0.9 and 0.99 of what was seen in the last ten minutes, or of the newest kKept
/// values when there were more.
class RecentSummary
{
public:
    void observe(base::Duration now, double value);
    /// `now` on the same clock as observe().
    void write(TextWriter& out, std::string_view name, std::string_view help,
               base::Duration now) const;
    /// Samples of a family that was begun before; `labels` stand before `quantile`.
    void writeSamples(TextWriter& out, std::string_view name,
                      const std::vector<model::LabelView>& labels, base::Duration now) const;

private:
    static constexpr std::size_t kKept = 1024;
    static constexpr base::Duration kWindow = base::Duration::fromMs(600'000);

    mutable absl::Mutex mutex_;
    std::vector<std::pair<base::Duration, double>> recent_ ABSL_GUARDED_BY(mutex_); // a ring
    std::size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
    std::uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
    double sum_ ABSL_GUARDED_BY(mutex_) = 0;
};

} // namespace narthex::exposition
