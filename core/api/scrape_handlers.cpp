// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is scraped: jobs, targets, and what targets say of their metrics. Source: spec/http-api.md,
// 5 and 6.
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/json.h"
#include "core/net/url.h"
#include "core/promql/parser.h"
#include "core/yaml/field_printer.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::api {
namespace {

std::string lastScrapeText(const scrape::TargetStatus& target)
{
    return target.lastScrape ? base::formatTimestamp(*target.lastScrape) : "0001-01-01T00:00:00Z";
}

std::string_view healthText(scrape::Health health)
{
    switch (health) {
    case scrape::Health::Up:
        return "up";
    case scrape::Health::Down:
        return "down";
    case scrape::Health::Unknown:
        return "unknown";
    }
    return "unknown";
}

/// The address as others see it: this machine's own names give way to the host of the external URL,
/// and our own port to the external one.
std::string globalUrl(const std::string& url, const ApiOptions& options)
{
    const auto own = net::parseUrl(url);
    const auto external = net::parseUrl(options.externalUrl);
    if (!own.ok() || !external.ok() ||
        (own->host != "localhost" && own->host != "127.0.0.1" && own->host != "::1")) {
        return url;
    }
    net::Url seen = *own;
    seen.host = external->host;
    if (own->portOrDefault() == options.listenPort) {
        seen.port = external->port;
    }
    return seen.text();
}

void writeTarget(base::JsonWriter& json, const scrape::TargetStatus& target,
                 const ApiOptions& options)
{
    json.beginObject();
    json.key("discoveredLabels");
    writeLabels(json, target.target->discoveredLabels);
    json.key("labels");
    writeLabels(json, target.target->labels);
    json.member("scrapePool", target.target->job);
    json.member("scrapeUrl", target.target->url);
    json.member("globalUrl", globalUrl(target.target->url, options));
    json.member("lastError", target.lastError);
    json.member("lastScrape", lastScrapeText(target));
    json.key("lastScrapeDuration").number(target.lastDuration.seconds());
    json.member("health", healthText(target.health));
    json.member("scrapeInterval", base::formatDuration(target.target->interval));
    json.member("scrapeTimeout", base::formatDuration(target.target->timeout));
    json.endObject();
}

void writeDropped(base::JsonWriter& json, const scrape::PoolStatus& status, const std::string& pool,
                  bool shown)
{
    json.key("droppedTargets").beginArray();
    for (const scrape::DroppedTarget& dropped : status.dropped) {
        if (shown && (pool.empty() || dropped.job == pool)) {
            json.beginObject().key("discoveredLabels");
            writeLabels(json, dropped.discoveredLabels);
            json.member("scrapePool", dropped.job).endObject();
        }
    }
    json.endArray().key("droppedTargetCounts");
    if (!shown) {
        json.null();
        return;
    }
    json.beginObject();
    for (const auto& [job, count] : status.droppedCounts) {
        if (pool.empty() || job == pool) {
            json.key(job).unsignedInteger(count);
        }
    }
    json.endObject();
}

/// The job that `scrapePool` names.
absl::StatusOr<std::shared_ptr<const scrape::JobConfig>> poolOf(const Context& context,
                                                                const net::ServerRequest& request)
{
    const std::string name(request.parameter("scrapePool").value_or(""));
    if (name.empty()) {
        return base::invalidArgument("no scrapePool parameter provided");
    }
    if (const auto config = context.engine.configuration()) {
        for (const auto& job : config->jobs) {
            if (job->jobName == name) {
                return job;
            }
        }
    }
    return base::invalidArgument("error retrieving scrape config: scrape pool {} not found",
                                 model::quote(name));
}

void writeRule(base::JsonWriter& json, const relabel::Rule& rule)
{
    json.beginObject();
    if (!rule.sourceLabels.empty()) {
        json.key("source_labels").beginArray();
        for (const std::string& name : rule.sourceLabels) {
            json.string(name);
        }
        json.endArray();
    }
    json.member("separator", rule.separator).member("regex", rule.regex.value_or("(.*)"));
    if (rule.modulus != 0) {
        json.key("modulus").unsignedInteger(rule.modulus);
    }
    if (!rule.targetLabel.empty()) {
        json.member("target_label", rule.targetLabel);
    }
    json.member("replacement", rule.replacement)
        .member("action", relabel::actionText(rule.action))
        .endObject();
}

absl::StatusOr<model::Labels> labelsOf(const net::ServerRequest& request)
{
    const std::string text(request.parameter("labels").value_or(""));
    if (text.empty()) {
        return base::invalidArgument("no labels parameter provided");
    }
    const auto json = discovery::Json::parse(text);
    if (!json.ok() || !json->isObject()) {
        return base::invalidArgument("error parsing labels: {}",
                                     json.ok() ? "not an object of texts"
                                               : base::messageOf(json.status()));
    }
    model::LabelsBuilder labels;
    for (const auto& [name, value] : json->members()) {
        if (!value.isString()) {
            return base::invalidArgument("error parsing labels: the value of {} is no text",
                                         model::quote(name));
        }
        labels.set(name, value.text());
    }
    return labels.build();
}

bool matches(const model::Matchers& matchers, const model::Labels& labels)
{
    return std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& matcher) {
        return matcher.matches(labels.get(matcher.name()));
    });
}

} // namespace

net::ServerResponse scrapePools(const Context& context, const net::ServerRequest& /*request*/)
{
    std::vector<std::string> names;
    if (const auto config = context.engine.configuration()) {
        for (const auto& job : config->jobs) {
            names.push_back(job->jobName);
        }
    }
    std::sort(names.begin(), names.end());
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("scrapePools").beginArray();
    for (const std::string& name : names) {
        json.string(name);
    }
    json.endArray().endObject();
    return success(data);
}

net::ServerResponse scrapePoolConfiguration(const Context& context,
                                            const net::ServerRequest& request)
{
    const auto job = poolOf(context, request);
    if (!job.ok()) {
        return errorResponse(job.status(), ErrorType::BadData);
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().member("yaml", yaml::printStruct(**job)).endObject();
    return success(data);
}

net::ServerResponse targets(const Context& context, const net::ServerRequest& request)
{
    const std::string state(request.parameter("state").value_or(""));
    const std::string pool(request.parameter("scrapePool").value_or(""));
    const bool showAll = state.empty() || state == "any";
    const scrape::PoolStatus status = context.engine.scraping().status();
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("activeTargets").beginArray();
    for (const scrape::TargetStatus& target : status.active) {
        if ((showAll || state == "active") && (pool.empty() || target.target->job == pool)) {
            writeTarget(json, target, context.options);
        }
    }
    json.endArray();
    writeDropped(json, status, pool, showAll || state == "dropped");
    json.endObject();
    return success(data);
}

net::ServerResponse relabelSteps(const Context& context, const net::ServerRequest& request)
{
    const auto job = poolOf(context, request);
    if (!job.ok()) {
        return errorResponse(job.status(), ErrorType::BadData);
    }
    const auto labels = labelsOf(request);
    if (!labels.ok()) {
        return errorResponse(labels.status(), ErrorType::BadData);
    }
    const std::vector<relabel::Rule>& rules = (*job)->relabelRules;
    const relabel::Trace trace = relabel::trace(rules, (*job)->nameScheme, *labels);
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("steps").beginArray();
    for (std::size_t i = 0; i < rules.size(); ++i) {
        // Behind the rule that dropped, nothing is done any more.
        const bool keep = i < trace.steps.size() && !trace.steps[i].dropped;
        json.beginObject().key("rule");
        writeRule(json, rules[i]);
        json.key("output");
        writeLabels(json, keep ? trace.steps[i].after : model::Labels());
        json.key("keep").boolean(keep).endObject();
    }
    json.endArray().endObject();
    return success(data);
}

net::ServerResponse targetMetadata(const Context& context, const net::ServerRequest& request)
{
    std::int64_t limit = -1;
    if (const auto text = request.parameter("limit"); text && !text->empty()) {
        const auto number = base::parseInt(*text);
        if (!number) {
            return errorResponse(ErrorType::BadData, "limit must be a number");
        }
        limit = *number;
    }
    model::Matchers matchers;
    if (const auto text = request.parameter("match_target"); text && !text->empty()) {
        auto parsed = promql::parseSelector(*text);
        if (!parsed.ok()) {
            return errorResponse(ErrorType::BadData,
                                 fmt::format("invalid parameter \"match_target\": {}",
                                             base::messageOf(parsed.status())));
        }
        matchers = *std::move(parsed);
    }
    const std::string metric(request.parameter("metric").value_or(""));
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginArray();
    std::int64_t written = 0;
    for (const scrape::TargetMetadata& target : context.engine.scraping().targetMetadata()) {
        // As with Prometheus, the limit is looked at from target to target.
        if (limit >= 0 && written >= limit) {
            break;
        }
        if (!matches(matchers, target.target->labels)) {
            continue;
        }
        for (const scrape::FamilyMetadata& family : target.families) {
            if (!metric.empty() && family.family != metric) {
                continue;
            }
            ++written;
            json.beginObject().key("target");
            writeLabels(json, target.target->labels);
            if (metric.empty()) {
                json.member("metric", family.family);
            }
            json.member("type", model::metricTypeText(family.metadata.type))
                .member("help", family.metadata.help)
                .member("unit", family.metadata.unit)
                .endObject();
        }
    }
    json.endArray();
    return success(data);
}

} // namespace narthex::api
