// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Our own questions about rules: why one fires or not, and what one would have done in the past.
// Source: spec/rules.md, 16.
#include "core/api/context.h"
#include "core/base/status.h"
#include "core/rules/backtest.h"
#include "core/rules/explain.h"

#include <fmt/format.h>

namespace narthex::api {
namespace {

constexpr base::Duration kDefaultRange = base::Duration::fromMs(24LL * 3'600'000);

void writeTime(base::JsonWriter& json, std::string_view key,
               const std::optional<base::Timestamp>& time)
{
    if (time) {
        json.member(key, base::formatTimestamp(*time));
    }
}

void writeValue(base::JsonWriter& json, std::string_view key, const std::optional<double>& value)
{
    if (value) {
        json.key(key).sampleValue(*value);
    }
}

void writeComparison(base::JsonWriter& json, const rules::ComparisonExplanation& comparison)
{
    json.key("comparison").beginObject();
    json.member("left", comparison.left).member("op", comparison.op);
    json.member("right", comparison.right).key("values").beginArray();
    for (const rules::ComparedValues& each : comparison.values) {
        json.beginObject().key("labels");
        writeLabels(json, each.labels);
        writeValue(json, "left", each.left);
        writeValue(json, "right", each.right);
        json.key("holds").boolean(each.holds).endObject();
    }
    json.endArray().key("total").unsignedInteger(comparison.total);
    json.key("holding").unsignedInteger(comparison.holding);
    if (!comparison.error.empty()) {
        json.member("error", comparison.error);
    }
    json.endObject();
}

void writeExplanation(base::JsonWriter& json, const rules::RuleExplanation& explanation)
{
    json.key("sentences").beginArray();
    for (const std::string& sentence : explanation.sentences) {
        json.string(sentence);
    }
    json.endArray();
    if (explanation.comparison) {
        writeComparison(json, *explanation.comparison);
    }
    json.key("selectors").beginArray();
    for (const rules::SelectorExplanation& selector : explanation.selectors) {
        json.beginObject().member("text", selector.text).key("series");
        json.unsignedInteger(selector.series).endObject();
    }
    json.endArray().key("alerts").beginArray();
    for (const rules::AlertExplanation& alert : explanation.alerts) {
        json.beginObject().key("labels");
        writeLabels(json, alert.labels);
        json.member("state", rules::alertStateText(alert.state));
        if (alert.untilFiring) {
            json.key("untilFiring").number(alert.untilFiring->seconds());
        }
        if (alert.untilResolved) {
            json.key("untilResolved").number(alert.untilResolved->seconds());
        }
        json.member("sentence", alert.sentence).endObject();
    }
    json.endArray();
    if (!explanation.lastError.empty()) {
        json.member("lastError", explanation.lastError);
    }
}

void writeHistory(base::JsonWriter& json, const rules::AlertHistory& alert)
{
    json.beginObject().key("labels");
    writeLabels(json, alert.labels);
    json.key("annotations");
    writeLabels(json, alert.annotations);
    json.key("firings").unsignedInteger(alert.firings);
    json.key("falseStarts").unsignedInteger(alert.falseStarts);
    json.key("pendingSeconds").number(alert.pendingTime.seconds());
    json.key("firingSeconds").number(alert.firingTime.seconds());
    writeTime(json, "firstFiring", alert.firstFiring);
    writeTime(json, "lastFiring", alert.lastFiring);
    json.key("flapping").boolean(alert.flapping);
    json.key("spans").beginArray();
    for (const rules::StateSpan& span : alert.spans) {
        json.beginObject().member("state", rules::alertStateText(span.state));
        writeTime(json, "from", span.from);
        writeTime(json, "to", span.to);
        json.endObject();
    }
    json.endArray().key("notificationCount").unsignedInteger(alert.notificationCount);
    json.key("notifications").beginArray();
    for (const rules::Notification& notification : alert.notifications) {
        json.beginObject();
        writeTime(json, "time", notification.time);
        json.key("resolved").boolean(notification.resolved).endObject();
    }
    json.endArray().endObject();
}

void writeBacktest(base::JsonWriter& json, const rules::BacktestResult& result)
{
    json.key("evaluations").unsignedInteger(result.evaluations);
    json.key("failures").unsignedInteger(result.failures);
    if (!result.firstFailure.empty()) {
        json.member("firstFailure", result.firstFailure);
        writeTime(json, "firstFailureTime", result.firstFailureTime);
    }
    json.key("firings").unsignedInteger(result.firings);
    json.key("notifications").unsignedInteger(result.notifications);
    json.key("flapping").unsignedInteger(result.flapping);
    json.key("series").unsignedInteger(result.series.size());
    json.key("alerts").beginArray();
    for (const rules::AlertHistory& alert : result.alerts) {
        writeHistory(json, alert);
    }
    json.endArray();
}

bool isAsked(const net::ServerRequest& request, std::string_view parameter, std::string_view value)
{
    const auto asked = request.parameter(parameter);
    return !asked || asked->empty() || *asked == value;
}

} // namespace

net::ServerResponse explainRules(const Context& context, const net::ServerRequest& request)
{
    const rules::RuleManager& manager = context.engine.alerting().rules();
    const rules::ExplainContext world{.engine = context.engine.queries(),
                                      .store = context.engine.queryable(),
                                      .now = context.engine.clock().now(),
                                      .gaps = manager.gaps()};
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginArray();
    std::size_t count = 0;
    for (const std::shared_ptr<rules::Group>& group : manager.groups()) {
        const rules::GroupSnapshot snapshot = group->snapshot(true);
        if (!isAsked(request, "rule_group", snapshot.name) ||
            !isAsked(request, "file", snapshot.file)) {
            continue;
        }
        for (std::size_t i = 0; i < snapshot.rules.size(); ++i) {
            if (!isAsked(request, "rule_name", snapshot.rules[i].name)) {
                continue;
            }
            const rules::RuleExplanation explanation = rules::explainRule(
                snapshot, i, group->rules().rules()[i]->definition(), world, {}, {});
            json.beginObject().member("file", snapshot.file).member("group", snapshot.name);
            json.member("name", snapshot.rules[i].name);
            writeExplanation(json, explanation);
            json.endObject();
            ++count;
        }
    }
    json.endArray();
    return count > 0 ? success(data)
                     : errorResponse(ErrorType::NotFound, "no rule of that name is loaded");
}

net::ServerResponse backtestRules(const Context& context, const net::ServerRequest& request)
{
    const auto from = timeParameter(request, "from");
    const auto to = timeParameter(request, "to");
    if (!from.ok() || !to.ok()) {
        return errorResponse(from.ok() ? to.status() : from.status(), ErrorType::BadData);
    }
    const auto config = context.engine.configuration();
    const auto file = rules::parseRuleFile("rules", request.body,
                                           {.features = context.engine.queries().options().features,
                                            .nameScheme = config->global.scrape.nameScheme});
    if (!file.ok()) {
        return errorResponse(file.status(), ErrorType::BadData);
    }
    rules::BacktestOptions options;
    options.to = to->value_or(context.engine.clock().now());
    options.from = from->value_or(options.to - kDefaultRange);
    if (options.from > options.to) {
        return errorResponse(ErrorType::BadData, "invalid parameter \"to\": it is before \"from\"");
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginArray();
    for (const rules::RuleGroup& group : file->groups) {
        options.interval = group.interval.value_or(config->global.evaluationInterval);
        options.queryOffset = group.queryOffset.value_or(config->global.ruleQueryOffset);
        options.limit = group.limit;
        for (const rules::Rule& rule : group.rules) {
            if (!isAsked(request, "rule_name", rule.name)) {
                continue;
            }
            const auto result = rules::backtest(rule, options, context.engine.queries(),
                                                context.engine.queryable(), {});
            if (!result.ok()) {
                return errorResponse(
                    base::annotate(result.status(), fmt::format("group \"{}\", rule \"{}\"",
                                                                group.name, rule.name)));
            }
            json.beginObject().member("group", group.name).member("name", rule.name);
            writeBacktest(json, *result);
            json.endObject();
        }
    }
    json.endArray();
    return success(data);
}

} // namespace narthex::api
