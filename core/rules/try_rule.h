// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A rule once, now, without consequences: its elements, and the alerts or series they would become.
// Owner: values. Threads: any; blocks on a query. Errors: those of the query, and a result that is
// no vector. Source: spec/rules.md, 3, 4.1 and 16.
#pragma once

#include "core/rules/alert_labels.h"
#include "core/rules/rule_file.h"

#include <absl/status/statusor.h>

#include <stop_token>
#include <vector>

namespace narthex::rules {

struct TriedElement
{
    /// Of the expression's result.
    model::Labels element;
    SampleValue value = 0.0;
    /// The alert's identity, or the recorded series.
    model::Labels labels;
    /// Alerts only; templates that fail leave their error.
    model::Labels annotations;
    /// Another element has the same `labels`: the rule would fail.
    bool isRepeated = false;
};

struct TriedRule
{
    std::vector<TriedElement> elements;
    std::vector<promql::Annotation> annotations;
    /// Why the rule would fail although its query works: equal label sets, the limit. OK: it would
    /// not.
    absl::Status failure;
};

/// `queryTime`: the time less the query offset. `limit` 0: none.
absl::StatusOr<TriedRule> tryRule(const Rule& rule, base::Timestamp time, base::Timestamp queryTime,
                                  std::int64_t limit, const AlertSurroundings& surroundings,
                                  const promql::Engine& engine, const storage::Queryable& store,
                                  const std::stop_token& stop);

} // namespace narthex::rules
