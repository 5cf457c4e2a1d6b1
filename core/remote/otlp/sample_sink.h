// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Samples of a translation on their way into the store. Owner: a translation. Threads: one.
// Units: milliseconds. Errors: InvalidArgument (a sample that the store refuses), the store's.
#pragma once

#include "core/model/histogram.h"
#include "core/storage/storage.h"

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace narthex::remote::otlp {

struct SinkOptions
{
    /// A zero is written at the start of a counter, where nothing newer is.
    bool writeStartZero = false;
    bool storeMetadata = false;
};

/// A sample's place: its series, its time and when its counter began (0: unknown).
struct Place
{
    const model::Labels& labels;
    std::int64_t time = 0;
    std::int64_t start = 0;
};

class SampleSink
{
public:
    SampleSink(const SinkOptions& options, storage::Appendable& store, base::Timestamp now);

    absl::Status add(const Place& place, double value, const model::Metadata& metadata);
    absl::Status add(const Place& place, const model::IntegerHistogram& histogram,
                     const model::Metadata& metadata);
    /// Of the series that got a sample last; those without a time have that of the sample.
    void addExemplars(std::vector<model::Exemplar> exemplars);

    absl::Status commit() { return appender_->commit(); }
    void rollback() { appender_->rollback(); }
    [[nodiscard]] std::uint64_t outOfOrderExemplars() const { return outOfOrderExemplars_; }
    [[nodiscard]] std::uint64_t withoutMetadata() const { return withoutMetadata_; }

private:
    absl::Status begin(const Place& place, const model::Metadata& metadata);
    [[nodiscard]] bool wantsZero(const Place& place) const;
    static absl::Status judged(const Place& place, storage::AppendResult result);

    const SinkOptions options_;
    const std::int64_t maxTime_;
    const std::unique_ptr<storage::Appender> appender_;
    model::SeriesRef ref_ = model::kNoSeries; // of the last sample
    std::int64_t time_ = 0;
    std::uint64_t outOfOrderExemplars_ = 0;
    std::uint64_t withoutMetadata_ = 0;
};

} // namespace narthex::remote::otlp
