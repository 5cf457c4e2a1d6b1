// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/alert_labels.h"

#include "core/base/status.h"
#include "core/net/parameters.h"
#include "core/rules/evaluated_rule.h"

namespace narthex::rules {

std::vector<AlertTemplates::Text>
AlertTemplates::parse(const std::string& alert, const std::map<std::string, std::string>& texts)
{
    std::vector<Text> result;
    for (const auto& [name, text] : texts) {
        Text each{.name = name, .text = text, .parsed = std::nullopt};
        if (auto parsed = gotemplate::AlertTemplate::parse("__alert_" + alert, text); parsed.ok()) {
            each.parsed = *std::move(parsed);
        }
        result.push_back(std::move(each));
    }
    return result;
}

AlertTemplates::AlertTemplates(const Rule& rule)
    : alert_(rule.name),
      labels_(parse(rule.name, rule.labels)),
      annotations_(parse(rule.name, rule.annotations))
{}

std::string AlertTemplates::expandOne(const Text& text, const gotemplate::AlertTemplateData& data,
                                      const Context& context) const
{
    if (!text.parsed) {
        return text.text;
    }
    absl::StatusOr<std::string> expanded = text.parsed->expand(data, context.stop);
    if (context.counts != nullptr) {
        context.counts->expansions += 1;
        context.counts->failures += expanded.ok() ? 0 : 1;
    }
    if (expanded.ok()) {
        return *std::move(expanded);
    }
    context.log->warn("rules: template does not expand alert={} name={} error={}", alert_,
                      text.name, base::messageOf(expanded.status()));
    return fmt::format("<error expanding template: {}>", base::messageOf(expanded.status()));
}

AlertElement AlertTemplates::expand(const promql::VectorElement& element,
                                    const Context& context) const
{
    AlertElement result{.labels = {}, .annotations = {}, .value = valueOf(element)};
    const gotemplate::AlertTemplateData data{.labels = element.labels,
                                             .value = result.value,
                                             .externalLabels = context.surroundings.externalLabels,
                                             .externalUrl = context.surroundings.externalUrl,
                                             .now = context.now,
                                             .query = context.query};
    model::LabelsBuilder labels(element.labels);
    labels.remove(model::kMetricName);
    for (const Text& text : labels_) {
        labels.set(text.name, expandOne(text, data, context));
    }
    labels.set(kAlertName, alert_);
    result.labels = labels.build();
    model::LabelsBuilder annotations;
    for (const Text& text : annotations_) {
        annotations.set(text.name, expandOne(text, data, context));
    }
    result.annotations = annotations.build();
    return result;
}

gotemplate::QueryFunction templateQueries(const promql::Engine& engine,
                                          const storage::Queryable& store, base::Timestamp time,
                                          std::stop_token stop)
{
    return [&engine, &store, time, stop = std::move(stop)](
               std::string_view text) -> absl::StatusOr<std::vector<gotemplate::TemplateSample>> {
        NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                                 engine.instant(store, text, time, {}, stop));
        NARTHEX_ASSIGN_OR_RETURN(promql::Vector vector, toVector(std::move(result.value)));
        std::vector<gotemplate::TemplateSample> samples;
        samples.reserve(vector.size());
        for (promql::VectorElement& element : vector) {
            samples.push_back({.labels = std::move(element.labels), .value = valueOf(element)});
        }
        return samples;
    };
}

model::Labels alertSeries(std::string_view metric, const model::Labels& alert,
                          std::string_view state)
{
    model::LabelsBuilder labels(alert);
    labels.set(model::kMetricName, metric);
    if (!state.empty()) {
        labels.set(kAlertState, state);
    }
    return labels.build();
}

std::string generatorUrl(std::string_view externalUrl, std::string_view query)
{
    std::string escaped = net::percentEncode(query);
    for (std::size_t at = escaped.find("%20"); at != std::string::npos;
         at = escaped.find("%20", at)) {
        escaped.replace(at, 3, "+"); // as Go escapes queries
    }
    return fmt::format("{}/graph?g0.expr={}&g0.tab=1", externalUrl, escaped);
}

model::Alert toModel(const ActiveAlert& alert, const std::string& generatorUrl)
{
    return {.labels = alert.labels,
            .annotations = alert.annotations,
            .startsAt = alert.firedAt,
            .endsAt = alert.resolvedAt ? alert.resolvedAt : alert.validUntil,
            .generatorUrl = generatorUrl};
}

} // namespace narthex::rules
