// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_check.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

namespace narthex::rules {
namespace {

bool isName(std::string_view name) { return !name.empty() && base::isValidUtf8(name); }

void checkExpression(RuleSource& source, const std::string& prefix,
                     const promql::Features& features)
{
    Rule& rule = source.rule;
    if (rule.expressionText.empty()) {
        source.expr.value_or(source.whole).fail(prefix + "field 'expr' must be set in rule");
        return;
    }
    auto expression = promql::parse(rule.expressionText, features);
    if (!expression.ok()) {
        source.expr->fail(fmt::format("{}could not parse expression: {}", prefix,
                                      base::messageOf(expression.status())));
        return;
    }
    rule.expression = *std::move(expression);
}

void checkRecording(const RuleSource& source, const std::string& prefix)
{
    const yaml::Value& record = *source.record;
    const auto refuse = [&](bool isThere, std::string_view field) {
        if (isThere) {
            record.fail(fmt::format("{}invalid field '{}' in recording rule", prefix, field));
        }
    };
    refuse(!source.rule.annotations.empty(), "annotations");
    refuse(source.hasFor && source.rule.holdFor.ns != 0, "for");
    refuse(source.hasKeepFiringFor && source.rule.keepFiringFor.ns != 0, "keep_firing_for");
    const std::string& name = source.rule.name;
    if (name.find_first_of("{}") != std::string::npos) {
        record.fail(fmt::format("{}braces present in the recording rule name; should it be in "
                                "expr?: {}",
                                prefix, name));
    } else if (!isName(name)) {
        record.fail(fmt::format("{}invalid recording rule name: {}", prefix, model::quote(name)));
    }
}

void checkAnnotations(const RuleSource& source, const std::string& prefix)
{
    for (const auto& [name, text] : source.rule.annotations) {
        if (!isName(name)) {
            source.whole.fail(
                fmt::format("{}invalid annotation name: {}", prefix, model::quote(name)));
        }
    }
}

} // namespace

void checkLabels(const yaml::Value& where, std::string_view prefix,
                 const std::map<std::string, std::string>& labels)
{
    for (const auto& [name, value] : labels) {
        if (!isName(name) || name == model::kMetricName) {
            where.fail(fmt::format("{}invalid label name: {}", prefix, model::quote(name)));
        }
        if (!base::isValidUtf8(value)) {
            where.fail(fmt::format("{}invalid label value: {}", prefix, model::quote(value)));
        }
    }
}

void checkRule(RuleSource& source, std::string_view group, std::size_t number,
               const promql::Features& features)
{
    const std::string prefix =
        fmt::format("group \"{}\", rule {}, \"{}\": ", group, number, source.rule.name);
    const bool hasRecord = source.record && !source.record->isNull();
    const bool hasAlert = source.alert && !source.alert->isNull();
    if (hasRecord && hasAlert) {
        source.record->fail(prefix + "only one of 'record' and 'alert' must be set");
    } else if (!hasRecord && !hasAlert) {
        source.whole.fail(prefix + "one of 'record' or 'alert' must be set");
    }
    checkExpression(source, prefix, features);
    if (hasRecord) {
        checkRecording(source, prefix);
    }
    checkLabels(source.whole, prefix, source.rule.labels);
    checkAnnotations(source, prefix);
}

} // namespace narthex::rules
