// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/tree_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::promql::editor {
namespace {

/// More would not fit beside the query.
constexpr std::size_t kShownLabels = 10;

std::string_view kindText(NodeKind kind)
{
    switch (kind) {
    case NodeKind::Number:
        return "number";
    case NodeKind::String:
        return "text";
    case NodeKind::Selector:
        return "selector";
    case NodeKind::RangeSelector:
        return "range selector";
    case NodeKind::Subquery:
        return "subquery";
    case NodeKind::Aggregation:
        return "aggregation";
    case NodeKind::Call:
        return "function";
    case NodeKind::Binary:
        return "operator";
    case NodeKind::Unary:
        return "sign";
    case NodeKind::Parentheses:
        return "parentheses";
    }
    return {};
}

std::string_view typeText(ValueType type)
{
    switch (type) {
    case ValueType::Vector:
        return "instant vector";
    case ValueType::Matrix:
        return "range vector";
    case ValueType::Scalar:
        return "number";
    case ValueType::String:
        return "text";
    case ValueType::None:
        break;
    }
    return "nothing";
}

std::string stateText(const NodeResult& node)
{
    switch (node.state) {
    case NodeState::NotAsked:
        return {};
    case NodeState::Done:
        return fmt::format(", {} result{}", node.series, node.series == 1 ? "" : "s");
    case NodeState::Failed:
        return ", failed: " + node.error;
    case NodeState::Blocked:
        return ", blocked by an error below";
    }
    return {};
}

class RowMaker
{
public:
    RowMaker(std::span<const NodeResult> nodes, bool hideParentheses)
        : nodes_(nodes), hideParentheses_(hideParentheses), children_(nodes.size())
    {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (nodes[i].parent) {
                children_[*nodes[i].parent].push_back(i);
            }
        }
    }

    std::vector<TreeRow> run()
    {
        if (!nodes_.empty()) {
            visit(0, 0);
        }
        return std::move(rows_);
    }

private:
    void visit(std::size_t index, std::size_t depth)
    {
        const auto& children = children_[index];
        if (hideParentheses_ && nodes_[index].kind == NodeKind::Parentheses) {
            return visit(children.front(), depth);
        }
        const bool between = nodes_[index].kind == NodeKind::Binary && children.size() == 2;
        if (between) {
            visit(children[0], depth + 1);
        }
        put(index, depth);
        for (std::size_t i = between ? 1 : 0; i < children.size(); ++i) {
            visit(children[i], depth + 1);
        }
    }

    void put(std::size_t index, std::size_t depth)
    {
        const NodeResult& node = nodes_[index];
        TreeRow row{.node = index, .depth = depth};
        for (std::size_t i = 0; i < std::min(kShownLabels, node.labels.size()); ++i) {
            row.labels.push_back(
                fmt::format("{} {}", node.labels[i].name, node.labels[i].distinct));
        }
        row.moreLabels = node.labels.size() - row.labels.size();
        const auto whole = static_cast<double>(nodes_[0].totalTime.ns);
        row.share =
            whole > 0 ? std::clamp(static_cast<double>(node.ownTime.ns) / whole, 0.0, 1.0) : 0;
        row.spoken = fmt::format("{}, {}, {}{}{}", node.text, kindText(node.kind), inputs(index),
                                 typeText(node.type), stateText(node));
        rows_.push_back(std::move(row));
    }

    /// "range vector to " for what takes something in.
    [[nodiscard]] std::string inputs(std::size_t index) const
    {
        if (children_[index].empty()) {
            return {};
        }
        const NodeResult& last = nodes_[children_[index].back()];
        return fmt::format("{} to ", typeText(last.type));
    }

    const std::span<const NodeResult> nodes_;
    const bool hideParentheses_;
    std::vector<std::vector<std::size_t>> children_;
    std::vector<TreeRow> rows_;
};

} // namespace

std::vector<TreeRow> treeRows(std::span<const NodeResult> nodes, bool hideParentheses)
{
    return RowMaker(nodes, hideParentheses).run();
}

std::size_t nodeAround(std::span<const NodeResult> nodes, std::size_t offset)
{
    std::size_t found = nodes.size();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const SourceRange range = nodes[i].range;
        found = range.begin <= offset && offset <= range.end ? i : found;
    }
    return found;
}

} // namespace narthex::promql::editor
