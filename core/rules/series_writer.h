// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes the series of one rule, and ends those that the rule no longer gives with stale markers.
// References and label sets are kept from run to run: a series that is there again costs a look-up
// and no allocation. Owner: a rule. Threads: one at a time. Errors: of the store's commit.
// Source: spec/rules.md, 3.2, 3.3, 3.5 and 3.6.
#pragma once

#include "core/base/string_map.h"
#include "core/rules/alert_state.h"
#include "core/storage/storage.h"

#include <absl/functional/function_ref.h>

#include <memory>
#include <string>
#include <vector>

namespace narthex::rules {

/// What became of the samples of one run.
struct WriteOutcome
{
    std::size_t samples = 0;
    std::size_t outOfOrder = 0;
    std::size_t tooOld = 0;
    std::size_t duplicates = 0;
    std::size_t otherwiseRefused = 0;
    /// OK when the store took the batch and no sample was refused.
    absl::Status status;
    [[nodiscard]] std::size_t refused() const
    {
        return outOfOrder + tooOld + duplicates + otherwiseRefused;
    }
};

class SeriesWriter
{
public:
    /// Begins a run. A run that is begun and not finished leaves no trace.
    void begin();
    /// One sample of the run. `key` stands for the series from run to run; `labels` is asked for
    /// its label set when the key is new. False: the run has a sample of this series already, which
    /// makes the whole run void.
    bool add(std::string_view key, const SampleValue& value,
             absl::FunctionRef<model::Labels()> labels);
    /// Writes the samples of the run at `time`, and stale markers for the series of the run that
    /// was written last that are not in this one.
    WriteOutcome finish(storage::Appendable& store, base::Timestamp time);

    /// Series of the last run that was written.
    [[nodiscard]] std::vector<model::Labels> series() const;
    [[nodiscard]] std::size_t seriesCount() const { return written_; }
    /// These are ended by the next finish() unless its run has them.
    void expectStale(const std::vector<model::Labels>& series);

private:
    struct Series
    {
        model::Labels labels;
        storage::SeriesRef ref = model::kNoSeries;
        std::uint64_t seen = 0;
        /// The last run that wrote it; 0: none.
        std::uint64_t written = 0;
    };
    struct Key
    {
        Series* series = nullptr;
        std::uint64_t seen = 0;
    };
    struct Pending
    {
        Series* series = nullptr;
        promql::HistogramPtr histogram;
    };

    Series& seriesOf(model::Labels labels);
    absl::Status resolve(storage::Appender& appender, Series& series);
    absl::Status append(storage::Appender& appender, base::Timestamp time, WriteOutcome& outcome);
    void endMissing(storage::Appender& appender, base::Timestamp time);
    void forgetMissing();
    void forgetUnwritten();

    std::uint64_t run_ = 0;
    /// Begun and not finished.
    bool open_ = false;
    std::size_t written_ = 0;
    absl::flat_hash_map<std::uint64_t, std::unique_ptr<Series>> series_; // by the labels' hash
    base::StringMap<Key> keys_;
    // Columns of the run; memory is kept.
    std::vector<Pending> floats_;
    std::vector<double> values_;
    std::vector<Pending> histograms_;
    std::vector<storage::SeriesRef> refs_;
    std::vector<base::Timestamp> times_;
    std::vector<storage::AppendResult> results_;
};

} // namespace narthex::rules
