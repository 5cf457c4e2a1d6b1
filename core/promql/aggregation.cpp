// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/aggregation.h"

#include "core/promql/float_math.h"
#include "core/promql/histogram_sum.h"

#include <cmath>

namespace narthex::promql {
namespace {

/// Sums or means, of floats or of histograms; a mixture gives nothing.
template <typename FloatState, typename HistogramState>
class MixedAccumulator final : public Accumulator
{
public:
    explicit MixedAccumulator(std::size_t steps) : floats_(steps), seen_(steps, 0) {}

    void add(const Row& row) override
    {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Float) {
                floats_[i].add(row.values[i]);
                seen_[i] |= kFloat;
            } else if (row.cells[i] == Cell::Histogram) {
                if (histograms_.empty()) {
                    histograms_.resize(seen_.size());
                }
                histograms_[i].add(*row.histograms[i]);
                seen_[i] |= kHistogram;
            }
        }
    }

    void finish(Row& out, NoteBits& notes) override
    {
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (seen_[i] == kFloat) {
                out.setFloat(i, floats_[i].value());
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
    std::vector<FloatState> floats_;
    std::vector<std::uint8_t> seen_;
    std::vector<HistogramState> histograms_;
};

template <bool kMax>
class ExtremeAccumulator final : public Accumulator
{
public:
    explicit ExtremeAccumulator(std::size_t steps) : best_(steps, 0.0), seen_(steps, 0) {}

    void add(const Row& row) override
    {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Histogram) {
                ignoredHistograms_ = true;
            } else if (row.cells[i] == Cell::Float) {
                const double value = row.values[i];
                if (seen_[i] == 0 || (kMax ? value > best_[i] : value < best_[i]) ||
                    std::isnan(best_[i])) {
                    best_[i] = value;
                }
                seen_[i] = 1;
            }
        }
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

    void add(const Row& row) override
    {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
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

    void add(const Row& row) override
    {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Histogram) {
                ignoredHistograms_ = true;
            } else if (row.cells[i] == Cell::Float) {
                states_[i].add(row.values[i]);
            }
        }
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
        return std::make_unique<MixedAccumulator<CompensatedSum, HistogramSum>>(steps);
    case TokenKind::Avg:
        return std::make_unique<MixedAccumulator<RunningMean, HistogramMean>>(steps);
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
