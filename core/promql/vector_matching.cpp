// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/vector_matching.h"

#include "core/base/status.h"
#include "core/promql/binary_cells.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace narthex::promql {

Signature::Signature(const VectorMatching& matching) : on_(matching.on), names_(matching.labels)
{
    if (!on_) {
        names_.emplace_back(model::kMetricName);
    }
}

namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

using Presence = std::vector<std::uint8_t>;

Presence presenceOf(const Rows& rows, std::size_t steps)
{
    Presence present(steps, 0);
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < steps; ++i) {
            present[i] = row.has(i) ? 1 : present[i];
        }
    }
    return present;
}

bool isArithmetic(TokenKind op) { return !isComparison(op) && !isTrim(op) && !isSetOperator(op); }

/// `{__name__="x", a="b"}`: the name among the labels, as error messages have it.
std::string allLabels(const model::Labels& labels)
{
    std::string out = "{";
    for (const model::LabelView label : labels) {
        out += out.size() > 1 ? ", " : "";
        out += model::isLegacyLabelName(label.name) ? std::string(label.name)
                                                    : model::quote(label.name);
        out += "=" + model::quote(label.value);
    }
    return out + "}";
}

struct Group
{
    model::Labels signature;
    std::vector<std::size_t> many{};
    std::vector<std::size_t> one{};
};

/// Indices of result rows for pairs of one group: [many][one], with one more of each for made-up
/// rows.
class PairTable
{
public:
    explicit PairTable(const Group& group)
        : columns_(group.one.size() + 1), cells_((group.many.size() + 1) * columns_, kNone)
    {}
    std::size_t& at(std::size_t many, std::size_t one) { return cells_[many * columns_ + one]; }

private:
    std::size_t columns_;
    std::vector<std::size_t> cells_;
};

class Matcher
{
public:
    Matcher(Run& run, const Grid& grid, const Expr& expr, const Binary& node, Rows left, Rows right)
        : run_(run),
          steps_(grid.count),
          node_(node),
          matching_(node.matching),
          swapped_(matching_.card == Cardinality::OneToMany),
          many_(swapped_ ? std::move(right) : std::move(left)),
          one_(swapped_ ? std::move(left) : std::move(right)),
          cells_(node.op, expr.range)
    {}

    absl::StatusOr<Rows> run()
    {
        findGroups();
        findActiveSteps();
        for (const Group& group : groups_) {
            NARTHEX_RETURN_IF_ERROR(run_.check());
            NARTHEX_RETURN_IF_ERROR(matchGroup(group));
            ++groupNumber_;
        }
        cells_.report(run_.notes());
        return inInputOrder();
    }

private:
    struct Output
    {
        Row row;
        /// For the order of the result.
        std::size_t firstMany = kNone;
        /// Group and step that touched it last, to find double matches.
        std::uint64_t touched = 0;
    };

    void findGroups()
    {
        LabelGrouping signature = Signature(matching_).grouping();
        const auto groupOf = [&](const Row& row) -> Group& {
            const std::size_t number = signature.numberOf(row.labels);
            if (number == groups_.size()) {
                groups_.push_back({.signature = signature.labelsOf(number)});
            }
            return groups_[number];
        };
        for (std::size_t i = 0; i < many_.size(); ++i) {
            groupOf(many_[i]).many.push_back(i);
        }
        for (std::size_t i = 0; i < one_.size(); ++i) {
            groupOf(one_[i]).one.push_back(i);
        }
    }

    void findActiveSteps()
    {
        const Presence many = presenceOf(many_, steps_);
        const Presence one = presenceOf(one_, steps_);
        const bool fills = matching_.fillLeft || matching_.fillRight;
        active_.resize(steps_);
        for (std::size_t i = 0; i < steps_; ++i) {
            active_[i] = fills ? many[i] | one[i] : many[i] & one[i];
        }
    }

    absl::Status matchGroup(const Group& group)
    {
        const bool fills = matching_.fillLeft || matching_.fillRight;
        if (!fills && group.many.empty() && group.one.size() < 2) {
            return absl::OkStatus();
        }
        if (!fills && group.one.empty()) {
            return absl::OkStatus();
        }
        PairTable pairs(group);
        for (std::size_t step = 0; step < steps_; ++step) {
            if (active_[step] != 0) {
                NARTHEX_RETURN_IF_ERROR(matchStep(group, pairs, step));
            }
        }
        return absl::OkStatus();
    }

    absl::Status matchStep(const Group& group, PairTable& pairs, std::size_t step)
    {
        std::size_t one = kNone;
        for (std::size_t k = 0; k < group.one.size(); ++k) {
            if (!one_[group.one[k]].has(step)) {
                continue;
            }
            if (one != kNone) {
                return duplicate(group, group.one[one], group.one[k]);
            }
            one = k;
        }
        bool matched = false;
        for (std::size_t k = 0; k < group.many.size(); ++k) {
            if (!many_[group.many[k]].has(step)) {
                continue;
            }
            if (one == kNone && !matching_.fillRight) {
                continue;
            }
            if (matched && matching_.card == Cardinality::OneToOne) {
                return base::invalidArgument(
                    "multiple matches for labels: many-to-one matching must "
                    "be explicit (group_left/group_right)");
            }
            matched = true;
            NARTHEX_RETURN_IF_ERROR(
                pair(group, pairs, k, one == kNone ? group.one.size() : one, step));
        }
        if (!matched && one != kNone && matching_.fillLeft) {
            return pair(group, pairs, group.many.size(), one, step);
        }
        return absl::OkStatus();
    }

    [[nodiscard]] absl::Status duplicate(const Group& group, std::size_t a, std::size_t b) const
    {
        std::array<std::string, 2> names = {allLabels(one_[a].labels), allLabels(one_[b].labels)};
        std::sort(names.begin(), names.end());
        return base::invalidArgument(
            "found duplicate series for the match group {} on the {} hand-side of the operation: "
            "[{}, "
            "{}];many-to-many matching not allowed: matching labels must be unique on one side",
            allLabels(group.signature), swapped_ ? "left" : "right", names[0], names[1]);
    }

    /// Positions in the group; one behind the last means a made-up row.
    absl::Status pair(const Group& group, PairTable& pairs, std::size_t many, std::size_t one,
                      std::size_t step)
    {
        const Row* manyRow = many < group.many.size() ? &many_[group.many[many]] : nullptr;
        const Row* oneRow = one < group.one.size() ? &one_[group.one[one]] : nullptr;
        std::size_t& slot = pairs.at(many, one);
        if (slot == kNone) {
            slot = outputFor(group, manyRow, oneRow,
                             manyRow != nullptr ? group.many[many] : many_.size());
        }
        Output& output = outputs_[slot];
        const std::uint64_t stamp = groupNumber_ * steps_ + step + 1;
        if (output.touched == stamp && matching_.card != Cardinality::OneToOne) {
            return base::invalidArgument(
                "multiple matches for labels: grouping labels must ensure unique matches");
        }
        const bool wasSet = output.row.has(step);
        output.touched = stamp;
        const CellValue manyCell =
            manyRow != nullptr ? CellValue::of(*manyRow, step) : filled(*matching_.fillLeft);
        const CellValue oneCell =
            oneRow != nullptr ? CellValue::of(*oneRow, step) : filled(*matching_.fillRight);
        CellValue result =
            swapped_ ? cells_.apply(oneCell, manyCell) : cells_.apply(manyCell, oneCell);
        if (result.kind == Cell::None) {
            return absl::OkStatus();
        }
        if (node_.returnBool) {
            result = {.kind = Cell::Float, .value = result.keep ? 1.0 : 0.0};
        } else if (!result.keep) {
            return absl::OkStatus();
        }
        if (wasSet) {
            return base::invalidArgument("vector cannot contain metrics with the same labelset");
        }
        result.put(output.row, step);
        return absl::OkStatus();
    }

    static CellValue filled(double value) { return {.kind = Cell::Float, .value = value}; }

    std::size_t outputFor(const Group& group, const Row* many, const Row* one, std::size_t order)
    {
        const model::Labels labels = resultLabels(group, many, one);
        const auto [it, isNew] = byLabels_.try_emplace(labels.bytes(), outputs_.size());
        if (isNew) {
            Output output;
            output.row.labels = labels;
            output.row.resize(steps_);
            output.row.dropName = (node_.returnBool && run_.features().delayedNameRemoval) ||
                                  (many != nullptr && many->dropName);
            outputs_.push_back(std::move(output));
        }
        Output& output = outputs_[it->second];
        output.firstMany = std::min(output.firstMany, order);
        return it->second;
    }

    [[nodiscard]] model::Labels resultLabels(const Group& group, const Row* many,
                                             const Row* one) const
    {
        return matchedLabels(node_, group.signature, many != nullptr ? &many->labels : nullptr,
                             one != nullptr ? &one->labels : nullptr,
                             !run_.features().delayedNameRemoval);
    }

    Rows inInputOrder()
    {
        std::stable_sort(outputs_.begin(), outputs_.end(), [](const Output& a, const Output& b) {
            return a.firstMany < b.firstMany;
        });
        Rows rows;
        rows.reserve(outputs_.size());
        for (Output& output : outputs_) {
            rows.push_back(std::move(output.row));
        }
        removeEmpty(rows);
        return rows;
    }

    Run& run_;
    const std::size_t steps_;
    const Binary& node_;
    const VectorMatching& matching_;
    const bool swapped_;
    const Rows many_;
    const Rows one_;
    CellOperator cells_;
    std::vector<Group> groups_;
    Presence active_;
    std::vector<Output> outputs_;
    absl::flat_hash_map<std::string, std::size_t> byLabels_;
    std::uint64_t groupNumber_ = 0;
};

} // namespace

absl::StatusOr<Rows> evalVectorMatching(Run& run, const Grid& grid, const Expr& expr,
                                        const Binary& node, Rows left, Rows right)
{
    return Matcher(run, grid, expr, node, std::move(left), std::move(right)).run();
}

absl::StatusOr<Rows> evalSetOperator(Run& run, const Grid& grid, const Binary& node, Rows left,
                                     Rows right)
{
    NARTHEX_RETURN_IF_ERROR(run.check());
    LabelGrouping signature = Signature(node.matching).grouping();
    const bool isOr = node.op == TokenKind::Or;
    // Where the deciding side has a row of the signature: the right one, for `or` the left one.
    const Rows& deciding = isOr ? left : right;
    Rows& judged = isOr ? right : left;
    std::vector<Presence> presence; // by group
    for (const Row& row : deciding) {
        const std::size_t group = signature.numberOf(row.labels);
        if (group == presence.size()) {
            presence.emplace_back(grid.count, 0);
        }
        Presence& steps = presence[group];
        for (std::size_t i = 0; i < grid.count; ++i) {
            steps[i] = row.has(i) ? 1 : steps[i];
        }
    }
    const bool keepsMatched = node.op == TokenKind::And;
    for (Row& row : judged) {
        const std::optional<std::size_t> group = signature.find(row.labels);
        for (std::size_t i = 0; i < grid.count; ++i) {
            const bool matched = group && presence[*group][i] != 0;
            if (matched != keepsMatched) {
                row.cells[i] = Cell::None;
            }
        }
    }
    if (isOr) {
        removeEmpty(right);
        std::move(right.begin(), right.end(), std::back_inserter(left));
        NARTHEX_RETURN_IF_ERROR(mergeSame(left));
    }
    removeEmpty(left);
    return left;
}

model::Labels matchedLabels(const Binary& node, const model::Labels& signature,
                            const model::Labels* many, const model::Labels* one, bool dropsName)
{
    const VectorMatching& matching = node.matching;
    model::Labels labels = many != nullptr ? *many : signature;
    if (isArithmetic(node.op) || (node.returnBool && dropsName)) {
        labels = withoutMetricLabels(labels);
    }
    if (matching.card == Cardinality::OneToOne) {
        labels = matching.on ? labels.keeping(matching.labels) : labels.without(matching.labels);
    }
    if (matching.include.empty()) {
        return labels;
    }
    model::LabelsBuilder builder(labels);
    for (const std::string& name : matching.include) {
        builder.set(name, one != nullptr ? one->get(name) : std::string_view());
    }
    return builder.build();
}

} // namespace narthex::promql
