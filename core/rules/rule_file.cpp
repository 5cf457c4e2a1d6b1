// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_file.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/rules/rule_check.h"
#include "core/yaml/decode.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace narthex::rules {
namespace {

/// A group with the places of its parts.
struct GroupSource
{
    yaml::Value whole;
    RuleGroup group;
    std::vector<RuleSource> rules;
};

RuleSource decodeRule(const yaml::Value& value)
{
    RuleSource source{.whole = value};
    yaml::Object object(value, "rulefmt.Rule");
    Rule& rule = source.rule;
    rule.line = value.line();
    if ((source.record = object.take("record"))) {
        source.record->into(rule.name);
    }
    if ((source.alert = object.take("alert"))) {
        source.alert->into(rule.name);
        rule.kind = source.alert->isNull() ? RuleKind::Recording : RuleKind::Alerting;
    }
    if ((source.expr = object.take("expr"))) {
        source.expr->into(rule.expressionText);
    }
    source.hasFor = object.field("for", rule.holdFor);
    source.hasKeepFiringFor = object.field("keep_firing_for", rule.keepFiringFor);
    object.field("labels", rule.labels);
    object.field("annotations", rule.annotations);
    object.finish();
    return source;
}

GroupSource decodeGroup(const yaml::Value& value)
{
    GroupSource source{.whole = value};
    yaml::Object object(value, "rulefmt.RuleGroup");
    object.field("name", source.group.name);
    object.field("interval", source.group.interval);
    object.field("query_offset", source.group.queryOffset);
    object.field("limit", source.group.limit);
    object.field("labels", source.group.labels);
    if (const auto rules = object.take("rules")) {
        for (const yaml::Value& rule : rules->elements()) {
            source.rules.push_back(decodeRule(rule));
        }
    }
    object.finish();
    return source;
}

void checkGroup(GroupSource& source, std::set<std::string>& names, const promql::Features& features)
{
    const RuleGroup& group = source.group;
    if (group.name.empty()) {
        source.whole.fail("Groupname must not be empty");
    }
    if (!names.insert(group.name).second) {
        source.whole.fail(
            fmt::format("groupname: \"{}\" is repeated in the same file", group.name));
    }
    if (group.queryOffset && group.queryOffset->ns < 0) {
        source.whole.fail(fmt::format("group \"{}\": query_offset is negative", group.name));
    }
    if (group.limit < 0) {
        source.whole.fail(fmt::format("group \"{}\": limit is negative", group.name));
    }
    checkLabels(source.whole, fmt::format("group \"{}\": ", group.name), group.labels);
    for (std::size_t i = 0; i < source.rules.size(); ++i) {
        checkRule(source.rules[i], group.name, i + 1, features);
    }
}

RuleGroup finished(GroupSource source)
{
    RuleGroup group = std::move(source.group);
    if (group.interval && group.interval->ns == 0) {
        group.interval.reset(); // as if it were not there
    }
    for (RuleSource& rule : source.rules) {
        rule.rule.labels.insert(group.labels.begin(), group.labels.end());
        group.rules.push_back(std::move(rule.rule));
    }
    return group;
}

} // namespace

absl::StatusOr<RuleFile> parseRuleFile(const std::string& path, const std::string& text,
                                       const promql::Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<yaml::Document> document,
                             yaml::Document::parse(path, text));
    std::vector<GroupSource> groups;
    yaml::Object root(document->root(), "rulefmt.RuleGroups");
    if (const auto list = root.take("groups")) {
        for (const yaml::Value& group : list->elements()) {
            groups.push_back(decodeGroup(group));
        }
    }
    root.finish();
    // Findings of a file that does not decode would only repeat the same mistakes.
    NARTHEX_RETURN_IF_ERROR(document->status());
    std::set<std::string> names;
    for (GroupSource& group : groups) {
        checkGroup(group, names, features);
    }
    NARTHEX_RETURN_IF_ERROR(document->status());
    RuleFile file{.path = path};
    for (GroupSource& group : groups) {
        file.groups.push_back(finished(std::move(group)));
    }
    return file;
}

absl::StatusOr<RuleFile> loadRuleFile(const std::filesystem::path& path,
                                      const promql::Features& features)
{
    constexpr std::uint64_t kLimitBytes = 64ULL << 20U;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(path, kLimitBytes));
    return parseRuleFile(path.string(), text, features);
}

} // namespace narthex::rules
