// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The range vector behind a function over windows: series of a selector, or the rows of a subquery,
// as columns of samples. Owner: the evaluation of one call. Threads: load() and the const members
// from any of the query's workers. Units: milliseconds.
#pragma once

#include "core/promql/eval.h"
#include "core/promql/window.h"
#include "core/storage/storage.h"

#include <absl/status/statusor.h>

#include <optional>

namespace narthex::promql {

class WindowSlider;

class MatrixInput
{
public:
    /// `expr`: a range selector or subquery, perhaps in parentheses. Runs a subquery's inside.
    static absl::StatusOr<MatrixInput> open(Run& run, const Grid& grid, const Expr& expr,
                                            std::string_view function);

    [[nodiscard]] std::size_t size() const { return isSubquery_ ? rows_.size() : series_.size(); }
    [[nodiscard]] const model::Labels& labels(std::size_t i) const
    {
        return isSubquery_ ? rows_[i].labels : series_[i]->labels();
    }
    [[nodiscard]] bool isSubquery() const { return isSubquery_; }
    [[nodiscard]] bool dropName(std::size_t i) const { return isSubquery_ && rows_[i].dropName; }
    /// All samples that any window may hold, without stale markers. `out` is cleared before.
    absl::Status load(std::size_t i, storage::SampleColumns& out) const;

    /// Right edge of the window at a step of the grid.
    [[nodiscard]] std::int64_t windowEnd(std::int64_t step) const
    {
        return pinned_.value_or(step) - offset_;
    }
    [[nodiscard]] std::int64_t rangeMs() const { return range_; }
    /// How far samples are wanted beyond the edges of a window: `anchored`, `smoothed`.
    [[nodiscard]] std::int64_t beforeMs() const { return before_; }
    [[nodiscard]] std::int64_t afterMs() const { return after_; }
    /// The window of a step, with the samples around it. Windows never fall.
    [[nodiscard]] Window window(WindowSlider& slider, std::int64_t step) const;
    /// Samples that the inside of a subquery looked at; 0 for a selector.
    [[nodiscard]] std::uint64_t seenInside() const { return seenInside_; }
    /// The same windows, with the samples around them, for counting.
    [[nodiscard]] CountedWindows countedWindows(const Grid& grid) const
    {
        return {.firstEnd = windowEnd(grid.start) + after_,
                .width = range_ + before_ + after_,
                .step = pinned_ ? 0 : grid.step,
                .count = grid.count,
                .readElsewhere = isSubquery_};
    }

private:
    static absl::StatusOr<MatrixInput> openNode(Run& run, const Grid& grid, const Expr& inner,
                                                std::string_view function);
    absl::Status openSelector(Run& run, const Grid& grid, const Expr& expr,
                              const MatrixSelector& node, std::string_view function);
    absl::Status openSubquery(Run& run, const Grid& grid, const Expr& expr, const Subquery& node);
    void loadRow(const Row& row, storage::SampleColumns& out) const;

    bool isSubquery_ = false;
    bool statsOnly_ = false;
    Run::SeriesList series_;
    Rows rows_;
    Grid inner_;
    std::optional<std::int64_t> pinned_;
    std::int64_t offset_ = 0;
    std::int64_t range_ = 0;
    std::int64_t before_ = 0;
    std::int64_t after_ = 0;
    bool wantsStartTimes_ = false;
    std::uint64_t seenInside_ = 0;
    std::int64_t readFrom_ = 0;
    std::int64_t readTo_ = 0;
};

void removeStale(storage::SampleColumns& columns);

/// Works out reset hints from neighbours where the store knows none.
void deriveResetHints(storage::SampleColumns& columns);

/// Moves forward over the samples of one series from window to window; never searches.
class WindowSlider
{
public:
    explicit WindowSlider(const storage::SampleColumns& samples) : samples_(samples) {}
    /// `begin` and `end` never fall between calls.
    Window next(std::int64_t begin, std::int64_t end);

private:
    const storage::SampleColumns& samples_;
    std::size_t low_ = 0;
    std::size_t high_ = 0;
    std::size_t histogramLow_ = 0;
    std::size_t histogramHigh_ = 0;
};

} // namespace narthex::promql
