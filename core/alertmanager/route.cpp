// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/route.h"

#include "core/base/status.h"
#include "core/yaml/field_reader.h"

#include <algorithm>
#include <set>

namespace narthex::alertmanager {
namespace {

using yaml::Fields;
using yaml::Printing;

void describeGroupBy(Fields& fields, RouteConfig& route)
{
    fields.field("group_by", route.groupBy, Printing::Flow);
    if (!fields.reading() || !route.groupBy) {
        return;
    }
    const std::vector<std::string>& names = *route.groupBy;
    const bool all = std::find(names.begin(), names.end(), "...") != names.end();
    if (all && names.size() > 1) {
        fields.failAt("group_by", "cannot have wildcard group_by (`...`) and other labels at the "
                                  "same time");
        return;
    }
    std::set<std::string_view> seen;
    for (const std::string& name : names) {
        if (name != "..." && !isValidLabelName(name, route.mode)) {
            fields.failAt("group_by",
                          fmt::format("invalid label name \"{}\" in group_by list", name));
        } else if (!seen.insert(name).second) {
            fields.failAt("group_by", fmt::format("duplicated label \"{}\" in group_by", name));
        }
    }
}

void describeTimes(Fields& fields, RouteConfig& route)
{
    fields.field("group_wait", route.groupWait);
    fields.field("group_interval", route.groupInterval);
    fields.field("repeat_interval", route.repeatInterval);
    if (!fields.reading()) {
        return;
    }
    if (route.groupInterval && route.groupInterval->ns == 0) {
        fields.failAt("group_interval", "group_interval cannot be zero");
    }
    if (route.repeatInterval && route.repeatInterval->ns == 0) {
        fields.failAt("repeat_interval", "repeat_interval cannot be zero");
    }
}

void describeChildren(Fields& fields, RouteConfig& route)
{
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        if (!route.routes.empty()) {
            fields.list("routes", route.routes);
        }
        return;
    }
    const auto value = fields.take("routes");
    if (!value) {
        return;
    }
    for (const yaml::Value& element : value->elements()) {
        if (element.isNull()) {
            element.fail("empty or null section in routes");
            continue;
        }
        RouteConfig& child = route.routes.emplace_back();
        child.mode = route.mode;
        yaml::FieldReader each(element, "config.Route", reader->directory(), reader->warnings());
        child.describe(each);
        each.finish();
    }
}

void readOldMap(Fields& fields, std::string_view key, model::MatchType type,
                const std::map<std::string, std::string>& map, model::Matchers& out)
{
    for (const auto& [name, value] : map) {
        if (!model::isLegacyLabelName(name)) {
            fields.failAt(key, fmt::format("invalid label name \"{}\"", name));
            continue;
        }
        auto matcher = model::Matcher::create(type, name, value);
        if (matcher.ok()) {
            out.push_back(*std::move(matcher));
        } else {
            fields.failAt(key, std::string(base::messageOf(matcher.status())));
        }
    }
    if (!map.empty()) {
        fields.warn(key, fmt::format("{} is deprecated: write matchers", key));
    }
}

/// Null values, which a map of texts would read as empty ones.
void refuseNulls(Fields& fields, std::string_view key)
{
    const auto value = fields.take(key);
    if (!value || !value->isMap()) {
        return;
    }
    for (const auto& entry : value->node()) {
        if (yaml::Value(entry.second, value->document()).isNull()) {
            yaml::Value(entry.first, value->document())
                .fail(fmt::format("invalid regexp value for \"{}\"", entry.first.Scalar()));
        }
    }
}

std::unique_ptr<RouteNode> build(const RouteConfig& config, const RouteNode* parent,
                                 std::size_t index)
{
    auto node = std::make_unique<RouteNode>();
    if (parent != nullptr) {
        node->receiver = parent->receiver;
        node->groupByAll = parent->groupByAll;
        node->groupBy = parent->groupBy;
        node->groupWait = parent->groupWait;
        node->groupInterval = parent->groupInterval;
        node->repeatInterval = parent->repeatInterval;
        node->labels = parent->labels;
    }
    if (!config.receiver.empty()) {
        node->receiver = config.receiver;
    }
    if (config.groupBy) {
        node->groupByAll = !config.groupBy->empty() && config.groupBy->front() == "...";
        node->groupBy = node->groupByAll ? std::vector<std::string>() : *config.groupBy;
    }
    node->groupWait = config.groupWait.value_or(node->groupWait);
    node->groupInterval = config.groupInterval.value_or(node->groupInterval);
    node->repeatInterval = config.repeatInterval.value_or(node->repeatInterval);
    for (const auto& [name, value] : config.labels) {
        node->labels[name] = value;
    }
    node->matchers = config.compiled;
    node->continueMatching = config.continueMatching;
    node->muteTimeIntervals = config.muteTimeIntervals;
    node->activeTimeIntervals = config.activeTimeIntervals;
    const std::string own = toText(node->matchers);
    node->key = parent == nullptr ? own : parent->key + "/" + own;
    node->id = parent == nullptr ? own : fmt::format("{}/{}/{}", parent->id, own, index);
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        node->children.push_back(build(config.routes[i], node.get(), i));
    }
    return node;
}

bool walk(const RouteNode& node, const model::Labels& labels, std::vector<const RouteNode*>& out)
{
    if (!model::matchesAll(node.matchers, labels)) {
        return false;
    }
    const std::size_t before = out.size();
    for (const auto& child : node.children) {
        if (walk(*child, labels, out) && !child->continueMatching) {
            break;
        }
    }
    if (out.size() == before) {
        out.push_back(&node);
    }
    return true;
}

} // namespace

void describeMatchers(Fields& fields, const MatcherKeys& keys, MatcherMode mode,
                      std::vector<std::string>& texts, std::map<std::string, std::string>& equal,
                      std::map<std::string, std::string>& regex, model::Matchers& compiled)
{
    fields.field(keys.equal, &equal);
    fields.field(keys.regex, &regex);
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        fields.field(keys.list, &texts);
        return;
    }
    refuseNulls(fields, keys.regex);
    readOldMap(fields, keys.equal, model::MatchType::Equal, equal, compiled);
    readOldMap(fields, keys.regex, model::MatchType::Regex, regex, compiled);
    const auto value = fields.take(keys.list);
    if (!value) {
        return;
    }
    const std::vector<yaml::Value> entries = value->isSequence() || value->isNull()
                                                 ? value->elements()
                                                 : std::vector<yaml::Value>{*value};
    for (const yaml::Value& entry : entries) {
        std::string text;
        if (!entry.into(text)) {
            continue;
        }
        std::vector<std::string> warnings;
        auto matchers = parseMatchers(text, mode, &warnings);
        if (!matchers.ok()) {
            entry.fail(std::string(base::messageOf(matchers.status())));
            continue;
        }
        for (model::Matcher& matcher : *matchers) {
            texts.push_back(toText(matcher));
            compiled.push_back(std::move(matcher));
        }
        for (std::string& warning : warnings) {
            fields.warn(keys.list, std::move(warning));
        }
    }
    sortMatchers(compiled);
}

void RouteConfig::describe(Fields& fields)
{
    fields.field("receiver", &receiver);
    describeGroupBy(fields, *this);
    describeMatchers(fields, {"matchers", "match", "match_re"}, mode, matchers, match, matchRe,
                     compiled);
    fields.field("mute_time_intervals", &muteTimeIntervals);
    fields.field("active_time_intervals", &activeTimeIntervals);
    fields.field("continue", &continueMatching, Printing::Always);
    describeChildren(fields, *this);
    describeTimes(fields, *this);
    fields.field("labels", &labels);
    if (!fields.reading()) {
        return;
    }
    for (const auto& [name, value] : labels) {
        if (!isValidLabelName(name, mode)) {
            fields.failAt("labels", fmt::format("invalid label name \"{}\" in route labels", name));
        }
    }
}

model::Labels RouteNode::groupLabels(const model::Labels& alertLabels) const
{
    return groupByAll ? alertLabels : alertLabels.keeping(groupBy);
}

std::string RouteNode::groupKey(const model::Labels& groupLabels) const
{
    return key + ":" + labelsText(groupLabels);
}

std::string labelsText(const model::Labels& labels)
{
    std::string result = "{";
    for (const model::LabelView label : labels) {
        result += result.size() > 1 ? ", " : "";
        result += isClassicName(label.name) ? std::string(label.name) : model::quote(label.name);
        result += "=" + model::quote(label.value);
    }
    return result + "}";
}

RouteTree::RouteTree(const RouteConfig& root) : root_(build(root, nullptr, 0)) {}

void RouteTree::match(const model::Labels& labels, std::vector<const RouteNode*>& out) const
{
    out.clear();
    walk(*root_, labels, out);
    if (out.empty()) {
        out.push_back(root_.get());
    }
}

} // namespace narthex::alertmanager
