// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// From an element of a rule's result to the labels and annotations of its alert, and to the series
// that tell of it. Owner: values. Threads: const members from any. Errors: a template that does not
// expand leaves its error as the text. Source: spec/rules.md, 4.1, 4.2, 4.6 and 8.2.
#pragma once

#include "core/base/log.h"
#include "core/gotemplate/alert_templates.h"
#include "core/model/alert.h"
#include "core/promql/engine.h"
#include "core/rules/alert_state.h"
#include "core/rules/rule_file.h"
#include "core/rules/rule_metrics.h"

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::rules {

inline constexpr std::string_view kAlertName = "alertname";
inline constexpr std::string_view kAlertState = "alertstate";
inline constexpr std::string_view kAlertsMetric = "ALERTS";
inline constexpr std::string_view kForStateMetric = "ALERTS_FOR_STATE";

/// What templates see besides the element, and what links point to.
struct AlertSurroundings
{
    model::Labels externalLabels;
    /// "http://host:9090", without a slash at the end.
    std::string externalUrl;
    friend bool operator==(const AlertSurroundings&, const AlertSurroundings&) = default;
};

class AlertTemplates
{
public:
    /// The rule was checked: templates that do not parse are kept as text.
    explicit AlertTemplates(const Rule& rule);

    struct Context
    {
        const AlertSurroundings& surroundings;
        base::Timestamp now;
        const gotemplate::QueryFunction& query;
        const base::Logger& log;
        std::stop_token stop{};
        /// May be null: nobody counts.
        TemplateCounts* counts = nullptr;
    };
    [[nodiscard]] AlertElement expand(const promql::VectorElement& element,
                                      const Context& context) const;

private:
    struct Text
    {
        std::string name;
        std::string text;
        std::optional<gotemplate::AlertTemplate> parsed;
    };
    [[nodiscard]] std::string expandOne(const Text& text, const gotemplate::AlertTemplateData& data,
                                        const Context& context) const;
    static std::vector<Text> parse(const std::string& alert,
                                   const std::map<std::string, std::string>& texts);

    std::string alert_;
    std::vector<Text> labels_;
    std::vector<Text> annotations_;
};

/// `query` of templates: instant queries at `time`.
gotemplate::QueryFunction templateQueries(const promql::Engine& engine,
                                          const storage::Queryable& store, base::Timestamp time,
                                          std::stop_token stop);

/// `alertname`, `alertstate` unless it is empty, and the alert's labels.
model::Labels alertSeries(std::string_view metric, const model::Labels& alert,
                          std::string_view state);

/// `<external URL>/graph?g0.expr=…&g0.tab=1`
std::string generatorUrl(std::string_view externalUrl, std::string_view query);

/// As it leaves.
model::Alert toModel(const ActiveAlert& alert, const std::string& generatorUrl);

} // namespace narthex::rules
