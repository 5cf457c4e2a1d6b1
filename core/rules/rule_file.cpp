// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/rule_file.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/promql/printer.h"
#include "core/rules/rule_check.h"
#include "core/yaml/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace narthex::rules {
namespace {

using namespace base::literals;

/// A group with the places of its parts.
struct GroupSource
{
    yaml::Value whole;
    /// The whole group where it has none.
    yaml::Value labels;
    RuleGroup group{};
    std::vector<RuleSource> rules{};
};

void finish(yaml::Object& object, const RuleFileOptions& options)
{
    if (!options.ignoreUnknownFields) {
        object.finish();
    }
}

RuleSource decodeRule(const yaml::Value& value, const RuleFileOptions& options)
{
    RuleSource source{.whole = value};
    yaml::Object object(value, "rulefmt.Rule");
    Rule& rule = source.rule;
    rule.line = value.line();
    if ((source.record = object.take("record"))) {
        source.record->into(source.recordName);
    }
    if ((source.alert = object.take("alert"))) {
        source.alert->into(source.alertName);
    }
    rule.kind = source.alertName.empty() ? RuleKind::Recording : RuleKind::Alerting;
    rule.name = source.alertName.empty() ? source.recordName : source.alertName;
    if ((source.expr = object.take("expr"))) {
        source.expr->into(rule.expressionText);
    }
    object.field("for", rule.holdFor);
    object.field("keep_firing_for", rule.keepFiringFor);
    if ((source.labels = object.take("labels"))) {
        source.labels->into(rule.labels);
    }
    if ((source.annotations = object.take("annotations"))) {
        source.annotations->into(rule.annotations);
    }
    finish(object, options);
    return source;
}

GroupSource decodeGroup(const yaml::Value& value, const RuleFileOptions& options)
{
    GroupSource source{.whole = value, .labels = value};
    yaml::Object object(value, "rulefmt.RuleGroup");
    object.field("name", source.group.name);
    object.field("interval", source.group.interval);
    object.field("query_offset", source.group.queryOffset);
    object.field("limit", source.group.limit);
    if (const auto labels = object.take("labels")) {
        source.labels = *labels;
        labels->into(source.group.labels);
    }
    if (const auto rules = object.take("rules")) {
        for (const yaml::Value& rule : rules->elements()) {
            source.rules.push_back(decodeRule(rule, options));
        }
    }
    finish(object, options);
    return source;
}

void checkGroup(GroupSource& source, std::set<std::string>& names, const RuleFileOptions& options)
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
    checkLabels(source.labels, fmt::format("group \"{}\": ", group.name), group.labels,
                options.nameScheme);
    for (std::size_t i = 0; i < source.rules.size(); ++i) {
        checkRule(source.rules[i], group.name, i + 1, options);
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

/// A line `---` behind some content begins a second document.
bool hasSecondDocument(std::string_view text)
{
    bool content = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool marker =
            line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\r');
        if (marker && content) {
            return true;
        }
        const std::size_t first = line.find_first_not_of(" \t\r");
        content = content || (!marker && first != std::string_view::npos && line[first] != '#' &&
                              line[0] != '%');
    }
    return false;
}

void printMap(std::string& out, std::string_view field,
              const std::map<std::string, std::string>& map)
{
    for (const auto& [name, value] : map) {
        out += fmt::format("    {} {}: {}\n", field, model::quote(name), model::quote(value));
    }
}

} // namespace

std::string identityOf(const Rule& rule)
{
    std::string text = rule.kind == RuleKind::Alerting ? "alert" : "record";
    text += model::quote(rule.name);
    for (const auto& [name, value] : rule.labels) {
        text += fmt::format(",{}={}", model::quote(name), model::quote(value));
    }
    return text;
}

std::string printGroup(const RuleGroup& group)
{
    std::string text = fmt::format("group: {}\ninterval: {}\nquery_offset: {}\nlimit: {}\n",
                                   model::quote(group.name), group.interval.value_or(0_ns).ns,
                                   group.queryOffset ? group.queryOffset->ns : -1, group.limit);
    for (const Rule& rule : group.rules) {
        text += fmt::format("  {}: {}\n    expr: {}\n    for: {}\n    keep_firing_for: {}\n",
                            rule.kind == RuleKind::Alerting ? "alert" : "record",
                            model::quote(rule.name), promql::print(*rule.expression),
                            rule.holdFor.ns, rule.keepFiringFor.ns);
        printMap(text, "label", rule.labels);
        printMap(text, "annotation", rule.annotations);
    }
    return text;
}

absl::StatusOr<RuleFile> parseRuleFile(const std::string& path, const std::string& text,
                                       const RuleFileOptions& options)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::unique_ptr<yaml::Document> document,
                             yaml::Document::parse(path, text));
    std::vector<GroupSource> groups;
    yaml::Object root(document->root(), "rulefmt.RuleGroups");
    if (const auto list = root.take("groups")) {
        for (const yaml::Value& group : list->elements()) {
            groups.push_back(decodeGroup(group, options));
        }
    }
    finish(root, options);
    // Findings of a file that does not decode would only repeat the same mistakes.
    NARTHEX_RETURN_IF_ERROR(document->status());
    std::set<std::string> names;
    for (GroupSource& group : groups) {
        checkGroup(group, names, options);
    }
    NARTHEX_RETURN_IF_ERROR(document->status());
    RuleFile file{.path = path};
    for (GroupSource& group : groups) {
        file.groups.push_back(finished(std::move(group)));
    }
    if (hasSecondDocument(text)) {
        file.warnings.push_back(
            path + ": there is a second document, which is ignored; put all groups into the first");
    }
    return file;
}

absl::StatusOr<RuleFile> loadRuleFile(const std::filesystem::path& path,
                                      const RuleFileOptions& options)
{
    constexpr std::uint64_t kLimitBytes = 64ULL << 20U;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(path, kLimitBytes));
    return parseRuleFile(path.string(), text, options);
}

} // namespace narthex::rules
