// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/aggregation.h"

#include "core/promql/float_math.h"
#include "core/promql/histogram_sum.h"
#include "core/promql/run.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {
namespace {

/// Calls `floats(begin, end)` for runs of numbers and `histogram(i)` for each histogram.
template <typename Floats, typename Histogram>
void visitCells(const Row& row, std::size_t from, std::size_t to, Floats floats,
                Histogram histogram)
{
    while (from < to) {
        const std::size_t end = row.endOfRun(from, to);
        if (row.cells[from] == Cell::Float) {
            floats(from, end);
        } else if (row.cells[from] == Cell::Histogram) {
            for (std::size_t i = from; i < end; ++i) {
                histogram(i);
            }
        }
        from = end;
    }
}

/// A compensated sum for each step.
class SumColumn
{
public:
    explicit SumColumn(std::size_t steps) : sums_(steps, 0.0), compensations_(steps, 0.0) {}
    void add(const double* values, std::size_t from, std::size_t to)
    {
        addCompensated(&sums_[from], &compensations_[from], values + from, to - from);
    }
    [[nodiscard]] CompensatedSum at(std::size_t i) const { return {sums_[i], compensations_[i]}; }
    [[nodiscard]] double value(std::size_t i) const { return at(i).value(); }
    /// Whether adding these would make a sum infinite.
    [[nodiscard]] bool wouldOverflow(const double* values, std::size_t from, std::size_t to) const
    {
        bool any = false;
        for (std::size_t i = from; i < to; ++i) {
            any |= std::abs(sums_[i] + values[i]) > std::numeric_limits<double>::max();
        }
        return any;
    }

private:
    std::vector<double> sums_;
    std::vector<double> compensations_;
};

/// A mean for each step: as RunningMean, but sums and counts side by side until the first sum is
/// about to overflow.
class MeanColumn
{
public:
    explicit MeanColumn(std::size_t steps)
        : sums_(steps), counts_(steps, 0.0), running_(steps / Run::kStepPiece + 1)
    {}
    void add(const double* values, std::size_t from, std::size_t to)
    {
        while (from < to) {
            const std::size_t piece = from / Run::kStepPiece;
            const std::size_t end = std::min(to, (piece + 1) * Run::kStepPiece);
            addPiece(values, from, end, running_[piece]);
            from = end;
        }
    }
    [[nodiscard]] double value(std::size_t i) const
    {
        if (const Running& running = running_[i / Run::kStepPiece]; !running.empty()) {
            return running[i % Run::kStepPiece].value();
        }
        const CompensatedSum sum = sums_.at(i);
        return sum.sum / counts_[i] + sum.compensation / counts_[i];
    }

private:
    /// Of a piece of steps; empty as long as sums are enough.
    using Running = std::vector<RunningMean>;

    void addPiece(const double* values, std::size_t from, std::size_t to, Running& running)
    {
        if (running.empty() && !sums_.wouldOverflow(values, from, to)) {
            sums_.add(values, from, to);
            for (std::size_t i = from; i < to; ++i) {
                counts_[i] += 1;
            }
            return;
        }
        if (running.empty()) {
            const std::size_t first = from / Run::kStepPiece * Run::kStepPiece;
            running.resize(std::min(Run::kStepPiece, counts_.size() - first));
            for (std::size_t k = 0; k < running.size(); ++k) {
                running[k].sum = sums_.at(first + k);
                running[k].count = counts_[first + k];
            }
        }
        for (std::size_t i = from; i < to; ++i) {
            running[i % Run::kStepPiece].add(values[i]);
        }
    }

    SumColumn sums_;
    std::vector<double> counts_;
    std::vector<Running> running_;
};

/// Sums or means, of floats or of histograms; a mixture gives nothing.
template <typename FloatColumn, typename HistogramState>
class MixedAccumulator final : public Accumulator
{
public:
    explicit MixedAccumulator(std::size_t steps) : floats_(steps), seen_(steps, 0) {}

    void add(const Row& row, std::size_t from, std::size_t to) override
    {
        visitCells(
            row, from, to,
            [&](std::size_t begin, std::size_t end) {
                floats_.add(row.values.data(), begin, end);
                for (std::size_t i = begin; i < end; ++i) {
                    seen_[i] |= kFloat;
                }
            },
            [&](std::size_t i) {
                if (histograms_.empty()) {
                    histograms_.resize(seen_.size());
                }
                histograms_[i].add(*row.histograms[i]);
                seen_[i] |= kHistogram;
            });
    }

    void finish(Row& out, NoteBits& notes) override
    {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] == kFloat) {
                out.setFloat(i, floats_.value(i));
            } else if (seen_[i] == kHistogram) {
                if (auto result = histograms_[i].take(notes)) {
                    out.setHistogram(i,
                                     std::make_shared<model::FloatHistogram>(*std::move(result)));
                }
            } else if (seen_[i] != 0) {
                notes.add(Note::MixedFloatsHistogramsAggregation);
            }
        }
    }

private:
    static constexpr std::uint8_t kFloat = 1;
    static constexpr std::uint8_t kHistogram = 2;
    FloatColumn floats_;
    std::vector<std::uint8_t> seen_;
    std::vector<HistogramState> histograms_;
};

template <bool kMax>
class ExtremeAccumulator final : public Accumulator
{
public:
    /// NaN loses against everything, so it may stand where nothing was yet.
    explicit ExtremeAccumulator(std::size_t steps)
        : best_(steps, model::normalNan()), seen_(steps, 0)
    {}

    void add(const Row& row, std::size_t from, std::size_t to) override
    {
        visitCells(
            row, from, to,
            [&](std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i) {
                    const double value = row.values[i];
                    const double best = best_[i];
                    const bool better = (kMax ? value > best : value < best) || std::isnan(best);
                    best_[i] = better ? value : best;
                    seen_[i] = 1;
                }
            },
            [&](std::size_t) { ignoredHistograms_ = true; });
    }

    void finish(Row& out, NoteBits&) override
    {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] != 0) {
                out.setFloat(i, best_[i]);
            }
        }
    }

private:
    std::vector<double> best_;
    std::vector<std::uint8_t> seen_;
};

/// count, and with kGroup the constant 1.
template <bool kGroup>
class CountAccumulator final : public Accumulator
{
public:
    explicit CountAccumulator(std::size_t steps) : counts_(steps, 0) {}

    void add(const Row& row, std::size_t from, std::size_t to) override
    {
        for (std::size_t i = from; i < to; ++i) {
            counts_[i] += row.has(i) ? 1U : 0U;
        }
    }

    void finish(Row& out, NoteBits&) override
    {
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            if (counts_[i] != 0) {
                out.setFloat(i, kGroup ? 1.0 : static_cast<double>(counts_[i]));
            }
        }
    }

private:
    std::vector<std::uint32_t> counts_;
};

template <bool kRoot>
class VarianceAccumulator final : public Accumulator
{
public:
    explicit VarianceAccumulator(std::size_t steps) : states_(steps) {}

    void add(const Row& row, std::size_t from, std::size_t to) override
    {
        visitCells(
            row, from, to,
            [&](std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i) {
                    states_[i].add(row.values[i]);
                }
            },
            [&](std::size_t) { ignoredHistograms_ = true; });
    }

    void finish(Row& out, NoteBits&) override
    {
        for (std::size_t i = 0; i < states_.size(); ++i) {
            if (states_[i].count > 0) {
                const double variance = states_[i].squares / states_[i].count;
                out.setFloat(i, kRoot ? std::sqrt(variance) : variance);
            }
        }
    }

private:
    struct State
    {
        double count = 0;
        double mean = 0;
        double squares = 0;

        void add(double x)
        {
            count += 1;
            if (count == 1 && !std::isfinite(x)) {
                squares = model::normalNan();
            }
            const double delta = x - mean;
            mean += delta / count;
            squares += delta * (x - mean);
        }
    };
    std::vector<State> states_;
};

} // namespace

std::unique_ptr<Accumulator> makeAccumulator(TokenKind op, std::size_t steps)
{
    switch (op) {
    case TokenKind::Sum:
        return std::make_unique<MixedAccumulator<SumColumn, HistogramSum>>(steps);
    case TokenKind::Avg:
        return std::make_unique<MixedAccumulator<MeanColumn, HistogramMean>>(steps);
    case TokenKind::Min:
        return std::make_unique<ExtremeAccumulator<false>>(steps);
    case TokenKind::Max:
        return std::make_unique<ExtremeAccumulator<true>>(steps);
    case TokenKind::Count:
        return std::make_unique<CountAccumulator<false>>(steps);
    case TokenKind::Group:
        return std::make_unique<CountAccumulator<true>>(steps);
    case TokenKind::StdDev:
        return std::make_unique<VarianceAccumulator<true>>(steps);
    case TokenKind::StdVar:
        return std::make_unique<VarianceAccumulator<false>>(steps);
    default:
        return nullptr;
    }
}

} // namespace narthex::promql
