// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/binary_cells.h"

#include "core/promql/eval.h"
#include "core/promql/histogram_math.h"

#include <fmt/format.h>

namespace narthex::promql {
namespace {

CellValue histogramCell(model::FloatHistogram histogram)
{
    return {.kind = Cell::Histogram,
            .histogram = std::make_shared<model::FloatHistogram>(std::move(histogram))};
}

} // namespace

CellValue CellOperator::incompatible(Cell left, Cell right)
{
    typesMet_[left == Cell::Histogram ? 1 : 0][right == Cell::Histogram ? 1 : 0] = true;
    return {};
}

CellValue CellOperator::apply(const CellValue& left, const CellValue& right)
{
    if (left.kind == Cell::Float && right.kind == Cell::Float) {
        if (isTrim(op_)) {
            return incompatible(left.kind, right.kind);
        }
        CellValue result{.kind = Cell::Float};
        result.value = applyOperator(op_, left.value, right.value, result.keep);
        return result;
    }
    if (left.kind == Cell::Histogram && right.kind == Cell::Histogram) {
        return ofHistograms(left, right);
    }
    const bool histogramLeft = left.kind == Cell::Histogram;
    const HistogramPtr& histogram = histogramLeft ? left.histogram : right.histogram;
    const double number = histogramLeft ? right.value : left.value;
    if (op_ == TokenKind::Mul || (op_ == TokenKind::Div && histogramLeft)) {
        model::FloatHistogram result = *histogram;
        op_ == TokenKind::Mul ? scale(result, number) : divide(result, number);
        return histogramCell(std::move(result));
    }
    if (isTrim(op_) && histogramLeft) {
        return histogramCell(trim(*histogram, number, op_ == TokenKind::TrimUpper));
    }
    return incompatible(left.kind, right.kind);
}

CellValue CellOperator::ofHistograms(const CellValue& left, const CellValue& right)
{
    switch (op_) {
    case TokenKind::Add:
    case TokenKind::Sub:
        return sumOrDifference(left, right);
    case TokenKind::CompareEqual:
    case TokenKind::NotEqual: {
        CellValue result = left;
        const bool same = sameHistogram(*left.histogram, *right.histogram);
        result.keep = same == (op_ == TokenKind::CompareEqual);
        return result;
    }
    default:
        return incompatible(left.kind, right.kind);
    }
}

CellValue CellOperator::sumOrDifference(const CellValue& left, const CellValue& right)
{
    model::FloatHistogram result = *left.histogram;
    AddNotes met;
    const bool adding = op_ == TokenKind::Add;
    if (adding ? !add(result, *right.histogram, met) : !subtract(result, *right.histogram, met)) {
        layoutsMet_ = true;
        return {};
    }
    if (met.resetConflict) {
        notes_.add(adding ? Note::ResetConflictAddition : Note::ResetConflictSubtraction);
    }
    if (met.boundsReconciled) {
        notes_.add(adding ? Note::BoundsAddition : Note::BoundsSubtraction);
    }
    return histogramCell(compacted(result));
}

void CellOperator::report(Notes& notes)
{
    notes.add(where_, notes_, {});
    if (layoutsMet_) {
        notes.warn(where_,
                   fmt::format("incompatible bucket layout encountered for binary operator {}",
                               tokenText(op_)));
    }
    constexpr const char* kKinds[2] = {"float", "histogram"};
    for (int left = 0; left < 2; ++left) {
        for (int right = 0; right < 2; ++right) {
            if (typesMet_[left][right]) {
                notes.inform(where_, fmt::format("incompatible sample types encountered for binary "
                                                 "operator \"{}\": {} {} {}",
                                                 tokenText(op_), kKinds[left], tokenText(op_),
                                                 kKinds[right]));
            }
        }
    }
}

} // namespace narthex::promql
