// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/refactor.h"

#include "core/base/status.h"
#include "core/promql/editor/lint_internal.h"
#include "core/promql/printer.h"
#include "core/promql/token_walker.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::promql::editor {
namespace {

absl::Status misplaced(SourceRange range, std::string_view what)
{
    base::Position position;
    position.begin = range.begin;
    position.end = range.end;
    return base::withPosition(base::invalidArgument("{}", what), position);
}

std::string source(std::string_view text, SourceRange range)
{
    return std::string(text.substr(range.begin, range.end - range.begin));
}

/// Blanks around a selection do not count.
SourceRange tightened(std::string_view text, SourceRange range)
{
    const auto isBlank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    range.end = std::min(range.end, static_cast<std::uint32_t>(text.size()));
    range.begin = std::min(range.begin, range.end);
    while (range.begin < range.end && isBlank(text[range.begin])) {
        ++range.begin;
    }
    while (range.end > range.begin && isBlank(text[range.end - 1])) {
        --range.end;
    }
    return range;
}

/// The outermost node with exactly this range.
const Expr* nodeWithRange(const Expr& root, SourceRange range)
{
    const Expr* found = nullptr;
    walk(root, [&](const Expr& node, const Path&) {
        found = found == nullptr && node.range == range ? &node : found;
    });
    return found;
}

template <typename Node>
const Expr* innermost(const Expr& root, std::size_t at)
{
    const Expr* found = nullptr;
    walk(root, [&](const Expr& node, const Path&) {
        const bool around = node.range.begin <= at && at <= node.range.end;
        found = around && node.as<Node>() != nullptr ? &node : found;
    });
    return found;
}

TokenKind turned(TokenKind op)
{
    switch (op) {
    case TokenKind::Less:
        return TokenKind::Greater;
    case TokenKind::LessEqual:
        return TokenKind::GreaterEqual;
    case TokenKind::Greater:
        return TokenKind::Less;
    case TokenKind::GreaterEqual:
        return TokenKind::LessEqual;
    default:
        return op;
    }
}

bool mayTurn(TokenKind op)
{
    return op == TokenKind::Add || op == TokenKind::Mul || op == TokenKind::CompareEqual ||
           op == TokenKind::NotEqual || turned(op) != op;
}

/// The tree without its parentheses, level by level.
std::string shapeOf(const Expr& root)
{
    std::string shape;
    walk(root, [&shape](const Expr& node, const Path& path) {
        if (node.as<Paren>() != nullptr) {
            return;
        }
        const auto parentheses = std::count_if(path.begin(), path.end(), [](const Expr* above) {
            return above->as<Paren>() != nullptr;
        });
        shape += fmt::format("{} {}\n", path.size() - static_cast<std::size_t>(parentheses),
                             ownText(node));
    });
    return shape;
}

/// Without these parentheses the tree is the same: tried, not worked out.
bool isRedundant(std::string_view text, const Expr& paren, const Features& features,
                 const std::string& shape)
{
    const std::string without = applyEdits(text, {{paren.range.begin, paren.range.begin + 1, " "},
                                                  {paren.range.end - 1, paren.range.end, " "}});
    const ParseOutcome outcome = parseAll(without, features);
    return outcome.expr && shapeOf(*outcome.expr) == shape;
}

} // namespace

absl::StatusOr<Edits> wrapSelection(std::string_view text, SourceRange selection,
                                    std::string_view function, const Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    selection = tightened(text, selection);
    const Expr* node = nodeWithRange(*expr, selection);
    if (node == nullptr) {
        return misplaced(selection, "the selection is not a complete expression: extend it to one");
    }
    const FunctionInfo* info = findFunction(function);
    const bool wantsRange =
        info != nullptr && info->typeCount > 0 && info->argumentType(0) == ValueType::Matrix;
    std::string opening = std::string(function) + "(";
    std::string closing = ")";
    if (wantsRange && node->type == ValueType::Vector) {
        if (node->as<VectorSelector>() != nullptr) {
            const LexResult lexed = lex(text, LexMode::Tolerant);
            const std::uint32_t core = selectorText(text, lexed.tokens, node->range).coreEnd;
            return Edits{insertion(selection.begin, opening),
                         replacement({core, selection.end},
                                     "[5m]" + source(text, {core, selection.end}) + ")")};
        }
        closing = node->as<Binary>() != nullptr ? ")[5m:])" : "[5m:])";
        opening += node->as<Binary>() != nullptr ? "(" : "";
    }
    return Edits{insertion(selection.begin, opening), insertion(selection.end, closing)};
}

absl::StatusOr<Edits> swapOperands(std::string_view text, std::size_t at, const Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    const Expr* node = innermost<Binary>(*expr, at);
    if (node == nullptr) {
        return base::invalidArgument("there is no operator here: place the cursor on one");
    }
    const auto& binary = *node->as<Binary>();
    const SourceRange op{binary.opRange.begin, binary.opRange.end + 1};
    const bool isFilter = isComparison(binary.op) && !binary.returnBool &&
                          node->type == ValueType::Vector && binary.lhs->type == binary.rhs->type;
    if (!mayTurn(binary.op) || isFilter) {
        return misplaced(op, "the result depends on the order of these operands");
    }
    const auto side = [&](const Expr& operand) {
        const std::string own = source(text, operand.range);
        // What bound by standing on its side is kept together.
        return operand.as<Binary>() != nullptr ? "(" + own + ")" : own;
    };
    VectorMatching matching = binary.matching;
    if (matching.card == Cardinality::ManyToOne) {
        matching.card = Cardinality::OneToMany;
    } else if (matching.card == Cardinality::OneToMany) {
        matching.card = Cardinality::ManyToOne;
    } else {
        // With a grouping modifier fill_left always stands for the many side.
        std::swap(matching.fillLeft, matching.fillRight);
    }
    return Edits{replacement(binary.lhs->range, side(*binary.rhs)),
                 replacement(op, operatorText(turned(binary.op), binary.returnBool, matching)),
                 replacement(binary.rhs->range, side(*binary.lhs))};
}

absl::StatusOr<Edits> moveGrouping(std::string_view text, std::size_t at, const Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    const Expr* node = innermost<Aggregation>(*expr, at);
    if (node == nullptr) {
        return base::invalidArgument("there is no aggregation here: place the cursor in one");
    }
    const LexResult lexed = lex(text, LexMode::Tolerant);
    const auto& tokens = lexed.tokens;
    const auto& aggregation = *node->as<Aggregation>();
    const auto word = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
        return token.begin == node->range.begin;
    });
    const std::uint32_t bodyEnd = aggregation.expr->range.end;
    for (auto token = word; token != tokens.end() && token->end <= node->range.end; ++token) {
        const bool inBody = token->begin >= (aggregation.param ? aggregation.param->range.begin
                                                               : aggregation.expr->range.begin) &&
                            token->begin < bodyEnd;
        if (inBody || (token->kind != TokenKind::By && token->kind != TokenKind::Without)) {
            continue;
        }
        auto close = token;
        while (close->kind != TokenKind::RightParen) {
            ++close;
        }
        const SourceRange clause{token->begin, close->end};
        const std::string moved = source(text, clause);
        if (clause.begin >= bodyEnd) {
            std::uint32_t from = clause.begin;
            while (from > 0 && text[from - 1] == ' ') {
                --from;
            }
            return Edits{insertion(word->end, " " + moved + " "), {from, clause.end, ""}};
        }
        std::uint32_t to = clause.end;
        while (to < text.size() && text[to] == ' ') {
            ++to;
        }
        return Edits{{word->end, to, ""}, insertion(node->range.end, " " + moved)};
    }
    return misplaced(node->range, "this aggregation has neither by nor without");
}

absl::StatusOr<Edits> removeParentheses(std::string_view text, const Features& features)
{
    Edits edits;
    // Blanks keep the offsets: each pair is tried with those before it gone.
    std::string current(text);
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    const std::string shape = shapeOf(*expr);
    std::vector<const Expr*> pairs;
    walk(*expr, [&pairs](const Expr& node, const Path&) {
        if (node.as<Paren>() != nullptr) {
            pairs.push_back(&node);
        }
    });
    for (const Expr* pair : pairs) {
        if (isRedundant(current, *pair, features, shape)) {
            current[pair->range.begin] = ' ';
            current[pair->range.end - 1] = ' ';
            edits.push_back({pair->range.begin, pair->range.begin + 1, ""});
            edits.push_back({pair->range.end - 1, pair->range.end, ""});
        }
    }
    return edits;
}

absl::StatusOr<Edits> renameLabel(std::string_view text, std::string_view from, std::string_view to,
                                  const Features& features)
{
    NARTHEX_RETURN_IF_ERROR(parse(text, features).status());
    if (to.empty()) {
        return base::invalidArgument("a label needs a name");
    }
    const LexResult lexed = lex(text, LexMode::Tolerant);
    const std::string shown = model::isLegacyLabelName(to) ? std::string(to) : model::quote(to);
    Edits edits;
    TokenWalker walker(lexed.tokens);
    while (walker.position() < lexed.tokens.size()) {
        const Token& token = lexed.tokens[walker.position()];
        if (walker.advance() != TokenClass::LabelName) {
            continue;
        }
        const std::string own = source(text, {token.begin, token.end});
        const std::string name =
            token.kind == TokenKind::String ? unquoteString(own).value_or(own) : own;
        if (name == from) {
            edits.push_back(replacement({token.begin, token.end}, shown));
        }
    }
    return edits;
}

absl::StatusOr<Extraction> extractRule(std::string_view text, SourceRange selection,
                                       std::string_view name, const Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    selection = tightened(text, selection);
    const Expr* node = nodeWithRange(*expr, selection);
    if (node == nullptr) {
        return misplaced(selection, "the selection is not a complete expression: extend it to one");
    }
    if (node->type != ValueType::Vector) {
        return misplaced(selection, "only instant vectors can be recorded");
    }
    if (!model::isLegacyMetricName(name)) {
        return base::invalidArgument("{} is no name for a recorded series", model::quote(name));
    }
    return Extraction{{replacement(selection, std::string(name))}, print(unwrapParens(*node))};
}

absl::StatusOr<Edits> inlineRule(std::string_view text, std::string_view name,
                                 std::string_view expression, const Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const ExprPtr expr, parse(text, features));
    NARTHEX_RETURN_IF_ERROR(parse(expression, features).status());
    Edits edits;
    walk(*expr, [&](const Expr& node, const Path&) {
        const auto* selector = node.as<VectorSelector>();
        if (selector != nullptr && selector->matchers.size() == 1 && metricOf(*selector) == name &&
            selector->offset.isZero() && selector->at.kind == At::Kind::None) {
            edits.push_back(replacement(node.range, fmt::format("({})", expression)));
        }
    });
    return edits;
}

} // namespace narthex::promql::editor
