// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_check.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/gotemplate/alert_templates.h"
#include "core/promql/parser.h"

#include <fmt/format.h>

namespace narthex::rules {
namespace {

using relabel::NameScheme;

bool isMetricName(std::string_view name, NameScheme scheme)
{
    return scheme == NameScheme::Legacy ? model::isLegacyMetricName(name)
                                        : !name.empty() && base::isValidUtf8(name);
}

bool isLabelName(std::string_view name, NameScheme scheme)
{
    return scheme == NameScheme::Legacy ? model::isLegacyLabelName(name)
                                        : !name.empty() && base::isValidUtf8(name);
}

/// The value of one key of a mapping; the mapping itself where the key comes from elsewhere (a
/// merge).
yaml::Value entryOf(const yaml::Value& map, const std::string& name)
{
    if (map.isMap()) {
        for (const auto& entry : map.node()) {
            if (entry.first.IsScalar() && entry.first.Scalar() == name) {
                return {entry.second, map.document()};
            }
        }
    }
    return map;
}

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

void checkRecording(const RuleSource& source, const std::string& prefix, NameScheme scheme)
{
    const yaml::Value& record = *source.record;
    const auto refuse = [&](bool isThere, std::string_view field) {
        if (isThere) {
            record.fail(fmt::format("{}invalid field '{}' in recording rule", prefix, field));
        }
    };
    refuse(!source.rule.annotations.empty(), "annotations");
    refuse(source.rule.holdFor.ns != 0, "for");
    refuse(source.rule.keepFiringFor.ns != 0, "keep_firing_for");
    const std::string& name = source.recordName;
    if (name.find_first_of("{}") != std::string::npos) {
        record.fail(fmt::format("{}braces present in the recording rule name; should it be in "
                                "expr?: {}",
                                prefix, name));
    } else if (!isMetricName(name, scheme)) {
        record.fail(fmt::format("{}invalid recording rule name: {}", prefix, model::quote(name)));
    }
}

void checkAnnotationNames(const RuleSource& source, const std::string& prefix, NameScheme scheme)
{
    for (const auto& [name, text] : source.rule.annotations) {
        if (!isLabelName(name, scheme)) {
            entryOf(*source.annotations, name)
                .fail(fmt::format("{}invalid annotation name: {}", prefix, model::quote(name)));
        }
    }
}

void checkTemplates(const yaml::Value& where, const std::string& prefix, std::string_view kind,
                    const std::string& alert, const std::map<std::string, std::string>& texts)
{
    for (const auto& [name, text] : texts) {
        const auto parsed = gotemplate::AlertTemplate::parse("__alert_" + alert, text);
        if (!parsed.ok()) {
            entryOf(where, name)
                .fail(fmt::format("{}{} {}: {}", prefix, kind, model::quote(name),
                                  base::messageOf(parsed.status())));
        }
    }
}

void checkKind(const RuleSource& source, const std::string& prefix)
{
    if (!source.recordName.empty() && !source.alertName.empty()) {
        const YAML::Mark other = source.alert->node().Mark();
        source.record->fail(fmt::format("{}:{}: {}only one of 'record' and 'alert' must be set",
                                        other.line + 1, other.column + 1, prefix));
    } else if (source.recordName.empty() && source.alertName.empty()) {
        source.whole.fail(prefix + "one of 'record' or 'alert' must be set");
    }
}

} // namespace

void checkLabels(const yaml::Value& where, std::string_view prefix,
                 const std::map<std::string, std::string>& labels, NameScheme scheme)
{
    for (const auto& [name, value] : labels) {
        if (!isLabelName(name, scheme) || name == model::kMetricName) {
            entryOf(where, name)
                .fail(fmt::format("{}invalid label name: {}", prefix, model::quote(name)));
        }
        if (!base::isValidUtf8(value)) {
            entryOf(where, name)
                .fail(fmt::format("{}invalid label value: {}", prefix, model::quote(value)));
        }
    }
}

void checkRule(RuleSource& source, std::string_view group, std::size_t number,
               const RuleFileOptions& options)
{
    const std::string prefix =
        fmt::format("group \"{}\", rule {}, \"{}\": ", group, number, source.rule.name);
    checkKind(source, prefix);
    checkExpression(source, prefix, options.features);
    if (!source.recordName.empty()) {
        checkRecording(source, prefix, options.nameScheme);
    }
    const yaml::Value labels = source.labels.value_or(source.whole);
    const yaml::Value annotations = source.annotations.value_or(source.whole);
    checkLabels(labels, prefix, source.rule.labels, options.nameScheme);
    checkAnnotationNames(source, prefix, options.nameScheme);
    if (!source.alertName.empty()) {
        checkTemplates(labels, prefix, "label", source.alertName, source.rule.labels);
        checkTemplates(annotations, prefix, "annotation", source.alertName,
                       source.rule.annotations);
    }
}

} // namespace narthex::rules
