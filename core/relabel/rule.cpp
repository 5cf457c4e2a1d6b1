// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/relabel/relabel.h"
#include "core/yaml/field_printer.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace narthex::relabel {
namespace {

constexpr std::array<std::string_view, 11> kActions = {
    "replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
    "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"};

bool isValidName(std::string_view name, NameScheme scheme)
{
    return scheme == NameScheme::Legacy ? model::isLegacyLabelName(name)
                                        : !name.empty() && base::isValidUtf8(name);
}

/// A target or replacement that may contain `$1`.
bool isValidTemplate(std::string_view text, NameScheme scheme)
{
    if (scheme == NameScheme::Utf8) {
        return !text.empty() && base::isValidUtf8(text);
    }
    static const re2::RE2 legacy(R"((?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+)");
    return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), legacy);
}

bool needsTarget(Action action)
{
    switch (action) {
    case Action::Replace:
    case Action::HashMod:
    case Action::Lowercase:
    case Action::Uppercase:
    case Action::KeepEqual:
    case Action::DropEqual:
        return true;
    case Action::Keep:
    case Action::Drop:
    case Action::LabelMap:
    case Action::LabelDrop:
    case Action::LabelKeep:
        return false;
    }
    return false;
}

bool takesPlainTarget(Action action)
{
    return action == Action::Lowercase || action == Action::Uppercase ||
           action == Action::KeepEqual || action == Action::DropEqual;
}

absl::Status checkTarget(const Rule& rule, NameScheme scheme)
{
    const std::string_view action = actionText(rule.action);
    if (needsTarget(rule.action) && rule.targetLabel.empty()) {
        return base::invalidArgument(
            "relabel configuration for {} action requires 'target_label' value", action);
    }
    const bool hasDollar = rule.targetLabel.find('$') != std::string::npos;
    bool valid = true;
    if (rule.action == Action::Replace) {
        valid = hasDollar ? isValidTemplate(rule.targetLabel, scheme)
                          : isValidName(rule.targetLabel, scheme);
    } else if (takesPlainTarget(rule.action) || rule.action == Action::HashMod) {
        valid = isValidName(rule.targetLabel, scheme);
    }
    if (!valid) {
        return base::invalidArgument("{} is invalid 'target_label' for {} action",
                                     model::quote(rule.targetLabel), action);
    }
    return absl::OkStatus();
}

absl::Status checkUnusedFields(const Rule& rule)
{
    const Rule defaults;
    const bool onlyRegex = rule.sourceLabels.empty() && rule.targetLabel.empty() &&
                           rule.modulus == 0 && rule.separator == defaults.separator &&
                           rule.replacement == defaults.replacement;
    const bool onlySourceAndTarget = !rule.regex && rule.modulus == 0 &&
                                     rule.separator == defaults.separator &&
                                     rule.replacement == defaults.replacement;
    const std::string_view action = actionText(rule.action);
    if ((rule.action == Action::KeepEqual || rule.action == Action::DropEqual) &&
        !onlySourceAndTarget) {
        return base::invalidArgument(
            "{} action requires only 'source_labels' and `target_label`, and no other fields",
            action);
    }
    if ((rule.action == Action::LabelDrop || rule.action == Action::LabelKeep) && !onlyRegex) {
        return base::invalidArgument("{} action requires only 'regex', and no other fields",
                                     action);
    }
    return absl::OkStatus();
}

/// `(?<name>…)` as `(?P<name>…)`, which every version of RE2 reads. Escaped and quoted text and
/// character classes stay.
std::string withKnownGroups(std::string_view regex)
{
    std::string out;
    bool inClass = false;
    for (std::size_t i = 0; i < regex.size(); ++i) {
        const std::string_view rest = regex.substr(i);
        if (rest.starts_with("\\Q")) {
            const std::size_t end = std::min(rest.find("\\E"), rest.size());
            out += rest.substr(0, end);
            i += end - 1;
        } else if (rest.front() == '\\' && rest.size() > 1) {
            out += rest.substr(0, 2);
            ++i;
        } else if (!inClass && rest.starts_with("(?<")) {
            out += "(?P<";
            i += 2;
        } else {
            inClass = inClass ? rest.front() != ']' : rest.front() == '[';
            out += rest.front();
        }
    }
    return out;
}

absl::Status compile(Rule& rule)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    const std::string wrapped = "^(?s:" + withKnownGroups(rule.regex.value_or("(.*)")) + ")$";
    auto compiled = std::make_shared<const re2::RE2>(wrapped, options);
    if (!compiled->ok()) {
        return base::invalidArgument("error parsing regexp: {}", compiled->error());
    }
    rule.compiled = std::move(compiled);
    return absl::OkStatus();
}

std::optional<Action> parseAction(std::string_view text)
{
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto found = std::find(kActions.begin(), kActions.end(), lower);
    if (found == kActions.end()) {
        return std::nullopt;
    }
    return static_cast<Action>(found - kActions.begin());
}

} // namespace

std::string_view actionText(Action action) { return kActions[static_cast<std::size_t>(action)]; }

absl::Status validate(Rule& rule, NameScheme scheme)
{
    for (const std::string& name : rule.sourceLabels) {
        if (!isValidName(name, NameScheme::Utf8)) {
            return base::invalidArgument("{} is not a valid label name", model::quote(name));
        }
    }
    if (rule.action == Action::HashMod && rule.modulus == 0) {
        return base::invalidArgument("relabel configuration for hashmod requires non-zero modulus");
    }
    NARTHEX_RETURN_IF_ERROR(checkTarget(rule, scheme));
    if (takesPlainTarget(rule.action) && rule.replacement != Rule().replacement &&
        (rule.action == Action::Lowercase || rule.action == Action::Uppercase)) {
        return base::invalidArgument("'replacement' can not be set for {} action",
                                     actionText(rule.action));
    }
    if (rule.action == Action::LabelMap && !isValidTemplate(rule.replacement, scheme)) {
        return base::invalidArgument("{} is invalid 'replacement' for labelmap action",
                                     model::quote(rule.replacement));
    }
    NARTHEX_RETURN_IF_ERROR(checkUnusedFields(rule));
    return compile(rule);
}

std::optional<Rule> decodeRule(const yaml::Value& value, NameScheme scheme)
{
    Rule rule;
    yaml::Object object(value, "relabel.Config");
    object.field("source_labels", rule.sourceLabels);
    object.field("separator", rule.separator);
    object.field("modulus", rule.modulus);
    object.field("target_label", rule.targetLabel);
    object.field("replacement", rule.replacement);
    if (const auto regex = object.take("regex")) {
        regex->into(rule.regex.emplace());
    }
    if (const auto action = object.take("action")) {
        std::string text;
        if (action->isNull()) {
            action->fail("relabel action cannot be empty");
            return std::nullopt;
        }
        if (!action->into(text)) {
            return std::nullopt;
        }
        const auto parsed = parseAction(text);
        if (!parsed) {
            action->fail(fmt::format("unknown relabel action {}", model::quote(text)));
            return std::nullopt;
        }
        rule.action = *parsed;
    }
    object.finish();
    if (const absl::Status status = validate(rule, scheme); !status.ok()) {
        value.fail(std::string(base::messageOf(status)));
        return std::nullopt;
    }
    return rule;
}

std::vector<Rule> decodeRules(const yaml::Value& value, NameScheme scheme,
                              std::string_view nullMessage)
{
    std::vector<Rule> rules;
    for (const yaml::Value& element : value.elements()) {
        if (element.isNull()) {
            element.fail(std::string(nullMessage));
            continue;
        }
        if (auto rule = decodeRule(element, scheme)) {
            rules.push_back(std::move(*rule));
        }
    }
    return rules;
}

namespace {

YAML::Node printRule(const Rule& rule)
{
    YAML::Node node(YAML::NodeType::Map);
    const auto put = [&node](const char* key, const std::string& value) {
        node.force_insert(key, yaml::stringNode(value));
    };
    if (!rule.sourceLabels.empty()) {
        YAML::Node labels(YAML::NodeType::Sequence);
        labels.SetStyle(YAML::EmitterStyle::Flow);
        for (const std::string& label : rule.sourceLabels) {
            labels.push_back(yaml::stringNode(label));
        }
        node.force_insert("source_labels", labels);
    }
    put("separator", rule.separator);
    if (rule.regex) {
        put("regex", *rule.regex);
    }
    if (rule.modulus != 0) {
        node.force_insert("modulus", std::to_string(rule.modulus));
    }
    if (!rule.targetLabel.empty()) {
        put("target_label", rule.targetLabel);
    }
    put("replacement", rule.replacement);
    put("action", std::string(actionText(rule.action)));
    return node;
}

} // namespace

void describeRules(yaml::Fields& fields, std::string_view name, std::vector<Rule>& rules,
                   NameScheme scheme, std::string_view nullMessage)
{
    if (fields.reading()) {
        if (const auto value = fields.take(name)) {
            rules = decodeRules(*value, scheme, nullMessage);
        }
        return;
    }
    if (rules.empty()) {
        return;
    }
    YAML::Node list(YAML::NodeType::Sequence);
    for (const Rule& rule : rules) {
        list.push_back(printRule(rule));
    }
    fields.print(name, list);
}

} // namespace narthex::relabel
