// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One operation on two elements, floats or histograms.
// Owner: the evaluation of one operator. Threads: one. Source: spec/promql.md, Operand kinds.
#pragma once

#include "core/promql/batch.h"
#include "core/promql/notes.h"
#include "core/promql/token.h"

namespace narthex::promql {

struct CellValue
{
    Cell kind = Cell::None;
    double value = 0;
    HistogramPtr histogram{};
    /// Comparisons: whether it holds.
    bool keep = true;

    static CellValue of(const Row& row, std::size_t i)
    {
        CellValue cell{.kind = row.cells[i], .value = row.values[i]};
        if (cell.kind == Cell::Histogram) {
            cell.histogram = row.histograms[i];
        }
        return cell;
    }
    void put(Row& row, std::size_t i) const
    {
        if (kind == Cell::Float) {
            row.setFloat(i, value);
        } else if (kind == Cell::Histogram) {
            row.setHistogram(i, histogram);
        }
    }
};

class CellOperator
{
public:
    CellOperator(TokenKind op, SourceRange where) : op_(op), where_(where) {}

    /// Kind None: the operands do not go together. Comparisons give the left element and set
    /// `keep`.
    CellValue apply(const CellValue& left, const CellValue& right);
    /// What was met, once.
    void report(Notes& notes);

private:
    CellValue incompatible(Cell left, Cell right);
    CellValue ofHistograms(const CellValue& left, const CellValue& right);
    CellValue sumOrDifference(const CellValue& left, const CellValue& right);

    const TokenKind op_;
    const SourceRange where_;
    NoteBits notes_;
    bool layoutsMet_ = false;
    /// By [left is histogram][right is histogram].
    bool typesMet_[2][2] = {};
};

} // namespace narthex::promql
