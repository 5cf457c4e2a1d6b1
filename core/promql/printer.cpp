// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/printer.h"

#include "core/base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace {

std::string printSeconds(double seconds, bool asDuration)
{
    if (asDuration) {
        return printDuration(
            base::Duration{static_cast<std::int64_t>(std::llround(seconds * 1e9))});
    }
    return base::formatFloatPlain(seconds);
}

std::string printDurationExpr(const DurationExpr& expr);

std::string printDurationNode(const DurationExpr& expr)
{
    using Kind = DurationExpr::Kind;
    switch (expr.kind) {
    case Kind::Number:
        return printSeconds(expr.seconds, expr.writtenAsDuration);
    case Kind::Negate:
        return "-" + printDurationExpr(*expr.lhs);
    case Kind::Binary:
        return fmt::format("{} {} {}", printDurationExpr(*expr.lhs), tokenText(expr.op),
                           printDurationExpr(*expr.rhs));
    case Kind::Step:
        return "step()";
    case Kind::Range:
        return "range()";
    case Kind::MinOf:
        return fmt::format("min_of({}, {})", printDurationExpr(*expr.lhs),
                           printDurationExpr(*expr.rhs));
    case Kind::MaxOf:
        return fmt::format("max_of({}, {})", printDurationExpr(*expr.lhs),
                           printDurationExpr(*expr.rhs));
    }
    return {};
}

std::string printDurationExpr(const DurationExpr& expr)
{
    return expr.parenthesised ? "(" + printDurationNode(expr) + ")" : printDurationNode(expr);
}

std::string printValue(const DurationValue& value)
{
    return value.expr ? printDurationExpr(*value.expr) : printDuration(value.literal);
}

std::string printAt(const At& at)
{
    switch (at.kind) {
    case At::Kind::None:
        return {};
    case At::Kind::Start:
        return " @ start()";
    case At::Kind::End:
        return " @ end()";
    case At::Kind::Time:
        break;
    }
    const std::uint64_t magnitude = at.time.ms < 0 ? 0 - static_cast<std::uint64_t>(at.time.ms)
                                                   : static_cast<std::uint64_t>(at.time.ms);
    return fmt::format(" @ {}{}.{:03}", at.time.ms < 0 ? "-" : "", magnitude / 1000,
                       magnitude % 1000);
}

std::string printOffset(const DurationValue& offset)
{
    return offset.isZero() ? std::string() : " offset " + printValue(offset);
}

std::string_view edgeText(const VectorSelector& node)
{
    return node.anchored ? " anchored" : node.smoothed ? " smoothed" : "";
}

std::string printMatchers(const VectorSelector& node)
{
    std::vector<std::string> texts;
    for (const model::Matcher& matcher : node.matchers) {
        const bool isName = matcher.name() == model::kMetricName && !node.name.empty() &&
                            matcher.type() == model::MatchType::Equal &&
                            matcher.value() == node.name;
        if (!isName) {
            texts.push_back(matcher.toString());
        }
    }
    if (texts.empty()) {
        return node.name.empty() ? "{}" : node.name;
    }
    std::sort(texts.begin(), texts.end());
    return fmt::format("{}{{{}}}", node.name, fmt::join(texts, ","));
}

std::string labelList(const std::vector<std::string>& labels)
{
    std::string out = "(";
    for (const std::string& label : labels) {
        if (out.size() > 1) {
            out += ", ";
        }
        out += model::isLegacyLabelName(label) ? label : model::quote(label);
    }
    return out + ")";
}

/// `sum by (a) `, `sum without () `, `sum`.
std::string aggregationHead(const Aggregation& node)
{
    if (node.without) {
        return fmt::format("{} without {} ", tokenText(node.op), labelList(node.grouping));
    }
    if (!node.grouping.empty()) {
        return fmt::format("{} by {} ", tokenText(node.op), labelList(node.grouping));
    }
    return std::string(tokenText(node.op));
}

std::string printFill(const VectorMatching& matching)
{
    const auto& left = matching.fillLeft;
    const auto& right = matching.fillRight;
    if (left && right && (*left == *right || (std::isnan(*left) && std::isnan(*right)))) {
        return fmt::format(" fill ({})", base::formatFloatPlain(*left));
    }
    std::string out;
    if (left) {
        out += fmt::format(" fill_left ({})", base::formatFloatPlain(*left));
    }
    if (right) {
        out += fmt::format(" fill_right ({})", base::formatFloatPlain(*right));
    }
    return out;
}

} // namespace

std::string operatorText(TokenKind op, bool returnBool, const VectorMatching& matching)
{
    std::string out(tokenText(op));
    if (returnBool) {
        out += " bool";
    }
    const bool grouped =
        matching.card == Cardinality::ManyToOne || matching.card == Cardinality::OneToMany;
    if (!matching.labels.empty() || matching.on || grouped) {
        out += matching.on ? " on " : " ignoring ";
        out += labelList(matching.labels);
    }
    if (grouped) {
        out += matching.card == Cardinality::ManyToOne ? " group_left " : " group_right ";
        out += labelList(matching.include);
    }
    return out + printFill(matching);
}

namespace {

std::string operatorText(const Binary& node)
{
    return promql::operatorText(node.op, node.returnBool, node.matching);
}

std::string subquerySuffix(const Subquery& node)
{
    return fmt::format("[{}:{}]{}{}", printValue(node.range),
                       node.step.isZero() ? std::string() : printValue(node.step), printAt(node.at),
                       printOffset(node.offset));
}

struct Printer
{
    std::string operator()(const NumberLiteral& node) const
    {
        return printSeconds(node.value, node.isDuration);
    }
    std::string operator()(const StringLiteral& node) const { return model::quote(node.value); }
    std::string operator()(const VectorSelector& node) const
    {
        return printMatchers(node) + printAt(node.at) + std::string(edgeText(node)) +
               printOffset(node.offset);
    }
    std::string operator()(const MatrixSelector& node) const
    {
        return fmt::format("{}[{}]{}{}{}", printMatchers(node.selector), printValue(node.range),
                           edgeText(node.selector), printAt(node.selector.at),
                           printOffset(node.selector.offset));
    }
    std::string operator()(const Subquery& node) const
    {
        return print(*node.expr) + subquerySuffix(node);
    }
    std::string operator()(const Aggregation& node) const
    {
        return fmt::format("{}({}{})", aggregationHead(node),
                           node.param ? print(*node.param) + ", " : std::string(),
                           print(*node.expr));
    }
    std::string operator()(const Call& node) const
    {
        std::vector<std::string> args;
        for (const ExprPtr& arg : node.args) {
            args.push_back(print(*arg));
        }
        return fmt::format("{}({})", node.function->name, fmt::join(args, ", "));
    }
    std::string operator()(const Binary& node) const
    {
        return fmt::format("{} {} {}", print(*node.lhs), operatorText(node), print(*node.rhs));
    }
    std::string operator()(const Unary& node) const
    {
        return std::string(tokenText(node.op)) + print(*node.expr);
    }
    std::string operator()(const Paren& node) const { return "(" + print(*node.expr) + ")"; }
};

// The formatter: a node longer than this is broken over lines.
constexpr std::size_t kLongestLine = 100;

std::string indent(std::size_t level) { return std::string(level * 2, ' '); }

/// Writes nodes over lines; one object a level.
class Formatter
{
public:
    Formatter(const CommentMap& comments, std::size_t level) : comments_(comments), level_(level) {}

    /// `separator` stands behind the node, before a comment at the end of its line.
    [[nodiscard]] std::string write(const Expr& expr, std::string_view separator = {}) const
    {
        const auto found = comments_.find(&expr);
        if (found == comments_.end()) {
            return body(expr, nullptr) + std::string(separator);
        }
        const NodeComments& own = found->second;
        std::string out;
        for (const std::string& line : own.before) {
            out += indent(level_) + line + "\n";
        }
        out += body(expr, &own);
        out += separator;
        if (!own.behind.empty()) {
            out += " " + own.behind;
        }
        for (const std::string& line : own.after) {
            out += "\n" + indent(level_) + line;
        }
        return out;
    }

private:
    [[nodiscard]] std::string body(const Expr& expr, const NodeComments* own) const
    {
        std::string flat = print(expr);
        const bool mustBreak = own != nullptr && (own->below || !own->head.empty());
        if (!mustBreak && flat.size() <= kLongestLine) {
            return indent(level_) + flat;
        }
        const std::string head =
            own == nullptr || own->head.empty() ? std::string() : " " + own->head;
        return std::visit([&](const auto& node) { return broken(expr, node, head); }, expr.node);
    }

    [[nodiscard]] Formatter deeper() const { return {comments_, level_ + 1}; }
    /// What opens, `inner` on its lines, and the bracket that closes.
    [[nodiscard]] std::string bracketed(std::string_view opening, std::string_view head,
                                        std::string_view inner) const
    {
        return fmt::format("{0}{1}({2}\n{3}\n{0})", indent(level_), opening, head, inner);
    }

    // Selectors, ranges and literals never break.
    template <typename Leaf>
    std::string broken(const Expr& expr, const Leaf&, std::string_view) const
    {
        return indent(level_) + print(expr);
    }
    [[nodiscard]] std::string broken(const Expr&, const Subquery& node, std::string_view) const
    {
        return write(*node.expr) + subquerySuffix(node);
    }
    [[nodiscard]] std::string broken(const Expr&, const Aggregation& node,
                                     std::string_view head) const
    {
        std::string inner;
        if (node.param) {
            inner = deeper().write(*node.param, ",") + "\n";
        }
        return bracketed(aggregationHead(node), head, inner + deeper().write(*node.expr));
    }
    [[nodiscard]] std::string broken(const Expr&, const Call& node, std::string_view head) const
    {
        std::string inner;
        for (std::size_t i = 0; i < node.args.size(); ++i) {
            const bool last = i + 1 == node.args.size();
            inner += deeper().write(*node.args[i], last ? "" : ",");
            inner += last ? "" : "\n";
        }
        return bracketed(node.function->name, head, inner);
    }
    [[nodiscard]] std::string broken(const Expr&, const Binary& node, std::string_view head) const
    {
        return fmt::format("{}\n{}{}{}\n{}", deeper().write(*node.lhs), indent(level_),
                           operatorText(node), head, deeper().write(*node.rhs));
    }
    [[nodiscard]] std::string broken(const Expr&, const Unary& node, std::string_view) const
    {
        return indent(level_) + std::string(tokenText(node.op)) +
               write(*node.expr).substr(level_ * 2);
    }
    [[nodiscard]] std::string broken(const Expr&, const Paren& node, std::string_view head) const
    {
        return bracketed({}, head, deeper().write(*node.expr));
    }

    const CommentMap& comments_;
    const std::size_t level_;
};

/// Leaves are themselves.
struct OwnText
{
    const Expr& expr;

    std::string operator()(const NumberLiteral&) const { return print(expr); }
    std::string operator()(const StringLiteral&) const { return print(expr); }
    std::string operator()(const VectorSelector&) const { return print(expr); }
    std::string operator()(const MatrixSelector&) const { return print(expr); }
    std::string operator()(const Subquery& node) const { return "..." + subquerySuffix(node); }
    std::string operator()(const Aggregation& node) const
    {
        return aggregationHead(node) + "(...)";
    }
    std::string operator()(const Call& node) const
    {
        return fmt::format("{}({})", node.function->name, node.args.empty() ? "" : "...");
    }
    std::string operator()(const Binary& node) const { return operatorText(node); }
    std::string operator()(const Unary& node) const
    {
        return std::string(tokenText(node.op)) + "...";
    }
    std::string operator()(const Paren&) const { return "(...)"; }
};

struct KindName
{
    std::string_view operator()(const NumberLiteral&) const { return "number"; }
    std::string_view operator()(const StringLiteral&) const { return "string"; }
    std::string_view operator()(const VectorSelector&) const { return "selector"; }
    std::string_view operator()(const MatrixSelector&) const { return "range selector"; }
    std::string_view operator()(const Subquery&) const { return "subquery"; }
    std::string_view operator()(const Aggregation&) const { return "aggregation"; }
    std::string_view operator()(const Call&) const { return "call"; }
    std::string_view operator()(const Binary&) const { return "binary"; }
    std::string_view operator()(const Unary&) const { return "unary"; }
    std::string_view operator()(const Paren&) const { return "parentheses"; }
};

void outlineInto(const Expr& expr, std::size_t level, std::string& out)
{
    out += fmt::format("{}{} {}\n", indent(level), std::visit(KindName{}, expr.node), print(expr));
    for (const Expr* child : childrenOf(expr)) {
        outlineInto(*child, level + 1, out);
    }
}

} // namespace

std::string print(const Expr& expr) { return std::visit(Printer{}, expr.node); }

std::string format(const Expr& expr, const CommentMap& comments)
{
    return Formatter(comments, 0).write(expr);
}

std::string ownText(const Expr& expr) { return std::visit(OwnText{expr}, expr.node); }

std::string outline(const Expr& expr)
{
    std::string out;
    outlineInto(expr, 0, out);
    return out;
}

std::string printDuration(base::Duration duration) { return base::formatDuration(duration); }

} // namespace narthex::promql
