// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counters, gauges and summaries by name and labels. Owner: a manager. Threads: any. A family is
// created by its first use. Format: text 0.0.4.
#pragma once

#include "core/exposition/instruments.h"
#include "core/model/labels.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::discovery {

class Metrics
{
public:
    /// `help` stands above all families.
    explicit Metrics(std::string help = "Service discovery.") : help_(std::move(help)) {}
    /// Adds to a counter; 0 makes it appear.
    void add(std::string_view name, const model::Labels& labels = {}, double by = 1);
    void set(std::string_view name, const model::Labels& labels, double value);
    /// A gauge or counter that is no longer true.
    void remove(std::string_view name, const model::Labels& labels);
    /// Seconds, into a summary of the last ten minutes. `now` on a steady clock.
    void observe(std::string_view name, const model::Labels& labels, double seconds,
                 base::Duration now);
    /// Seconds, into a histogram with buckets of 0.01, 0.1, 1 and 10.
    void observeBuckets(std::string_view name, const model::Labels& labels, double seconds);
    /// 0 for what never was.
    [[nodiscard]] double value(std::string_view name, const model::Labels& labels = {}) const;
    void write(exposition::TextWriter& out, base::Duration now) const;

private:
    struct Family
    {
        bool isCounter = false;
        std::map<model::Labels, double> values;
        std::map<model::Labels, std::unique_ptr<exposition::RecentSummary>> summaries;
        std::map<model::Labels, std::unique_ptr<exposition::FixedHistogram>> histograms;
    };
    const std::string help_;
    mutable absl::Mutex mutex_;
    std::map<std::string, Family, std::less<>> families_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::discovery
