// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/try_rule.h"

#include "core/base/status.h"
#include "core/promql/printer.h"
#include "core/rules/evaluated_rule.h"

#include <map>

namespace narthex::rules {
namespace {

/// Marks elements that become the same; the first such label set.
const model::Labels* markRepeated(std::vector<TriedElement>& elements)
{
    std::map<model::Labels, std::size_t> counts;
    for (const TriedElement& element : elements) {
        ++counts[element.labels];
    }
    const model::Labels* first = nullptr;
    for (TriedElement& element : elements) {
        element.isRepeated = counts[element.labels] > 1;
        first = first == nullptr && element.isRepeated ? &element.labels : first;
    }
    return first;
}

} // namespace

absl::StatusOr<TriedRule> tryRule(const Rule& rule, base::Timestamp time, base::Timestamp queryTime,
                                  std::int64_t limit, const AlertSurroundings& surroundings,
                                  const promql::Engine& engine, const storage::Queryable& store,
                                  const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                             engine.instant(store, *rule.expression,
                                            promql::print(*rule.expression), queryTime, {}, stop));
    NARTHEX_ASSIGN_OR_RETURN(const promql::Vector vector, toVector(std::move(result.value)));
    TriedRule tried{.elements = {}, .annotations = std::move(result.annotations), .failure = {}};
    const bool isAlert = rule.kind == RuleKind::Alerting;
    const AlertTemplates templates(rule);
    const gotemplate::QueryFunction queries = templateQueries(engine, store, time, stop);
    const base::Logger log = base::nullLogger();
    for (const promql::VectorElement& element : vector) {
        TriedElement each{
            .element = element.labels, .value = valueOf(element), .labels = {}, .annotations = {}};
        if (isAlert) {
            AlertElement alert = templates.expand(element, {.surroundings = surroundings,
                                                            .now = time,
                                                            .query = queries,
                                                            .log = log,
                                                            .stop = stop});
            each.labels = std::move(alert.labels);
            each.annotations = std::move(alert.annotations);
        } else {
            each.labels = recordedLabels(element.labels, rule);
        }
        tried.elements.push_back(std::move(each));
    }
    if (const model::Labels* const repeated = markRepeated(tried.elements)) {
        tried.failure = base::invalidArgument("vector contains metrics with the same labelset "
                                              "after applying {} labels: {}",
                                              isAlert ? "alert" : "rule", repeated->toString());
    } else if (limit > 0 && tried.elements.size() > static_cast<std::size_t>(limit)) {
        tried.failure =
            base::resourceExhausted("exceeded limit of {} with {} {}", limit, tried.elements.size(),
                                    isAlert ? "alerts" : "series");
    }
    return tried;
}

} // namespace narthex::rules
