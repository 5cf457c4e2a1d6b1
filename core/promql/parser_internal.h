// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parser's class, shared by its sources: expressions, selectors, durations. Nobody else
// includes it. Owner: parseAll(). Threads: one.
#pragma once

#include "core/promql/lexer.h"
#include "core/promql/parser.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::internal {

/// Recursive descent with binding strengths. A syntax error stops it (`failed_`, null results);
/// errors of meaning are noted and parsing goes on.
class Parser
{
public:
    Parser(std::string_view text, const Features& features);

    ExprPtr parseQuery();
    /// `name{…}` up to the end of the input.
    ExprPtr parseSelectorOnly();
    std::vector<ParseError> takeErrors() { return std::move(errors_); }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] bool typesChecked() const { return typesChecked_; }

private:
    // Tokens.
    [[nodiscard]] const Token& peek(std::size_t ahead = 0) const;
    [[nodiscard]] TokenKind kind(std::size_t ahead = 0) const { return peek(ahead).kind; }
    Token take();
    bool accept(TokenKind wanted);
    /// Takes it, or fails with "unexpected … in context, expected …".
    bool expect(TokenKind wanted, std::string_view context);
    [[nodiscard]] std::string_view source(const Token& token) const;
    [[nodiscard]] std::uint32_t lastEnd() const;

    // Errors.
    void note(SourceRange range, std::string text);
    /// Null, for returning it.
    std::nullptr_t unexpected(std::string_view context, std::string_view expected = {});

    // Expressions.
    ExprPtr expression(int strength);
    ExprPtr unary();
    ExprPtr binaryTail(ExprPtr lhs, int strength);
    bool binaryModifiers(Binary& node);
    bool matchingClause(Binary& node);
    bool fillClauses(Binary& node);
    bool fillValue(double& value);
    ExprPtr operand();
    ExprPtr primary();
    ExprPtr parenthesised();
    ExprPtr number();
    ExprPtr string();
    ExprPtr call();
    ExprPtr aggregation();
    bool aggregationModifier(Aggregation& node);
    bool arguments(std::vector<ExprPtr>& out, std::string_view context);
    bool labelList(std::vector<std::string>& out, std::string_view context);
    bool numberValue(double& value, bool& isDuration);

    // Selectors and what follows an operand.
    ExprPtr selector();
    bool matchers(VectorSelector& node, SourceRange& whole);
    bool matcher(VectorSelector& node, std::vector<std::string>& quotedNames);
    ExprPtr bracket(ExprPtr expr);
    ExprPtr rangeSelector(ExprPtr expr, DurationValue range, std::uint32_t bracketBegin);
    ExprPtr offset(ExprPtr expr);
    ExprPtr atModifier(ExprPtr expr);
    bool atArgument(At& at, bool& outOfBounds);
    ExprPtr edgeModifier(ExprPtr expr);

    // Durations.
    bool durationValue(DurationValue& out, bool mustBePositive);
    bool offsetValue(DurationValue& out);
    std::unique_ptr<DurationExpr> durationExpression(int strength);
    std::unique_ptr<DurationExpr> durationUnary();
    std::unique_ptr<DurationExpr> durationPrimary();
    std::unique_ptr<DurationExpr> durationFunction();
    bool settle(std::unique_ptr<DurationExpr> expr, DurationValue& out, bool mustBePositive);

    ExprPtr make(Expr::Node node, std::uint32_t begin, std::uint32_t depth = 1);

    // Fixed after construction.
    const std::string_view text_;
    const Features features_;
    LexResult lexed_;
    // State.
    std::size_t at_ = 0;
    int nesting_ = 0;
    bool failed_ = false;
    bool typesChecked_ = false;
    std::vector<ParseError> errors_;
    /// Nodes that had an offset already, also if it was zero.
    std::vector<const Expr*> withOffset_;
};

/// Adds what is wrong with the types to `errors`, and sets the type of each node.
void checkTypes(Expr& expr, std::vector<ParseError>& errors);

/// Trees deeper than this are refused, because everything that walks them is recursive.
inline constexpr std::uint32_t kMaxDepth = 1000;

} // namespace narthex::promql::internal
