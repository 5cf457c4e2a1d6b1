// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tree of a parsed query. Immutable once the parser has returned it.
// Owner: whoever parsed; a node owns its children. Threads: const, any.
// Units: SourceRange in bytes, Duration in nanoseconds, seconds where a name says so.
#pragma once

#include "core/base/time.h"
#include "core/model/matcher.h"
#include "core/promql/function_table.h"
#include "core/promql/token.h"
#include "core/promql/value.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace narthex::promql {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// Arithmetic on durations, as it stands in ranges and offsets. All values are seconds.
struct DurationExpr
{
    enum class Kind : std::uint8_t
    {
        Number,
        Negate,
        Binary,
        Step,
        Range,
        MinOf,
        MaxOf
    };
    Kind kind = Kind::Number;
    SourceRange range;
    /// Kind::Number
    double seconds = 0;
    bool writtenAsDuration = false;
    /// Kind::Binary
    TokenKind op = TokenKind::Add;
    std::unique_ptr<DurationExpr> lhs;
    std::unique_ptr<DurationExpr> rhs;
    bool parenthesised = false;
};

/// A duration that is known, or an expression that is worked out when start, end and step of the
/// query are known.
struct DurationValue
{
    base::Duration literal;
    std::unique_ptr<DurationExpr> expr;
    [[nodiscard]] bool isZero() const { return expr == nullptr && literal.ns == 0; }
};

struct At
{
    enum class Kind : std::uint8_t
    {
        None,
        Time,
        Start,
        End
    };
    Kind kind = Kind::None;
    base::Timestamp time;
};

struct NumberLiteral
{
    double value = 0;
    /// Written `5m`: printed so, too.
    bool isDuration = false;
};

struct StringLiteral
{
    std::string value;
};

struct VectorSelector
{
    /// As written before the brace; empty when the name is inside, or there is none.
    std::string name;
    /// Includes the one for the name.
    model::Matchers matchers;
    DurationValue offset;
    At at;
    bool anchored = false;
    bool smoothed = false;
};

struct MatrixSelector
{
    VectorSelector selector;
    DurationValue range;
};

struct Subquery
{
    ExprPtr expr;
    DurationValue range;
    /// Zero: the default step.
    DurationValue step;
    DurationValue offset;
    At at;
};

struct Aggregation
{
    TokenKind op = TokenKind::Sum;
    ExprPtr expr;
    /// Null for aggregations without one.
    ExprPtr param;
    std::vector<std::string> grouping;
    bool without = false;
};

struct Call
{
    const FunctionInfo* function = nullptr;
    std::vector<ExprPtr> args;
};

enum class Cardinality : std::uint8_t
{
    OneToOne,
    ManyToOne,
    OneToMany,
    ManyToMany
};

struct VectorMatching
{
    Cardinality card = Cardinality::OneToOne;
    std::vector<std::string> labels;
    bool on = false;
    std::vector<std::string> include;
    std::optional<double> fillLeft;
    std::optional<double> fillRight;
};

struct Binary
{
    TokenKind op = TokenKind::Add;
    ExprPtr lhs;
    ExprPtr rhs;
    bool returnBool = false;
    VectorMatching matching;
    SourceRange opRange;
};

struct Unary
{
    TokenKind op = TokenKind::Sub;
    ExprPtr expr;
};

struct Paren
{
    ExprPtr expr;
};

struct Expr
{
    using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector,
                              Subquery, Aggregation, Call, Binary, Unary, Paren>;
    Node node;
    SourceRange range;
    ValueType type = ValueType::None;
    /// Levels below and including this one: what recursion over the tree needs.
    std::uint32_t depth = 1;

    template <typename T>
    [[nodiscard]] const T* as() const
    {
        return std::get_if<T>(&node);
    }
    template <typename T>
    [[nodiscard]] T* as()
    {
        return std::get_if<T>(&node);
    }
};

/// The node inside any parentheses.
const Expr& unwrapParens(const Expr& expr);

/// Children from left to right.
std::vector<const Expr*> childrenOf(const Expr& expr);

} // namespace narthex::promql
