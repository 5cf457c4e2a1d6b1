// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Aggregations: streaming ones through accumulators, selecting ones (topk …) over all rows.
#include "core/base/hash.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/aggregation.h"
#include "core/promql/best_of_steps.h"
#include "core/promql/eval.h"
#include "core/promql/float_math.h"
#include "core/promql/histogram_math.h"
#include "core/promql/label_grouping.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql {
namespace {

LabelGrouping groupingOf(const Aggregation& node)
{
    std::vector<std::string> names = node.grouping;
    if (node.without) {
        names.emplace_back(model::kMetricName);
    } else if (node.op == TokenKind::CountValues) {
        names.push_back(stringOf(*node.param));
    }
    return {node.without ? LabelGrouping::Keeps::Others : LabelGrouping::Keeps::Named,
            std::move(names)};
}

/// One aggregation while it runs; groups are in order of appearance.
class Aggregator
{
public:
    Aggregator(Run& run, const Grid& grid, const Expr& expr, const Aggregation& node)
        : run_(run), grid_(grid), expr_(expr), node_(node), grouping_(groupingOf(node))
    {}

    absl::StatusOr<Rows> run()
    {
        switch (node_.op) {
        case TokenKind::TopK:
        case TokenKind::BottomK:
        case TokenKind::LimitK:
            return selectK();
        case TokenKind::LimitRatio:
            return selectRatio();
        case TokenKind::Quantile:
            return quantile();
        case TokenKind::CountValues:
            return countValues();
        default:
            return accumulate();
        }
    }

private:
    /// Up to this many a step, topk and bottomk keep values instead of rows.
    static constexpr double kMostStreamed = 1000;

    struct Group
    {
        Row out;
        std::unique_ptr<Accumulator> accumulator;
        std::vector<std::size_t> members;
        std::string histogramName;
    };

    std::size_t groupOf(const Row& row, bool namesToDrop = false)
    {
        const std::size_t number = grouping_.numberOf(
            row.labels, namesToDrop ? metricLabels() : std::span<const std::string>());
        if (number == groups_.size()) {
            groups_.emplace_back().out.labels = grouping_.labelsOf(number);
        }
        Group& group = groups_[number];
        group.out.dropName = group.out.dropName || row.dropName;
        return number;
    }

    absl::StatusOr<Rows> accumulate()
    {
        NARTHEX_RETURN_IF_ERROR(streamVector(
            run_, grid_, *node_.expr, [this](const RowBatch& batch) { return addBatch(batch); }));
        Rows result;
        for (Group& group : groups_) {
            NoteBits notes;
            group.out.resize(grid_.count);
            group.accumulator->finish(group.out, notes);
            run_.notes().add(node_.expr->range, notes, group.histogramName);
            if (group.accumulator->ignoredHistograms()) {
                noteIgnored(node_.expr->range);
            }
            group.accumulator.reset();
            result.push_back(std::move(group.out));
        }
        return result;
    }

    /// Adds the rows in order, different ranges of steps on different threads.
    absl::Status addBatch(const RowBatch& batch)
    {
        targets_.clear();
        bool histograms = false;
        for (const Row& row : batch.rows) {
            if (row.isEmpty()) {
                continue;
            }
            const std::size_t number = groupOf(row, batch.namesToDrop);
            Group& group = groups_[number];
            if (!group.accumulator) {
                group.accumulator = makeAccumulator(node_.op, grid_.count);
            }
            if (!row.histograms.empty()) {
                histograms = true;
                if (group.histogramName.empty()) {
                    group.histogramName = row.labels.metricName();
                }
            }
            targets_.push_back({&row, number});
        }
        const auto add = [this](std::size_t from, std::size_t to) {
            for (const auto& [row, group] : targets_) {
                groups_[group].accumulator->add(*row, from, to);
            }
        };
        if (histograms) {
            add(0, grid_.count);
        } else {
            run_.forStepRanges(grid_.count, add);
        }
        return run_.check();
    }

    void noteIgnored(SourceRange where)
    {
        run_.notes().inform(
            where, fmt::format("ignored histogram in {} aggregation", tokenText(node_.op)));
    }

    absl::Status collect()
    {
        NARTHEX_ASSIGN_OR_RETURN(rows_, evalVector(run_, grid_, *node_.expr));
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            groups_[groupOf(rows_[i])].members.push_back(i);
        }
        return absl::OkStatus();
    }

    absl::StatusOr<Rows> quantile()
    {
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn q, evalScalar(run_, grid_, *node_.param));
        NARTHEX_RETURN_IF_ERROR(collect());
        if (!rows_.empty()) {
            warnQuantiles(q);
        }
        Rows result;
        for (Group& group : groups_) {
            group.out.resize(grid_.count);
            const bool ignored =
                std::any_of(group.members.begin(), group.members.end(),
                            [this](std::size_t member) { return rows_[member].hasHistograms(); });
            run_.forStepRanges(grid_.count, [&](std::size_t from, std::size_t to) {
                for (; from < to && run_.check().ok(); from += kStepsTogether) {
                    quantilesOf(group, q, from, std::min(to, from + kStepsTogether));
                }
            });
            NARTHEX_RETURN_IF_ERROR(run_.check());
            if (ignored) {
                noteIgnored(node_.expr->range);
            }
            result.push_back(std::move(group.out));
        }
        return result;
    }

    /// As many as lie in one line of the processor's cache: each row is visited once for all of
    /// them.
    static constexpr std::size_t kStepsTogether = 8;

    void quantilesOf(Group& group, const ScalarColumn& q, std::size_t from, std::size_t to)
    {
        std::array<std::vector<std::uint64_t>, kStepsTogether> keys;
        for (const std::size_t member : group.members) {
            const Row& row = rows_[member];
            for (std::size_t step = from; step < to; ++step) {
                if (row.cells[step] == Cell::Float) {
                    keys[step - from].push_back(orderKey(row.values[step]));
                }
            }
        }
        for (std::size_t step = from; step < to; ++step) {
            if (!keys[step - from].empty()) {
                group.out.setFloat(step, quantileOfKeys(q[step], keys[step - from]));
            }
        }
    }

    void warnQuantiles(const ScalarColumn& column)
    {
        const auto warn = [this](double q) {
            run_.notes().warn(node_.param->range,
                              fmt::format("quantile value should be between 0 and 1, got {}",
                                          base::formatFloatG(q)));
        };
        const auto isNan = [](double q) { return std::isnan(q); };
        if (std::any_of(column.begin(), column.end(), isNan)) {
            warn(model::normalNan());
        }
        const auto [low, high] = std::minmax_element(column.begin(), column.end(), nanFirstLess);
        if (*high > 1) {
            warn(*high);
        }
        if (*low < 0) {
            warn(*low);
        }
    }

    /// Errors of the parameter of topk, bottomk, limitk.
    static absl::Status checkCount(const ScalarColumn& column)
    {
        constexpr double kHighest = 9223372036854774784.0;
        constexpr double kLowest = -9223372036854775808.0;
        for (const double k : column) {
            if (std::isnan(k)) {
                return base::invalidArgument("Parameter value is NaN");
            }
        }
        for (const double k : column) {
            if (k <= kLowest || k >= kHighest) {
                return base::invalidArgument("Scalar value {} {} int64", base::formatFloatG(k),
                                             k < 0 ? "underflows" : "overflows");
            }
        }
        return absl::OkStatus();
    }

    absl::StatusOr<Rows> selectK()
    {
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn column, evalScalar(run_, grid_, *node_.param));
        const double most = *std::max_element(column.begin(), column.end(), nanFirstLess);
        const bool streams = most >= 1 && most <= kMostStreamed && checkCount(column).ok() &&
                             node_.op != TokenKind::LimitK;
        if (!streams) {
            NARTHEX_RETURN_IF_ERROR(collect());
        }
        if (!(most >= 1) &&
            std::all_of(column.begin(), column.end(), [](double k) { return k < 1; })) {
            return Rows{};
        }
        NARTHEX_RETURN_IF_ERROR(checkCount(column));
        wanted_.resize(grid_.count);
        const double atMost = streams ? kMostStreamed : static_cast<double>(rows_.size());
        std::transform(column.begin(), column.end(), wanted_.begin(), [atMost](double k) {
            return static_cast<std::uint32_t>(std::clamp(k, 0.0, atMost));
        });
        if (node_.op == TokenKind::LimitK) {
            return selectFirst();
        }
        if (streams) {
            NARTHEX_RETURN_IF_ERROR(
                streamVector(run_, grid_, *node_.expr,
                             [this](const RowBatch& batch) { return addCandidates(batch); }));
        } else {
            NARTHEX_RETURN_IF_ERROR(addCandidates({.rows = rows_}));
        }
        return takeBest();
    }

    absl::StatusOr<Rows> selectFirst()
    {
        prepareSelection();
        for (const Group& group : groups_) {
            NARTHEX_RETURN_IF_ERROR(run_.check());
            for (std::size_t step = 0; step < grid_.count; ++step) {
                std::size_t taken = 0;
                for (const std::size_t member : group.members) {
                    if (taken < wanted_[step] && rows_[member].has(step)) {
                        choose(member, step);
                        ++taken;
                    }
                }
            }
        }
        return takeSelection();
    }

    /// Shows the rows to the heaps of their groups; keeps their labels.
    absl::Status addCandidates(const RowBatch& batch)
    {
        targets_.clear();
        const auto first = static_cast<std::uint32_t>(selected_.size());
        for (const Row& row : batch.rows) {
            if (row.isEmpty()) {
                continue;
            }
            const std::size_t number = groupOf(row, batch.namesToDrop);
            if (number == best_.size()) {
                best_.emplace_back(node_.op == TokenKind::TopK, wanted_);
            }
            if (row.hasHistograms()) {
                noteIgnored(expr_.range);
            }
            best_[number].expectRow();
            targets_.push_back({&row, number});
            Row& kept = selected_.emplace_back();
            kept.labels = batch.namesToDrop ? withoutMetricLabels(row.labels) : row.labels;
            kept.dropName = row.dropName;
        }
        run_.forStepRanges(grid_.count, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = 0; i < targets_.size(); ++i) {
                const auto& [row, group] = targets_[i];
                best_[group].add(*row, first + static_cast<std::uint32_t>(i), from, to);
            }
        });
        return run_.check();
    }

    Rows takeBest()
    {
        for (BestOfSteps& best : best_) {
            for (std::size_t step = 0; step < grid_.count; ++step) {
                for (const BestOfSteps::Entry& entry : best.take(step)) {
                    Row& row = selected_[entry.row];
                    if (row.cells.empty()) {
                        row.resize(grid_.count);
                        order_.push_back(entry.row);
                    }
                    row.setFloat(step, entry.value);
                }
            }
        }
        return takeSelection();
    }

    void prepareSelection()
    {
        selected_.resize(rows_.size());
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            selected_[i].labels = rows_[i].labels;
            selected_[i].dropName = rows_[i].dropName;
            selected_[i].resize(grid_.count);
        }
    }

    void choose(std::size_t row, std::size_t step)
    {
        selected_[row].setFrom(step, rows_[row], step);
        order_.push_back(row);
    }

    /// Instant queries show the order of choice, range queries sort later anyway.
    Rows takeSelection()
    {
        Rows result;
        std::vector<bool> taken(selected_.size(), false);
        for (const std::size_t row : order_) {
            if (!taken[row]) {
                taken[row] = true;
                result.push_back(std::move(selected_[row]));
            }
        }
        return result;
    }

    absl::StatusOr<Rows> selectRatio()
    {
        NARTHEX_ASSIGN_OR_RETURN(ScalarColumn ratios, evalScalar(run_, grid_, *node_.param));
        NARTHEX_RETURN_IF_ERROR(collect());
        for (double& ratio : ratios) {
            if (std::isnan(ratio)) {
                return base::invalidArgument("Ratio value is NaN");
            }
            const double capped = std::clamp(ratio, -1.0, 1.0);
            if (capped != ratio) {
                run_.notes().warn(
                    node_.param->range,
                    fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                                base::formatFloatG(ratio), base::formatFloatG(capped)));
            }
            ratio = capped;
        }
        prepareSelection();
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            const double place = hashPlace(rows_[i].labels);
            for (std::size_t step = 0; step < grid_.count; ++step) {
                const double ratio = ratios[step];
                if (ratio >= 0 ? place < ratio : place >= 1.0 + ratio) {
                    choose(i, step);
                }
            }
        }
        return takeSelection();
    }

    /// A number in [0, 1) that depends on the labels alone, the same as Prometheus computes.
    static double hashPlace(const model::Labels& labels)
    {
        std::string bytes;
        const auto append = [&bytes](std::string_view text) {
            const std::size_t size = text.size();
            if (size < 255) {
                bytes += static_cast<char>(size);
            } else {
                bytes += '\xff';
                for (unsigned shift = 0; shift < 24; shift += 8) {
                    bytes += static_cast<char>((size >> shift) & 0xFF);
                }
            }
            bytes += text;
        };
        for (const model::LabelView label : labels) {
            append(label.name);
            append(label.value);
        }
        return static_cast<double>(base::hash64(bytes)) / 18446744073709551616.0;
    }

    absl::StatusOr<Rows> countValues()
    {
        const std::string& label = stringOf(*node_.param);
        if (label.empty() || !base::isValidUtf8(label)) {
            return base::invalidArgument("invalid label name {}", model::quote(label));
        }
        NARTHEX_ASSIGN_OR_RETURN(rows_, evalVector(run_, grid_, *node_.expr));
        for (const Row& row : rows_) {
            absl::flat_hash_map<std::string, std::size_t> known;
            for (std::size_t step = 0; step < grid_.count; ++step) {
                if (!row.has(step)) {
                    continue;
                }
                std::string text = row.cells[step] == Cell::Float
                                       ? base::formatFloatPlain(row.values[step])
                                       : histogramText(*row.histograms[step]);
                const auto [it, isNew] = known.try_emplace(std::move(text), 0);
                if (isNew) {
                    it->second = groupWithValue(row, label, it->first);
                }
                Row& out = groups_[it->second].out;
                out.setFloat(step, out.values[step] + 1);
            }
        }
        Rows result;
        for (Group& group : groups_) {
            result.push_back(std::move(group.out));
        }
        return result;
    }

    std::size_t groupWithValue(const Row& row, const std::string& label, const std::string& value)
    {
        Row labelled;
        model::LabelsBuilder builder(row.labels);
        builder.set(label, value);
        labelled.labels = builder.build();
        labelled.dropName = row.dropName && label != model::kMetricName;
        const std::size_t number = groupOf(labelled);
        if (groups_[number].out.cells.empty()) {
            groups_[number].out.resize(grid_.count);
        }
        return number;
    }

    Run& run_;
    const Grid& grid_;
    const Expr& expr_;
    const Aggregation& node_;
    LabelGrouping grouping_;
    std::vector<Group> groups_;
    /// The rows of the batch that is being added, with their groups.
    std::vector<std::pair<const Row*, std::size_t>> targets_;
    // For aggregations that keep rows.
    Rows rows_;
    Rows selected_;
    std::vector<std::size_t> order_;
    // For topk and bottomk: k by step, and the best of each group.
    std::vector<std::uint32_t> wanted_;
    std::vector<BestOfSteps> best_;
};

} // namespace

absl::StatusOr<Rows> evalAggregation(Run& run, const Grid& grid, const Expr& expr,
                                     const Aggregation& node)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, Aggregator(run, grid, expr, node).run());
    removeEmpty(rows);
    return rows;
}

} // namespace narthex::promql
