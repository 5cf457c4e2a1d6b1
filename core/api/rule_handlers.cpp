// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rules, their alerts, and the Alertmanagers that get them. Source: spec/http-api.md, 6;
// spec/rules.md, 15.1 and 15.2.
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/net/crypto.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

namespace narthex::api {
namespace {

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

std::string timeOrNever(const std::optional<base::Timestamp>& time)
{
    return time ? base::formatTimestamp(*time) : std::string(kNever);
}

/// "1e+00", as Go's verb 'e' with the fewest digits; the values of histograms show as zero.
std::string alertValue(const rules::SampleValue& value)
{
    const double number = std::holds_alternative<double>(value) ? std::get<double>(value) : 0;
    if (!std::isfinite(number)) {
        return base::formatFloat(number);
    }
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number,
                                   std::chars_format::scientific);
    return {text.data(), end.ptr};
}

void writeMap(base::JsonWriter& json, const std::map<std::string, std::string>& pairs)
{
    json.beginObject();
    for (const auto& [name, value] : pairs) {
        json.label(name, value);
    }
    json.endObject();
}

void writeAlert(base::JsonWriter& json, const rules::ActiveAlert& alert)
{
    json.beginObject().key("labels");
    writeLabels(json, alert.labels);
    json.key("annotations");
    writeLabels(json, alert.annotations);
    json.member("state", rules::alertStateText(alert.state))
        .member("activeAt", base::formatTimestamp(alert.activeAt));
    if (alert.keepFiringSince) {
        json.member("keepFiringSince", base::formatTimestamp(*alert.keepFiringSince));
    }
    json.member("value", alertValue(alert.value)).endObject();
}

void writeRule(base::JsonWriter& json, const rules::RuleSnapshot& rule, bool withAlerts)
{
    const bool isAlert = rule.kind == rules::RuleKind::Alerting;
    json.beginObject();
    if (isAlert) {
        json.member("state", rules::alertStateText(rule.state));
    }
    json.member("name", rule.name).member("query", rule.query);
    if (isAlert) {
        json.key("duration").number(rule.holdFor.seconds());
        json.key("keepFiringFor").number(rule.keepFiringFor.seconds());
    }
    if (isAlert || !rule.labels.empty()) {
        json.key("labels");
        writeMap(json, rule.labels);
    }
    if (isAlert) {
        json.key("annotations");
        writeMap(json, rule.annotations);
        json.key("alerts");
        if (withAlerts) {
            json.beginArray();
            for (const rules::ActiveAlert& alert : rule.alerts) {
                writeAlert(json, alert);
            }
            json.endArray();
        } else {
            json.null();
        }
    }
    json.member("health", rules::ruleHealthText(rule.status.health));
    if (!rule.status.lastError.empty()) {
        json.member("lastError", rule.status.lastError);
    }
    json.key("evaluationTime").number(rule.status.evaluationTime.seconds());
    json.member("lastEvaluation", timeOrNever(rule.status.lastEvaluation))
        .member("type", isAlert ? "alerting" : "recording")
        .endObject();
}

std::set<std::string> wanted(const net::ServerRequest& request, std::string_view name)
{
    const std::vector<std::string> values = request.parameterValues(name);
    return {values.begin(), values.end()};
}

/// What a request leaves of the rules.
struct RuleFilter
{
    std::optional<rules::RuleKind> kind;
    std::set<std::string> names;
    std::set<std::string> groups;
    std::set<std::string> files;
    std::vector<model::Matchers> matchers;
    bool withAlerts = true;

    [[nodiscard]] bool takes(const rules::GroupSnapshot& group) const
    {
        return (groups.empty() || groups.contains(group.name)) &&
               (files.empty() || files.contains(group.file));
    }
    [[nodiscard]] bool takes(const rules::RuleSnapshot& rule) const
    {
        if ((kind && rule.kind != *kind) || (!names.empty() && !names.contains(rule.name))) {
            return false;
        }
        const auto holds = [&rule](const model::Matchers& all) {
            return std::all_of(all.begin(), all.end(), [&rule](const model::Matcher& matcher) {
                const auto label = rule.labels.find(std::string(matcher.name()));
                return matcher.matches(label == rule.labels.end() ? "" : label->second);
            });
        };
        return matchers.empty() || std::any_of(matchers.begin(), matchers.end(), holds);
    }
};

absl::StatusOr<RuleFilter> filterOf(const net::ServerRequest& request)
{
    RuleFilter filter{.names = wanted(request, "rule_name[]"),
                      .groups = wanted(request, "rule_group[]"),
                      .files = wanted(request, "file[]")};
    const std::string type(request.parameter("type").value_or(""));
    if (type == "alert") {
        filter.kind = rules::RuleKind::Alerting;
    } else if (type == "record") {
        filter.kind = rules::RuleKind::Recording;
    } else if (!type.empty()) {
        return base::invalidArgument("invalid parameter \"type\": not supported value {}",
                                     model::quote(type));
    }
    NARTHEX_ASSIGN_OR_RETURN(const bool exclude, booleanParameter(request, "exclude_alerts"));
    filter.withAlerts = !exclude;
    NARTHEX_ASSIGN_OR_RETURN(filter.matchers, selectors(request));
    return filter;
}

std::string tokenOf(const rules::GroupSnapshot& group)
{
    return net::hex(net::sha256(group.file + ";" + group.name));
}

/// The part of the groups that a request for a page asks for.
struct Page
{
    std::size_t from = 0;
    std::size_t limit = 0; // 0: all
};

absl::StatusOr<Page> pageOf(const net::ServerRequest& request,
                            const std::vector<rules::GroupSnapshot>& groups)
{
    const auto limit = request.parameter("group_limit");
    const auto token = request.parameter("group_next_token");
    Page page;
    if (token && !token->empty() && (!limit || limit->empty())) {
        return base::invalidArgument("invalid parameter \"group_limit\": group_limit needs to be "
                                     "present in order to paginate over the groups");
    }
    if (limit && !limit->empty()) {
        std::int64_t number = 0;
        const auto end = std::from_chars(limit->data(), limit->data() + limit->size(), number);
        if (end.ec != std::errc{} || end.ptr != limit->data() + limit->size()) {
            return base::invalidArgument(
                "invalid parameter \"group_limit\": group_limit needs to be a valid number: {}",
                model::quote(*limit));
        }
        if (number <= 0) {
            return base::invalidArgument(
                "invalid parameter \"group_limit\": group_limit needs to be greater than 0");
        }
        page.limit = static_cast<std::size_t>(number);
    }
    if (token && !token->empty()) {
        const auto at = std::find_if(groups.begin(), groups.end(),
                                     [&](const auto& group) { return tokenOf(group) == *token; });
        if (at == groups.end()) {
            return base::invalidArgument("invalid parameter \"group_next_token\": invalid "
                                         "group_next_token '{}'. were rule groups changed?",
                                         *token);
        }
        page.from = static_cast<std::size_t>(at - groups.begin());
    }
    return page;
}

/// Groups with the rules that pass; those without any are left out.
std::vector<rules::GroupSnapshot> filtered(std::vector<rules::GroupSnapshot> groups,
                                           const RuleFilter& filter)
{
    std::vector<rules::GroupSnapshot> result;
    for (rules::GroupSnapshot& group : groups) {
        if (!filter.takes(group)) {
            continue;
        }
        std::erase_if(group.rules, [&](const auto& rule) { return !filter.takes(rule); });
        if (!group.rules.empty()) {
            result.push_back(std::move(group));
        }
    }
    return result;
}

} // namespace

net::ServerResponse listRules(const Context& context, const net::ServerRequest& request)
{
    const auto filter = filterOf(request);
    if (!filter.ok()) {
        return errorResponse(filter.status(), ErrorType::BadData);
    }
    const std::vector<rules::GroupSnapshot> groups =
        filtered(context.engine.alerting().rules().snapshot(filter->withAlerts), *filter);
    const auto page = pageOf(request, groups);
    if (!page.ok()) {
        return errorResponse(page.status(), ErrorType::BadData);
    }
    const std::size_t end =
        page->limit == 0 ? groups.size() : std::min(groups.size(), page->from + page->limit);
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("groups").beginArray();
    for (std::size_t i = page->from; i < end; ++i) {
        const rules::GroupSnapshot& group = groups[i];
        json.beginObject().member("name", group.name).member("file", group.file);
        json.key("rules").beginArray();
        for (const rules::RuleSnapshot& rule : group.rules) {
            writeRule(json, rule, filter->withAlerts);
        }
        json.endArray().key("interval").number(group.interval.seconds());
        json.key("limit").integer(group.limit);
        json.key("evaluationTime").number(group.stats.lastDuration.seconds());
        json.member("lastEvaluation", timeOrNever(group.stats.lastEvaluation)).endObject();
    }
    json.endArray();
    if (end < groups.size()) {
        json.member("groupNextToken", tokenOf(groups[end]));
    }
    json.endObject();
    return success(data);
}

net::ServerResponse listAlerts(const Context& context, const net::ServerRequest& /*request*/)
{
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("alerts").beginArray();
    for (const rules::GroupSnapshot& group : context.engine.alerting().rules().snapshot()) {
        for (const rules::RuleSnapshot& rule : group.rules) {
            for (const rules::ActiveAlert& alert : rule.alerts) {
                writeAlert(json, alert);
            }
        }
    }
    json.endArray().endObject();
    return success(data);
}

net::ServerResponse listAlertmanagers(const Context& context, const net::ServerRequest& /*request*/)
{
    const rules::NotifierStatus status = context.engine.alerting().notifier().status();
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("activeAlertmanagers").beginArray();
    for (const rules::QueueStatus& queue : status.active) {
        json.beginObject().member("url", queue.url).endObject();
    }
    json.endArray().key("droppedAlertmanagers").beginArray();
    for (const std::string& url : status.dropped) {
        json.beginObject().member("url", url).endObject();
    }
    json.endArray().endObject();
    return success(data);
}

} // namespace narthex::api
