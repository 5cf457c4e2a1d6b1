// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/matching.h"

#include "core/promql/binary_cells.h"
#include "core/promql/eval.h"
#include "core/promql/printer.h"
#include "core/promql/vector_matching.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::promql::editor {
namespace {

std::string listed(const std::vector<std::string>& names)
{
    return names.empty() ? std::string("no label") : fmt::format("{}", fmt::join(names, ", "));
}

CellValue cellOf(const VectorElement& element)
{
    if (element.histogram) {
        return {.kind = Cell::Histogram, .histogram = element.histogram};
    }
    return {.kind = Cell::Float, .value = element.value};
}

struct Members
{
    model::Labels labels;
    std::vector<std::size_t> left;
    std::vector<std::size_t> right;
};

class Explainer
{
public:
    Explainer(const Expr& expr, const Vector& left, const Vector& right, const MatchLimits& limits)
        : expr_(expr), node_(*expr.as<Binary>()), left_(left), right_(right), limits_(limits)
    {}

    MatchExplanation run()
    {
        describe();
        findGroups();
        for (const Members& members : members_) {
            explain(members);
        }
        out_.groupCount = members_.size();
        std::stable_sort(out_.groups.begin(), out_.groups.end(),
                         [](const MatchGroup& a, const MatchGroup& b) {
                             return !a.error.empty() && b.error.empty();
                         });
        if (out_.groups.size() > limits_.groups) {
            out_.groups.resize(limits_.groups);
        }
        if (out_.errors > 0) {
            findUniqueLabels();
            proposeFixes();
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] const VectorMatching& matching() const { return node_.matching; }
    [[nodiscard]] bool manyRight() const { return matching().card == Cardinality::OneToMany; }

    void describe()
    {
        say(isSetOperator(node_.op) ? setSentence() : operatorSentence());
        if (matching().on) {
            say(fmt::format("Rows are partners when {} {} equal.", listed(matching().labels),
                            matching().labels.size() == 1 ? "is" : "are"));
        } else if (!matching().labels.empty()) {
            say(fmt::format("Rows are partners when all labels but {} are equal.",
                            listed(matching().labels)));
        } else {
            say("Rows are partners when all their labels are equal; the metric name does not "
                "count.");
        }
        if (matching().card == Cardinality::ManyToOne || manyRight()) {
            say(fmt::format("Several rows on the {} may have the same partner on the {}.",
                            manyRight() ? "right" : "left", manyRight() ? "left" : "right"));
        } else if (matching().card == Cardinality::OneToOne) {
            say("Each row has at most one partner.");
        }
        if (!matching().include.empty()) {
            say(fmt::format("The result takes {} from the {} side.", listed(matching().include),
                            manyRight() ? "left" : "right"));
        }
        if (matching().fillLeft) {
            say(fmt::format("A missing left row counts as {}.", *matching().fillLeft));
        }
        if (matching().fillRight) {
            say(fmt::format("A missing right row counts as {}.", *matching().fillRight));
        }
    }

    void say(std::string sentence) { out_.sentences.push_back(std::move(sentence)); }

    [[nodiscard]] std::string setSentence() const
    {
        switch (node_.op) {
        case TokenKind::And:
            return "Left rows stay if they have a partner on the right; values stay as they are.";
        case TokenKind::Unless:
            return "Left rows stay if they have no partner on the right.";
        default:
            return "All left rows stay, and right rows that have no partner on the left.";
        }
    }
    [[nodiscard]] std::string operatorSentence() const
    {
        if (!isComparison(node_.op)) {
            return fmt::format("The result is left {} right; the metric name goes.",
                               tokenText(node_.op));
        }
        if (node_.returnBool) {
            return fmt::format("The result is 1 where left {} right holds, 0 where it does not.",
                               tokenText(node_.op));
        }
        return fmt::format("Left rows stay, with their values, where left {} right holds.",
                           tokenText(node_.op));
    }

    void findGroups()
    {
        const Signature signature(matching());
        absl::flat_hash_map<std::string, std::size_t> index;
        const auto groupOf = [&](const VectorElement& element) -> Members& {
            model::Labels labels = signature.of(element.labels);
            const auto [it, isNew] = index.try_emplace(labels.bytes(), members_.size());
            if (isNew) {
                members_.push_back({.labels = std::move(labels)});
            }
            return members_[it->second];
        };
        for (std::size_t i = 0; i < left_.size(); ++i) {
            groupOf(left_[i]).left.push_back(i);
        }
        for (std::size_t i = 0; i < right_.size(); ++i) {
            groupOf(right_[i]).right.push_back(i);
        }
    }

    void explain(const Members& members)
    {
        MatchGroup group{.labels = members.labels,
                         .leftCount = members.left.size(),
                         .rightCount = members.right.size()};
        const bool both = !members.left.empty() && !members.right.empty();
        out_.matched += both ? 1U : 0U;
        out_.leftOnly += members.right.empty() ? 1U : 0U;
        out_.rightOnly += members.left.empty() ? 1U : 0U;
        fillSide(group.left, members.left, left_);
        fillSide(group.right, members.right, right_);
        if (isSetOperator(node_.op)) {
            combineSets(group, members);
        } else if (std::string error = errorOf(members); !error.empty()) {
            group.error = std::move(error);
            ++out_.errors;
            mark(group.left, RowMark::Error);
            mark(group.right, RowMark::Error);
        } else {
            combine(group, members);
        }
        if (!both && !isSetOperator(node_.op)) {
            nameNearest(group);
        }
        out_.groups.push_back(std::move(group));
    }

    void fillSide(std::vector<MatchedRow>& rows, const std::vector<std::size_t>& members,
                  const Vector& side) const
    {
        for (std::size_t i = 0; i < std::min(members.size(), limits_.rows); ++i) {
            rows.push_back({.element = side[members[i]]});
        }
    }

    static void mark(std::vector<MatchedRow>& rows, RowMark mark)
    {
        for (MatchedRow& row : rows) {
            row.mark = mark;
        }
    }

    [[nodiscard]] std::string errorOf(const Members& members) const
    {
        const std::size_t left = members.left.size();
        const std::size_t right = members.right.size();
        if (left == 0 || right == 0) {
            return {};
        }
        if (left > 1 && right > 1) {
            return "several rows on both sides: no grouping modifier can help, match on more "
                   "labels or aggregate one side";
        }
        switch (matching().card) {
        case Cardinality::OneToOne:
            if (left > 1 || right > 1) {
                return fmt::format("several rows on the {}: say so with {}()",
                                   left > 1 ? "left" : "right",
                                   left > 1 ? "group_left" : "group_right");
            }
            return {};
        case Cardinality::ManyToOne:
            return right > 1 ? "several rows on the right, which is the one side" : "";
        case Cardinality::OneToMany:
            return left > 1 ? "several rows on the left, which is the one side" : "";
        case Cardinality::ManyToMany:
            return {};
        }
        return {};
    }

    void combineSets(MatchGroup& group, const Members& members)
    {
        const bool leftStays =
            node_.op == TokenKind::Or || (node_.op == TokenKind::And) == !members.right.empty();
        const bool rightStays = node_.op == TokenKind::Or && members.left.empty();
        for (std::size_t i = 0; i < group.left.size(); ++i) {
            group.left[i].mark = leftStays ? RowMark::Result : unusedMark(members);
            if (leftStays) {
                group.results.push_back({group.left[i].element, i});
            }
        }
        for (std::size_t i = 0; i < group.right.size(); ++i) {
            group.right[i].mark = rightStays             ? RowMark::Result
                                  : members.left.empty() ? RowMark::NoPartner
                                                         : RowMark::Filtered;
            if (rightStays) {
                group.results.push_back({group.right[i].element, i});
            }
        }
    }

    static RowMark unusedMark(const Members& members)
    {
        return members.right.empty() ? RowMark::NoPartner : RowMark::Filtered;
    }

    void combine(MatchGroup& group, const Members& members)
    {
        auto& many = manyRight() ? group.right : group.left;
        auto& one = manyRight() ? group.left : group.right;
        // With group_right the two fill values are exchanged, as in the engine.
        const auto& fillOne = matching().fillRight;
        const auto& fillMany = matching().fillLeft;
        if (many.empty() || one.empty()) {
            auto& there = many.empty() ? one : many;
            const auto& fill = many.empty() ? fillMany : fillOne;
            mark(there, fill ? RowMark::Filled : RowMark::NoPartner);
            if (!fill) {
                return;
            }
            const MatchedRow made{.element = {.labels = members.labels, .value = *fill}};
            for (std::size_t i = 0; i < there.size(); ++i) {
                many.empty() ? put(group, made, there[i], std::nullopt)
                             : put(group, there[i], made, i);
            }
            return;
        }
        for (std::size_t i = 0; i < many.size(); ++i) {
            many[i].mark = put(group, many[i], one[0], i);
        }
    }

    RowMark put(MatchGroup& group, const MatchedRow& many, const MatchedRow& one,
                std::optional<std::size_t> source)
    {
        const VectorElement& left = manyRight() ? one.element : many.element;
        const VectorElement& right = manyRight() ? many.element : one.element;
        const CellValue value =
            CellOperator(node_.op, expr_.range).apply(cellOf(left), cellOf(right));
        if (value.kind == Cell::None) {
            return RowMark::WrongTypes;
        }
        ResultRow row{.source = source};
        row.element.labels =
            matchedLabels(node_, group.labels, &many.element.labels, &one.element.labels, true);
        row.element.time = left.time;
        row.element.value = value.value;
        row.element.histogram = value.histogram;
        if (isComparison(node_.op) && node_.returnBool) {
            row.element.value = value.keep ? 1 : 0;
            row.element.histogram = nullptr;
        } else if (isComparison(node_.op) && !value.keep) {
            row.mark = RowMark::Filtered;
        }
        group.results.push_back(std::move(row));
        return group.results.back().mark;
    }

    /// For rows without a partner: what comes closest on the other side.
    void nameNearest(MatchGroup& group) const
    {
        const bool leftThere = !group.left.empty();
        const Vector& others = leftThere ? right_ : left_;
        for (MatchedRow& row : leftThere ? group.left : group.right) {
            if (row.mark == RowMark::NoPartner) {
                row.nearest = nearestOf(group.labels, others);
            }
        }
    }

    [[nodiscard]] std::optional<NearestPartner> nearestOf(const model::Labels& labels,
                                                          const Vector& others) const
    {
        // Enough to find something close; all of a hundred thousand would take too long.
        constexpr std::size_t kLookedAt = 1000;
        const Signature signature(matching());
        std::optional<NearestPartner> best;
        std::size_t fewest = 0;
        for (std::size_t i = 0; i < std::min(others.size(), kLookedAt); ++i) {
            const model::Labels there = signature.of(others[i].labels);
            std::size_t differences = 0;
            NearestPartner candidate{.labels = others[i].labels};
            for (const std::string& name : namesOf(labels, there)) {
                if (labels.get(name) != there.get(name) && differences++ == 0) {
                    candidate.label = name;
                    candidate.here = labels.get(name);
                    candidate.there = there.get(name);
                }
            }
            if (!best || differences < fewest) {
                best = std::move(candidate);
                fewest = differences;
            }
        }
        return best;
    }

    static std::set<std::string> namesOf(const model::Labels& a, const model::Labels& b)
    {
        std::set<std::string> names;
        for (const model::Labels* labels : {&a, &b}) {
            for (const model::LabelView label : *labels) {
                names.emplace(label.name);
            }
        }
        return names;
    }

    /// The fewest labels to add to the match: tried one by one, most telling first.
    void findUniqueLabels()
    {
        std::set<std::string> common;
        for (const Members& members : members_) {
            for (const std::size_t i : members.right) {
                for (const model::LabelView label : right_[i].labels) {
                    common.emplace(label.name);
                }
            }
        }
        std::erase_if(common, [this](const std::string& name) {
            const auto has = [&](const VectorElement& element) { return element.labels.has(name); };
            return name == model::kMetricName || !std::all_of(left_.begin(), left_.end(), has) ||
                   !std::all_of(right_.begin(), right_.end(), has);
        });
        VectorMatching tried = matching();
        std::vector<std::string> added;
        while (!isUnique(tried)) {
            const auto best = std::max_element(
                common.begin(), common.end(), [&](const std::string& a, const std::string& b) {
                    return groupsWith(tried, a) < groupsWith(tried, b);
                });
            if (!matching().on || best == common.end()) {
                return;
            }
            added.push_back(*best);
            tried.labels.push_back(*best);
            common.erase(best);
        }
        std::vector<std::string> all = matching().labels;
        all.insert(all.end(), added.begin(), added.end());
        out_.uniqueLabels = std::move(all);
    }

    [[nodiscard]] bool isUnique(const VectorMatching& tried) const
    {
        const Signature signature(tried);
        const auto unique = [&](const Vector& side) {
            std::set<std::string> seen;
            return std::all_of(side.begin(), side.end(), [&](const VectorElement& element) {
                return seen.insert(signature.of(element.labels).bytes()).second;
            });
        };
        switch (matching().card) {
        case Cardinality::ManyToOne:
            return unique(right_);
        case Cardinality::OneToMany:
            return unique(left_);
        case Cardinality::OneToOne:
        case Cardinality::ManyToMany:
            return unique(left_) && unique(right_);
        }
        return false;
    }

    [[nodiscard]] std::size_t groupsWith(VectorMatching tried, const std::string& name) const
    {
        tried.labels.push_back(name);
        const Signature signature(tried);
        std::set<std::string> seen;
        for (const Vector* side : {&left_, &right_}) {
            for (const VectorElement& element : *side) {
                seen.insert(signature.of(element.labels).bytes());
            }
        }
        return seen.size();
    }

    void proposeFixes()
    {
        bool manyLeft = false;
        bool severalRight = false;
        for (const Members& members : members_) {
            const bool both = !members.left.empty() && !members.right.empty();
            manyLeft = manyLeft || (both && members.left.size() > 1);
            severalRight = severalRight || (both && members.right.size() > 1);
        }
        if (manyLeft != severalRight) {
            VectorMatching changed = matching();
            changed.card = manyLeft ? Cardinality::ManyToOne : Cardinality::OneToMany;
            propose(fmt::format("Use {}", manyLeft ? "group_left()" : "group_right()"), changed);
        }
        if (out_.uniqueLabels && *out_.uniqueLabels != matching().labels) {
            VectorMatching changed = matching();
            changed.labels = *out_.uniqueLabels;
            propose(fmt::format("Match on {}", listed(changed.labels)), changed);
        }
        aggregate(severalRight ? *node_.rhs : *node_.lhs, severalRight);
    }

    void propose(std::string title, const VectorMatching& changed)
    {
        out_.fixes.push_back(
            {std::move(title),
             fmt::format("{} {} {}", print(*node_.lhs),
                         operatorText(node_.op, node_.returnBool, changed), print(*node_.rhs))});
    }

    /// The side becomes one row for each group.
    void aggregate(const Expr& side, bool isRight)
    {
        const VectorMatching& match = matching();
        const std::string labels = fmt::format("({})", fmt::join(match.labels, ", "));
        const std::string wrapped =
            fmt::format("sum {} {} ({})", match.on ? "by" : "without", labels, print(side));
        const std::string op = operatorText(node_.op, node_.returnBool, match);
        out_.fixes.push_back({fmt::format("Aggregate the {} side", isRight ? "right" : "left"),
                              isRight ? fmt::format("{} {} {}", print(*node_.lhs), op, wrapped)
                                      : fmt::format("{} {} {}", wrapped, op, print(*node_.rhs))});
    }

    const Expr& expr_;
    const Binary& node_;
    const Vector& left_;
    const Vector& right_;
    const MatchLimits limits_;
    std::vector<Members> members_;
    MatchExplanation out_;
};

} // namespace

MatchExplanation explainMatching(const Expr& expr, const Vector& left, const Vector& right,
                                 const MatchLimits& limits)
{
    return Explainer(expr, left, right, limits).run();
}

} // namespace narthex::promql::editor
