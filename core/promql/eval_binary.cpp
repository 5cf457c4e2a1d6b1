// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Binary operators. Source: spec/promql.md, Binary operators.
#include "core/base/status.h"
#include "core/promql/binary_cells.h"
#include "core/promql/eval.h"
#include "core/promql/vector_matching.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {

double applyOperator(TokenKind op, double left, double right, bool& keep)
{
    switch (op) {
    case TokenKind::Add:
        return left + right;
    case TokenKind::Sub:
        return left - right;
    case TokenKind::Mul:
        return left * right;
    case TokenKind::Div:
        return left / right;
    case TokenKind::Mod:
        return std::fmod(left, right);
    case TokenKind::Pow:
        return std::pow(left, right);
    case TokenKind::Atan2:
        return std::atan2(left, right);
    case TokenKind::CompareEqual:
        keep = left == right;
        return left;
    case TokenKind::NotEqual:
        keep = left != right;
        return left;
    case TokenKind::Less:
        keep = left < right;
        return left;
    case TokenKind::LessEqual:
        keep = left <= right;
        return left;
    case TokenKind::Greater:
        keep = left > right;
        return left;
    case TokenKind::GreaterEqual:
        keep = left >= right;
        return left;
    default:
        keep = false;
        return left;
    }
}

namespace {

/// Vector and scalar, in the order of the text; `swapped`: the scalar stands left.
absl::StatusOr<Rows> withScalar(Run& run, const Expr& expr, const Binary& node, Rows rows,
                                const ScalarColumn& scalar, bool swapped)
{
    const bool filters = isComparison(node.op) && !node.returnBool;
    CellOperator cells(node.op, expr.range);
    for (Row& row : rows) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::None) {
                continue;
            }
            if (row.cells[i] == Cell::Float && !isTrim(node.op)) {
                bool keep = true;
                const double value = row.values[i];
                const double result = swapped ? applyOperator(node.op, scalar[i], value, keep)
                                              : applyOperator(node.op, value, scalar[i], keep);
                if (node.returnBool) {
                    row.values[i] = keep ? 1 : 0;
                } else if (!keep) {
                    row.cells[i] = Cell::None;
                } else if (!filters) {
                    row.values[i] = result;
                }
                continue;
            }
            const CellValue own = CellValue::of(row, i);
            const CellValue number{.kind = Cell::Float, .value = scalar[i]};
            CellValue result = swapped ? cells.apply(number, own) : cells.apply(own, number);
            // A filter keeps the vector's element, wherever it stands.
            if (node.returnBool && result.kind != Cell::None) {
                result = {.kind = Cell::Float, .value = result.keep ? 1.0 : 0.0};
                result.keep = true;
            }
            row.cells[i] = Cell::None;
            if (result.kind != Cell::None && result.keep) {
                result.put(row, i);
            }
        }
    }
    cells.report(run.notes());
    removeEmpty(rows);
    if (!filters && !isTrim(node.op)) {
        NARTHEX_RETURN_IF_ERROR(dropNames(run, rows));
    }
    return rows;
}

} // namespace

absl::StatusOr<Rows> evalBinary(Run& run, const Grid& grid, const Expr& expr, const Binary& node)
{
    if (node.lhs->type == ValueType::Scalar) {
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn scalar, evalScalar(run, grid, *node.lhs));
        NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.rhs));
        return withScalar(run, expr, node, std::move(rows), scalar, true);
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows left, evalVector(run, grid, *node.lhs));
    if (node.rhs->type == ValueType::Scalar) {
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn scalar, evalScalar(run, grid, *node.rhs));
        return withScalar(run, expr, node, std::move(left), scalar, false);
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows right, evalVector(run, grid, *node.rhs));
    if (isSetOperator(node.op)) {
        return evalSetOperator(run, grid, node, std::move(left), std::move(right));
    }
    return evalVectorMatching(run, grid, expr, node, std::move(left), std::move(right));
}

} // namespace narthex::promql
