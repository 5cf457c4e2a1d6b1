// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many samples a query looks at, and how many of them it reads anew: in all, and step by step.
// Owner: each worker counts into an object of its own, the run adds them up. Threads: one.
// Units: samples; a native histogram counts as many as it takes the room of.
// Source: spec/promql.md, Limits, engine, statistics.
#pragma once

#include "core/promql/batch.h"
#include "core/promql/plan.h"
#include "core/storage/storage.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narthex::promql {

struct StepCounts
{
    /// Each step counts its whole window.
    std::uint64_t queryable = 0;
    /// Each step counts what the step before has not seen.
    std::uint64_t read = 0;
    /// The same by step; empty where nobody wants to know.
    std::vector<std::uint64_t> queryablePerStep{};
    std::vector<std::uint64_t> readPerStep{};

    static StepCounts of(std::size_t steps, bool perStep)
    {
        const std::size_t size = perStep ? steps : 0;
        return {.queryablePerStep = std::vector<std::uint64_t>(size),
                .readPerStep = std::vector<std::uint64_t>(size)};
    }
    [[nodiscard]] bool perStep() const { return !readPerStep.empty(); }
    void addQueryable(std::size_t step, std::uint64_t samples)
    {
        queryable += samples;
        if (!queryablePerStep.empty()) {
            queryablePerStep[step] += samples;
        }
    }
    void addRead(std::size_t step, std::uint64_t samples)
    {
        read += samples;
        if (!readPerStep.empty()) {
            readPerStep[step] += samples;
        }
    }
    /// Of the same grid.
    void add(const StepCounts& other);
    /// Of a part that is the same at every step: seen by each of them, read once.
    void addInvariant(const StepCounts& part, std::size_t steps);
    /// Of the inside of a subquery: what its steps read is counted at the first outer step whose
    /// window they belong to, and not at all where they lie between two windows. What they see is
    /// counted by the windows over their results.
    void addSubquery(const StepCounts& inside, const Grid& inner, const Grid& outer,
                     const NodePlan& subquery);
};

/// Samples that a native histogram counts for.
std::uint64_t weightOf(const model::FloatHistogram& histogram);
std::uint64_t weightOf(const Row& row);
std::uint64_t weightOf(const storage::SampleColumns& columns);

/// The points of a row are what its steps see and read.
void countRow(const Row& row, StepCounts& counts);

/// Windows of the same width over the samples of one series, one a step.
struct CountedWindows
{
    /// Right edge at the first step; it moves on by `step`, or not at all (pinned by `@`).
    std::int64_t firstEnd = 0;
    std::int64_t width = 0;
    std::int64_t step = 0;
    std::size_t count = 0;
    /// The samples come from a subquery, whose inside has counted what was read.
    bool readElsewhere = false;
};
void countWindows(const storage::SampleColumns& columns, const CountedWindows& windows,
                  StepCounts& counts);
/// The same for windows [low, high) of floats that were found already.
void countWindows(std::span<const std::uint32_t> low, std::span<const std::uint32_t> high,
                  bool readElsewhere, StepCounts& counts);

} // namespace narthex::promql
