// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Templates in labels and annotations of alerting rules: the function set of rules, the variables
// $labels, $externalLabels, $externalURL and $value. Owner: a rule. Threads: expand() from any.
// Errors: InvalidArgument as template.h. Source: spec/rules.md, 4.2, 10 and 11.
#pragma once

#include "core/gotemplate/template.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::gotemplate {

/// One sample of an instant query, as templates see it.
struct TemplateSample
{
    model::Labels labels;
    std::variant<double, std::shared_ptr<const model::FloatHistogram>> value = 0.0;
};

/// Evaluates an expression at the time of the expansion.
using QueryFunction =
    std::function<absl::StatusOr<std::vector<TemplateSample>>(std::string_view expression)>;

/// What a template of a rule sees.
struct AlertTemplateData
{
    /// With the metric's name.
    const model::Labels& labels;
    const std::variant<double, std::shared_ptr<const model::FloatHistogram>>& value;
    const model::Labels& externalLabels;
    std::string_view externalUrl;
    base::Timestamp now;
    const QueryFunction& query;
};

/// One label or annotation, parsed once. Text without actions is returned as it is, fast.
class AlertTemplate
{
public:
    /// `name` stands in messages: "__alert_<alert>". Errors: with the position in `text`; unknown
    /// variables and functions are found here.
    static absl::StatusOr<AlertTemplate> parse(std::string_view name, std::string_view text);
    absl::StatusOr<std::string> expand(const AlertTemplateData& data,
                                       std::stop_token stop = {}) const;

private:
    std::shared_ptr<const TemplateSet> set_; // null: plain text
    std::string name_;
    std::string text_;
};

/// The functions of rules and consoles (section 11); those that depend on the evaluation are bound
/// when executing.
Functions prometheusFunctions();
/// `query`, `now`, `externalURL`, `pathPrefix` for one evaluation.
Functions evaluationFunctions(const QueryFunction& query, base::Timestamp now,
                              std::string_view externalUrl);

} // namespace narthex::gotemplate
