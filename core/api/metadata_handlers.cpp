// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::api {
namespace {

struct Filter
{
    std::vector<model::Matchers> selectors;
    base::Timestamp from;
    base::Timestamp to;
    std::size_t limit = 0;
};

absl::StatusOr<Filter> readFilter(const net::ServerRequest& request)
{
    Filter filter;
    NARTHEX_ASSIGN_OR_RETURN(filter.limit, limitParameter(request));
    NARTHEX_ASSIGN_OR_RETURN(const auto from, timeParameter(request, "start"));
    NARTHEX_ASSIGN_OR_RETURN(const auto to, timeParameter(request, "end"));
    filter.from = from.value_or(base::Timestamp::min());
    filter.to = to.value_or(base::Timestamp::max());
    if (filter.to < filter.from) {
        return base::invalidArgument(
            "invalid parameter \"end\": end timestamp must not be before start time");
    }
    NARTHEX_ASSIGN_OR_RETURN(filter.selectors, selectors(request));
    return filter;
}

constexpr char kTruncated[] = "results truncated due to limit";

net::ServerResponse answerStrings(std::set<std::string> values, std::size_t limit)
{
    std::string data;
    base::JsonWriter json(data);
    json.beginArray();
    std::size_t written = 0;
    for (const std::string& value : values) {
        if (limit != 0 && written++ == limit) {
            break;
        }
        json.string(value);
    }
    json.endArray();
    const bool truncated = limit != 0 && values.size() > limit;
    return success(data,
                   truncated ? std::vector<std::string>{kTruncated} : std::vector<std::string>{});
}

/// Calls `ask` for each selector (once with no matchers when there is none) and unites the answers.
template <typename Ask>
absl::StatusOr<std::set<std::string>> unite(const Filter& filter, const Ask& ask)
{
    std::set<std::string> all;
    const std::vector<model::Matchers> everything(1);
    for (const model::Matchers& matchers :
         filter.selectors.empty() ? everything : filter.selectors) {
        NARTHEX_ASSIGN_OR_RETURN(auto values, ask(matchers));
        all.insert(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
    }
    return all;
}

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

void writeTarget(base::JsonWriter& json, const scrape::TargetStatus& target)
{
    json.beginObject();
    json.key("discoveredLabels");
    writeLabels(json, target.target->discoveredLabels);
    json.key("labels");
    writeLabels(json, target.target->labels);
    json.member("scrapePool", target.target->job);
    json.member("scrapeUrl", target.target->url);
    json.member("globalUrl", target.target->url);
    json.member("lastError", target.lastError);
    json.member("lastScrape", lastScrapeText(target));
    json.key("lastScrapeDuration").number(target.lastDuration.seconds());
    json.member("health", healthText(target.health));
    json.member("scrapeInterval", base::formatDuration(target.target->interval));
    json.member("scrapeTimeout", base::formatDuration(target.target->timeout));
    json.endObject();
}

} // namespace

net::ServerResponse series(const Context& context, const net::ServerRequest& request)
{
    const auto filter = readFilter(request);
    if (!filter.ok()) {
        return errorResponse(filter.status(), ErrorType::BadData);
    }
    if (filter->selectors.empty()) {
        return errorResponse(ErrorType::BadData, "no match[] parameter provided");
    }
    const auto querier = context.engine.queryable().querier(filter->from, filter->to);
    if (!querier.ok()) {
        return errorResponse(querier.status());
    }
    std::set<model::Labels> found;
    for (const model::Matchers& matchers : filter->selectors) {
        auto set = (*querier)->select(
            {.from = filter->from, .to = filter->to, .function = "series"}, matchers, {});
        if (!set.ok()) {
            return errorResponse(set.status());
        }
        constexpr std::size_t kMost = 10'000'000;
        const auto all = storage::collect(**set, kMost);
        if (!all.ok()) {
            return errorResponse(all.status());
        }
        for (const auto& each : *all) {
            found.insert(each->labels());
        }
    }
    std::string data;
    base::JsonWriter json(data);
    json.beginArray();
    std::size_t written = 0;
    for (const model::Labels& labels : found) {
        if (filter->limit != 0 && written++ == filter->limit) {
            break;
        }
        writeLabels(json, labels);
    }
    json.endArray();
    const bool truncated = filter->limit != 0 && found.size() > filter->limit;
    return success(data,
                   truncated ? std::vector<std::string>{kTruncated} : std::vector<std::string>{});
}

net::ServerResponse labelNames(const Context& context, const net::ServerRequest& request)
{
    const auto filter = readFilter(request);
    if (!filter.ok()) {
        return errorResponse(filter.status(), ErrorType::BadData);
    }
    const auto querier = context.engine.queryable().querier(filter->from, filter->to);
    if (!querier.ok()) {
        return errorResponse(querier.status());
    }
    const auto names = unite(*filter, [&](const model::Matchers& matchers) {
        return (*querier)->labelNames(matchers, filter->limit == 0 ? 0 : filter->limit + 1);
    });
    return names.ok() ? answerStrings(*names, filter->limit) : errorResponse(names.status());
}

net::ServerResponse labelValues(const Context& context, const net::ServerRequest& request,
                                std::string_view label)
{
    if (label.empty()) {
        return errorResponse(ErrorType::BadData, "invalid label name: \"\"");
    }
    const auto filter = readFilter(request);
    if (!filter.ok()) {
        return errorResponse(filter.status(), ErrorType::BadData);
    }
    const auto querier = context.engine.queryable().querier(filter->from, filter->to);
    if (!querier.ok()) {
        return errorResponse(querier.status());
    }
    const auto values = unite(*filter, [&](const model::Matchers& matchers) {
        return (*querier)->labelValues(label, matchers, filter->limit == 0 ? 0 : filter->limit + 1);
    });
    return values.ok() ? answerStrings(*values, filter->limit) : errorResponse(values.status());
}

net::ServerResponse metadata(const Context& context, const net::ServerRequest& request)
{
    const auto number = [&request](std::string_view name) -> std::optional<std::int64_t> {
        const auto text = request.parameter(name);
        return !text || text->empty() ? std::optional<std::int64_t>(-1) : base::parseInt(*text);
    };
    const auto limit = number("limit");
    const auto perMetric = number("limit_per_metric");
    if (!limit) {
        return errorResponse(ErrorType::BadData, "limit must be a number");
    }
    if (!perMetric) {
        return errorResponse(ErrorType::BadData, "limit_per_metric must be a number");
    }
    const std::string wanted(request.parameter("metric").value_or(""));
    std::string data;
    base::JsonWriter json(data);
    json.beginObject();
    std::int64_t written = 0;
    for (const auto& [family, entries] : context.engine.scraping().metadata()) {
        if (!wanted.empty() && family != wanted) {
            continue;
        }
        if (*limit >= 0 && written == *limit) {
            break;
        }
        ++written;
        json.key(family).beginArray();
        std::int64_t count = 0;
        for (const model::Metadata& entry : entries) {
            if (*perMetric > 0 && count++ == *perMetric) {
                break;
            }
            json.beginObject()
                .member("type", model::metricTypeText(entry.type))
                .member("unit", entry.unit);
            json.member("help", entry.help).endObject();
        }
        json.endArray();
    }
    json.endObject();
    return success(data);
}

net::ServerResponse targets(const Context& context, const net::ServerRequest& request)
{
    const std::string state(request.parameter("state").value_or(""));
    const std::string pool(request.parameter("scrapePool").value_or(""));
    const bool showActive = state.empty() || state == "any" || state == "active";
    const bool showDropped = state.empty() || state == "any" || state == "dropped";
    const scrape::PoolStatus status = context.engine.scraping().status();
    std::string data;
    base::JsonWriter json(data);
    json.beginObject().key("activeTargets").beginArray();
    for (const scrape::TargetStatus& target : status.active) {
        if (showActive && (pool.empty() || target.target->job == pool)) {
            writeTarget(json, target);
        }
    }
    json.endArray().key("droppedTargets").beginArray();
    std::map<std::string, std::int64_t> counts;
    for (const scrape::DroppedTarget& dropped : status.dropped) {
        if (!showDropped || (!pool.empty() && dropped.job != pool)) {
            continue;
        }
        ++counts[dropped.job];
        json.beginObject().key("discoveredLabels");
        writeLabels(json, dropped.discoveredLabels);
        json.member("scrapePool", dropped.job).endObject();
    }
    json.endArray().key("droppedTargetCounts");
    if (!showDropped) {
        json.null();
    } else {
        json.beginObject();
        for (const auto& [job, count] : counts) {
            json.key(job).integer(count);
        }
        json.endObject();
    }
    json.endObject();
    return success(data);
}

} // namespace narthex::api
