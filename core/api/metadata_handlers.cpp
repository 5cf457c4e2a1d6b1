// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/model/name_escaping.h"

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
    base::JsonWriter json(data, base::JsonEscape::Html);
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
    base::JsonWriter json(data, base::JsonEscape::Html);
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
    const auto names = unite(filter->selectors, [&](const model::Matchers& matchers) {
        return (*querier)->labelNames(matchers, filter->limit == 0 ? 0 : filter->limit + 1);
    });
    return names.ok() ? answerStrings(*names, filter->limit) : errorResponse(names.status());
}

net::ServerResponse labelValues(const Context& context, const net::ServerRequest& request,
                                std::string_view label)
{
    const std::string name = model::unescapeName(label);
    if (name.empty() || !base::isValidUtf8(name)) {
        return errorResponse(ErrorType::BadData,
                             fmt::format("invalid label name: {}", model::quote(label)));
    }
    const auto filter = readFilter(request);
    if (!filter.ok()) {
        return errorResponse(filter.status(), ErrorType::BadData);
    }
    const auto querier = context.engine.queryable().querier(filter->from, filter->to);
    if (!querier.ok()) {
        return errorResponse(querier.status());
    }
    const auto values = unite(filter->selectors, [&](const model::Matchers& matchers) {
        return (*querier)->labelValues(name, matchers, filter->limit == 0 ? 0 : filter->limit + 1);
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
    base::JsonWriter json(data, base::JsonEscape::Html);
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

} // namespace narthex::api
