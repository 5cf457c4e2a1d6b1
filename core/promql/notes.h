// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remarks of a running query: bits in the inner loops, texts at the end, each text once.
// Threads: Notes is safe from any thread; NoteBits is a plain value. Source: spec/promql.md,
// Annotations.
#pragma once

#include "core/base/string_map.h"
#include "core/promql/token.h"
#include "core/promql/value.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql {

/// Remarks that name at most the metric.
enum class Note : std::uint8_t
{
    MixedFloatsHistograms,
    MixedFloatsHistogramsAggregation,
    NotACounter,
    NotAGauge,
    MixedSchemas,
    ResetConflictAddition,
    ResetConflictSubtraction,
    ResetConflictAggregation,
    MightNotBeCounter,
    IgnoredInRange,
    QuantileNanResult,
    QuantileSkewed,
    FractionNan,
    BoundsAddition,
    BoundsSubtraction,
    BoundsAggregation,
    MixedClassicNative,
};

/// A set of notes.
struct NoteBits
{
    std::uint32_t bits = 0;
    /// Windows in which the start time of a sample lies before the sample in front of it.
    std::uint32_t overlaps = 0;
    void add(Note note) { bits |= 1U << static_cast<unsigned>(note); }
    void add(NoteBits other)
    {
        bits |= other.bits;
        overlaps += other.overlaps;
    }
    [[nodiscard]] bool has(Note note) const
    {
        return (bits & (1U << static_cast<unsigned>(note))) != 0;
    }
};

class Notes
{
public:
    /// `text` without the prefix.
    void warn(SourceRange where, std::string_view text);
    void inform(SourceRange where, std::string_view text);
    /// What a source of samples says of itself, as it is.
    void warnOfSource(std::string_view text);
    /// The texts of the set bits, about this metric.
    void add(SourceRange where, NoteBits bits, std::string_view metric);
    /// Repaired buckets at one step: merged with those of other steps, in one text.
    struct Repair
    {
        double lowest = 0;
        double highest = 0;
        double largestDifference = 0;
        std::int64_t from = 0;
        std::int64_t to = 0;
        std::uint64_t samples = 1;
    };
    void addRepair(SourceRange where, std::string_view metric, const Repair& repair);

    [[nodiscard]] std::vector<Annotation> take();
    /// Rises whenever there is something to remark, also what was remarked before.
    [[nodiscard]] std::uint64_t occasions() const
    {
        return occasions_.load(std::memory_order_relaxed);
    }
    /// So many were made up to now, repairs not counted.
    [[nodiscard]] std::size_t size();
    /// Those from the `first` on.
    [[nodiscard]] std::vector<Annotation> since(std::size_t first);

private:
    void addOverlaps(SourceRange where, std::string_view metric, std::uint64_t count);
    void put(AnnotationKind kind, SourceRange where, std::string text);

    struct RepairEntry
    {
        SourceRange where;
        Repair repair;
    };

    std::atomic<std::uint64_t> occasions_{0}; // relaxed: a count
    absl::Mutex mutex_;
    base::StringSet seen_ ABSL_GUARDED_BY(mutex_);
    std::vector<Annotation> annotations_ ABSL_GUARDED_BY(mutex_);
    base::StringMap<RepairEntry> repairs_ ABSL_GUARDED_BY(mutex_);
    struct OverlapEntry
    {
        SourceRange where;
        std::uint64_t count = 0;
    };
    /// By metric.
    base::StringMap<OverlapEntry> overlaps_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::promql
