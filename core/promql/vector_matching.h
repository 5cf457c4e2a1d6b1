// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Operators between two vectors: which rows belong together, and the result's labels. Groups are
// found once for all steps. Threads and errors: as eval.h; InvalidArgument for matches that are not
// unique. Source: spec/promql.md, 6.4 to 6.6.
#pragma once

#include "core/promql/eval.h"
#include "core/promql/label_grouping.h"

namespace narthex::promql {

absl::StatusOr<Rows> evalVectorMatching(Run& run, const Grid& grid, const Expr& expr,
                                        const Binary& node, Rows left, Rows right);
absl::StatusOr<Rows> evalSetOperator(Run& run, const Grid& grid, const Binary& node, Rows left,
                                     Rows right);

/// The labels on which rows match: the listed ones, or all but these and the name.
class Signature
{
public:
    explicit Signature(const VectorMatching& matching);
    [[nodiscard]] model::Labels of(const model::Labels& labels) const
    {
        return on_ ? labels.keeping(names_) : labels.without(names_);
    }
    /// Numbers rows by it.
    [[nodiscard]] LabelGrouping grouping() const
    {
        return {on_ ? LabelGrouping::Keeps::Named : LabelGrouping::Keeps::Others, names_};
    }

private:
    const bool on_;
    std::vector<std::string> names_;
};

/// Labels of the row that a many-side and a one-side row give; either may be absent where it is
/// filled in. `dropsName`: a comparison with bool loses the metric name at once.
model::Labels matchedLabels(const Binary& node, const model::Labels& signature,
                            const model::Labels* many, const model::Labels* one, bool dropsName);

} // namespace narthex::promql
