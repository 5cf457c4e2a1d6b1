// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/explain.h"

#include "core/base/number.h"
#include "core/promql/binary_cells.h"
#include "core/promql/editor/label_flow.h"
#include "core/promql/editor/language_docs.h"
#include "core/promql/editor/selector_text.h"
#include "core/promql/histogram_math.h"
#include "core/promql/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace narthex::promql::editor {
namespace {

std::string valueText(const VectorElement& element)
{
    return element.histogram ? histogramText(*element.histogram) : base::formatFloat(element.value);
}

std::string listed(const std::vector<std::string>& names)
{
    return fmt::format("{}", fmt::join(names, ", "));
}

const Expr* nodeFrom(const Expr& expr, std::size_t& left)
{
    if (left == 0) {
        return &expr;
    }
    for (const Expr* child : childrenOf(expr)) {
        --left;
        if (const Expr* found = nodeFrom(*child, left)) {
            return found;
        }
    }
    return nullptr;
}

class NodeExplainer
{
public:
    NodeExplainer(const Expr& expr, std::span<const NodeResult> nodes, std::size_t index,
                  const ExplainOptions& options)
        : expr_(expr), nodes_(nodes), index_(index), options_(options)
    {
        for (std::size_t i = index + 1; i < nodes.size(); ++i) {
            if (nodes[i].parent == index) {
                children_.push_back(&nodes[i]);
            }
        }
    }

    Explanation run()
    {
        std::visit([this](const auto& node) { explain(node); }, expr_.node);
        if (own().state == NodeState::Failed) {
            say(fmt::format("This failed: {}", own().error));
        } else if (own().state == NodeState::Blocked) {
            say("This was not evaluated: something below it failed.");
        }
        return std::move(out_);
    }

private:
    void say(std::string sentence) { out_.sentences.push_back(std::move(sentence)); }
    [[nodiscard]] const NodeResult& own() const { return nodes_[index_]; }

    ExplainTable& table(std::string title, std::vector<std::string> columns)
    {
        out_.tables.push_back({.title = std::move(title), .columns = std::move(columns)});
        return out_.tables.back();
    }
    void put(ExplainTable& table, std::vector<std::string> cells, bool dropped = false) const
    {
        if (table.rows.size() < options_.maxRows) {
            table.rows.push_back({std::move(cells), dropped});
        }
    }

    // Literals.
    void explain(const NumberLiteral& node)
    {
        say(fmt::format("The number {}.", base::formatFloatPlain(node.value)));
        if (node.isDuration) {
            say(fmt::format("Written as a duration: {}.", print(expr_)));
        } else if (std::isfinite(node.value) && std::abs(node.value) >= 1000) {
            say(fmt::format("In short: {}.", base::formatFloatPrecision(node.value, 3)));
        }
    }
    void explain(const StringLiteral& node)
    {
        say(fmt::format("The text {}.", model::quote(node.value)));
    }
    void explain(const Unary& node)
    {
        say(node.op == TokenKind::Sub ? "The sign of every value changes; the metric name goes."
                                      : "A plus sign changes nothing.");
    }
    void explain(const Paren&) { say("Parentheses: what is inside is worked out first."); }

    // Selectors.
    void explain(const VectorSelector& node)
    {
        say("Series that meet all of these:");
        sayMatchers(node);
        say(fmt::format("Of each, the newest sample that is less than {} old.",
                        printDuration(base::Duration::fromMs(options_.span.lookbackMs))));
        sayTime(node.offset, node.at);
        sayEdges(node);
        say(fmt::format("{} series.", own().series));
    }
    void explain(const MatrixSelector& node)
    {
        say("Series that meet all of these:");
        sayMatchers(node.selector);
        say(node.range.expr
                ? "Of each, all samples of the window; its left edge does not belong to it."
                : fmt::format("Of each, all samples of the last {}; the left edge of the window "
                              "does not belong to it.",
                              printDuration(node.range.literal)));
        sayTime(node.selector.offset, node.selector.at);
        sayEdges(node.selector);
        say(fmt::format("{} series with {} samples.", own().series, own().samplesRead));
    }

    void sayMatchers(const VectorSelector& node)
    {
        for (const model::Matcher& matcher : node.matchers) {
            if (matcher.name() == model::kMetricName && matcher.type() == model::MatchType::Equal) {
                say(fmt::format("the metric is {}", matcher.value()));
                continue;
            }
            const WordDoc* doc =
                findWordDoc(model::matchTypeText(matcher.type()), WordKind::MatchOperator);
            const bool regex = matcher.type() == model::MatchType::Regex ||
                               matcher.type() == model::MatchType::NotRegex;
            say(fmt::format("{} {} {}{}", matcher.name(), doc != nullptr ? doc->detail : "is",
                            model::quote(matcher.value()), regex ? " as a whole" : ""));
        }
    }
    void sayTime(const DurationValue& offset, const At& at)
    {
        switch (at.kind) {
        case At::Kind::None:
            break;
        case At::Kind::Time:
            say(fmt::format("Always at {}.", base::formatTimestamp(at.time)));
            break;
        case At::Kind::Start:
            say("Always at the start of the query.");
            break;
        case At::Kind::End:
            say("Always at the end of the query.");
            break;
        }
        if (offset.expr) {
            say("Shifted by an expression.");
        } else if (offset.literal.ns > 0) {
            say(fmt::format("{} before.", printDuration(offset.literal)));
        } else if (offset.literal.ns < 0) {
            say(fmt::format("{} after.", printDuration(-offset.literal)));
        }
    }
    void sayEdges(const VectorSelector& node)
    {
        if (node.anchored) {
            say("Anchored: the newest sample at or before the left edge belongs to the window, "
                "and nothing is extended beyond samples.");
        } else if (node.smoothed) {
            say("Smoothed: the values at the edges are interpolated between their neighbours.");
        }
    }

    void explain(const Subquery& node)
    {
        say("The expression inside is evaluated again and again; the results are the samples of a "
            "window.");
        const auto plan = makePlan(expr_, options_.span);
        if (!plan.ok()) {
            return;
        }
        const Grid grid = subqueryGrid(*plan, node, plan->of(expr_), options_.span.grid());
        say(fmt::format("{} evaluations, every {}.", grid.count,
                        printDuration(base::Duration::fromMs(grid.step))));
        if (grid.count > 0) {
            say(fmt::format("From {} to {}: times are multiples of the step.",
                            base::formatTimestamp({grid.start}),
                            base::formatTimestamp({grid.last()})));
        }
    }

    // Aggregations.
    void explain(const Aggregation& node)
    {
        const std::string_view name = tokenText(node.op);
        if (const FunctionDoc* doc = findFunctionDoc(name)) {
            say(std::string(doc->summary));
        }
        if (node.param) {
            say(fmt::format("The parameter is {}.", parameterText(node)));
        }
        if (node.without) {
            say(fmt::format("All labels but {} remain.",
                            node.grouping.empty() ? "the metric name" : listed(node.grouping)));
        } else {
            say(node.grouping.empty() ? std::string("No label remains: there is one group.")
                                      : fmt::format("Only {} remain.", listed(node.grouping)));
        }
        tableOfGroups(node);
    }

    [[nodiscard]] std::string parameterText(const Aggregation& node) const
    {
        const auto* number = unwrapParens(*node.param).as<NumberLiteral>();
        if (number != nullptr && node.op == TokenKind::Quantile) {
            return fmt::format("{}: {} % of the values lie below the result",
                               base::formatFloatPlain(number->value),
                               base::formatFloatPlain(number->value * 100));
        }
        return !children_.empty() && !children_[0]->elements.empty()
                   ? valueText(children_[0]->elements[0])
                   : print(*node.param);
    }

    void tableOfGroups(const Aggregation& node)
    {
        const NodeResult& input = *children_.back();
        std::map<std::string, std::vector<const VectorElement*>> groups;
        for (const VectorElement& element : input.elements) {
            groups[groupOf(node, element.labels).toString()].push_back(&element);
        }
        say(fmt::format("{} series in {} groups{}.", input.elementCount, groups.size(),
                        input.elementCount > input.elements.size() ? " (of those shown)" : ""));
        ExplainTable& shown = table("Groups", {"group", "inputs", "value"});
        for (const auto& [labels, members] : groups) {
            std::vector<std::string> results;
            for (const VectorElement& element : own().elements) {
                if (groupOf(node, element.labels).toString() == labels) {
                    results.push_back(valueText(element));
                }
            }
            put(shown, {labels, std::to_string(members.size()), listed(results)}, results.empty());
        }
    }

    static model::Labels groupOf(const Aggregation& node, const model::Labels& labels)
    {
        std::vector<std::string> names = node.grouping;
        if (node.without) {
            names.emplace_back(model::kMetricName);
            return labels.without(names);
        }
        return labels.keeping(names);
    }

    // Calls.
    void explain(const Call& node)
    {
        const std::string_view name = node.function->name;
        if (const FunctionDoc* doc = findFunctionDoc(name)) {
            say(std::string(doc->signature));
            say(std::string(doc->summary));
        }
        if (const FunctionExample* example = findFunctionExample(name)) {
            say(fmt::format("Result: {}.", example->formula));
        }
        ExplainTable& given = table("Arguments", {"argument", "is"});
        for (std::size_t i = 0; i < node.args.size(); ++i) {
            put(given, {std::to_string(i + 1), print(*node.args[i])});
        }
        if (name == "histogram_quantile") {
            explainBuckets(node);
        } else if (name == "label_replace" || name == "label_join") {
            beforeAndAfter();
        } else if (name == "info") {
            addedLabels();
        }
    }

    void explainBuckets(const Call& node)
    {
        const auto* q = unwrapParens(*node.args[0]).as<NumberLiteral>();
        std::map<std::string, std::vector<std::pair<double, double>>> groups;
        for (const VectorElement& element : children_.back()->elements) {
            const auto bound = base::parseFloat(element.labels.get("le"));
            if (!element.histogram && bound) {
                static const std::array<std::string, 1> kLe = {"le"};
                groups[element.labels.without(kLe).toString()].emplace_back(*bound, element.value);
            }
        }
        if (groups.empty() || q == nullptr) {
            return;
        }
        // One group tells how it goes; all would be too much.
        const auto& [labels, buckets] = *groups.begin();
        const QuantileSteps steps = explainQuantile(q->value, buckets);
        say(fmt::format(
            "In the group {}: the rank is {} of {} observations.", labels.empty() ? "{}" : labels,
            base::formatFloatG(steps.rank),
            base::formatFloatG(steps.buckets.empty() ? 0 : steps.buckets.back().cumulative)));
        ExplainTable& shown =
            table("Buckets", {"bound", "observations up to it", "share", "remark"});
        for (std::size_t i = 0; i < steps.buckets.size(); ++i) {
            const auto& bucket = steps.buckets[i];
            std::string remark = steps.chosen == i ? "the rank falls in here" : "";
            remark += bucket.repaired ? " (count raised)" : "";
            put(shown, {base::formatFloat(bucket.upper), base::formatFloat(bucket.cumulative),
                        fmt::format("{:.1f} %", bucket.share * 100), remark});
        }
    }

    void beforeAndAfter()
    {
        const auto& before = children_.front()->elements;
        const auto& after = own().elements;
        if (before.size() != after.size()) {
            return;
        }
        ExplainTable& shown = table("Labels", {"before", "after"});
        for (std::size_t i = 0; i < before.size(); ++i) {
            put(shown, {before[i].labels.toString(), after[i].labels.toString()},
                before[i].labels == after[i].labels);
        }
    }

    void addedLabels()
    {
        const auto& before = children_.front()->elements;
        ExplainTable& shown = table("Joined labels", {"series", "added"});
        for (const VectorElement& element : own().elements) {
            const auto base = std::find_if(before.begin(), before.end(), [&](const auto& row) {
                return std::all_of(row.labels.begin(), row.labels.end(), [&](const auto& label) {
                    return element.labels.get(label.name) == label.value;
                });
            });
            std::vector<std::string> added;
            for (const model::LabelView label : element.labels) {
                if (base != before.end() && !base->labels.has(label.name)) {
                    added.push_back(fmt::format("{}={}", label.name, model::quote(label.value)));
                }
            }
            put(shown, {element.labels.toString(), listed(added)}, added.empty());
        }
    }

    // Operators.
    void explain(const Binary& node)
    {
        const bool leftScalar = node.lhs->type == ValueType::Scalar;
        const bool rightScalar = node.rhs->type == ValueType::Scalar;
        if (const WordDoc* doc =
                findWordDoc(tokenText(node.op),
                            isSetOperator(node.op) ? WordKind::SetOperator : WordKind::Operator)) {
            say(std::string(doc->text));
        }
        if (leftScalar && rightScalar) {
            if (!own().elements.empty()) {
                say(fmt::format("The result is {}.", valueText(own().elements[0])));
            }
        } else if (leftScalar || rightScalar) {
            tableOfRows(node, leftScalar);
        } else {
            say("The rows of the two sides are brought together by their labels.");
        }
    }

    /// The number of a scalar side at the last step; a literal's own.
    [[nodiscard]] static std::optional<double> scalarOf(const Expr& side, const NodeResult& result)
    {
        if (const auto* literal = unwrapParens(side).as<NumberLiteral>()) {
            return literal->value;
        }
        return result.elements.empty() ? std::nullopt : std::optional(result.elements[0].value);
    }

    void tableOfRows(const Binary& node, bool leftScalar)
    {
        const NodeResult& vector = *children_[leftScalar ? 1 : 0];
        const auto number =
            scalarOf(leftScalar ? *node.lhs : *node.rhs, *children_[leftScalar ? 0 : 1]);
        if (!number) {
            return;
        }
        ExplainTable& shown = table("Series", {"series", "value", "operation", "result"});
        const std::string other = base::formatFloat(*number);
        const CellValue scalar{.kind = Cell::Float, .value = *number};
        for (const VectorElement& element : vector.elements) {
            const CellValue value{.kind = element.histogram ? Cell::Histogram : Cell::Float,
                                  .value = element.value,
                                  .histogram = element.histogram};
            CellOperator op(node.op, expr_.range);
            const CellValue result = leftScalar ? op.apply(scalar, value) : op.apply(value, scalar);
            const bool filter = isComparison(node.op) && !node.returnBool;
            const bool dropped = result.kind == Cell::None || (filter && !result.keep);
            const std::string own = valueText(element);
            std::string text = dropped ? "" : filter ? own : resultText(node, result);
            put(shown,
                {element.labels.toString(), own,
                 leftScalar ? fmt::format("{} {} {}", other, tokenText(node.op), own)
                            : fmt::format("{} {} {}", own, tokenText(node.op), other),
                 std::move(text)},
                dropped);
        }
    }

    static std::string resultText(const Binary& node, const CellValue& result)
    {
        if (node.returnBool) {
            return result.keep ? "1" : "0";
        }
        return result.histogram ? histogramText(*result.histogram)
                                : base::formatFloat(result.value);
    }

    const Expr& expr_;
    const std::span<const NodeResult> nodes_;
    const std::size_t index_;
    const ExplainOptions& options_;
    std::vector<const NodeResult*> children_;
    Explanation out_;
};

} // namespace

const Expr* nodeAt(const Expr& root, std::size_t index) { return nodeFrom(root, index); }

Explanation explainNode(const Expr& root, std::span<const NodeResult> nodes, std::size_t index,
                        const ExplainOptions& options)
{
    const Expr* expr = nodeAt(root, index);
    if (expr == nullptr || index >= nodes.size()) {
        return {};
    }
    return NodeExplainer(*expr, nodes, index, options).run();
}

} // namespace narthex::promql::editor
