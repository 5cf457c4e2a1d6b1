// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API says of the store itself, and what it does to it. Format: spec/http-api.md, 4, 7, 8.
#include "core/api/context.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/ast.h"
#include "core/promql/parser.h"
#include "core/rules/dependencies.h"
#include "core/tsdb/store_text.h"

#include <limits>

namespace narthex::api {
namespace {

constexpr std::int64_t kLeastTime = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kGreatestTime = std::numeric_limits<std::int64_t>::max();

struct TimeRange
{
    base::Timestamp from;
    base::Timestamp to;
};

/// `start` and `end`; all of time where they are missing.
absl::StatusOr<TimeRange> rangeOf(const net::ServerRequest& request)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto from, timeParameter(request, "start"));
    NARTHEX_ASSIGN_OR_RETURN(const auto to, timeParameter(request, "end"));
    const TimeRange range{from.value_or(base::Timestamp{kLeastTime}),
                          to.value_or(base::Timestamp{kGreatestTime})};
    if (range.to < range.from) {
        return base::invalidArgument("invalid parameter \"end\": end timestamp must not be before "
                                     "start time");
    }
    return range;
}

net::ServerResponse noContent() { return {.status = 204, .contentType = ""}; }

void writeCounts(base::JsonWriter& json, std::string_view key,
                 const std::vector<tsdb::NamedCount>& counts)
{
    json.key(key).beginArray();
    for (const tsdb::NamedCount& count : counts) {
        json.beginObject().member("name", count.name);
        json.key("value").unsignedInteger(count.value);
        json.endObject();
    }
    json.endArray();
}

absl::StatusOr<std::size_t> listLimit(const net::ServerRequest& request)
{
    constexpr std::size_t kDefault = 10;
    constexpr std::int64_t kMost = 10'000;
    const auto text = request.parameter("limit");
    if (!text || text->empty()) {
        return kDefault;
    }
    const auto limit = base::parseInt(*text);
    if (!limit || *limit <= 0) {
        return base::invalidArgument("limit must be a positive number");
    }
    if (*limit > kMost) {
        return base::invalidArgument("limit must not exceed {}", kMost);
    }
    return static_cast<std::size_t>(*limit);
}

} // namespace

net::ServerResponse queryExemplars(const Context& context, const net::ServerRequest& request)
{
    const auto range = rangeOf(request);
    if (!range.ok()) {
        return errorResponse(ErrorType::BadData, base::messageOf(range.status()));
    }
    const auto expr = promql::parse(request.parameter("query").value_or(std::string()),
                                    context.engine.queries().options().features);
    if (!expr.ok()) {
        return errorResponse(ErrorType::BadData, base::messageOf(expr.status()));
    }
    std::vector<model::Matchers> sets;
    for (const promql::VectorSelector* selector : rules::selectorsOf(**expr)) {
        sets.push_back(selector->matchers);
    }
    if (sets.empty()) {
        return noContent();
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginArray();
    for (const storage::ExemplarSeries& series :
         (*store)->exemplars(range->from, range->to, sets)) {
        json.beginObject().key("seriesLabels");
        writeLabels(json, series.labels);
        json.key("exemplars").beginArray();
        for (const model::Exemplar& exemplar : series.exemplars) {
            json.beginObject().key("labels");
            writeLabels(json, exemplar.labels);
            json.key("value").sampleValue(exemplar.value);
            json.key("timestamp").seconds(exemplar.time.value_or(base::Timestamp{}));
            json.endObject();
        }
        json.endArray().endObject();
    }
    json.endArray();
    return success(data);
}

net::ServerResponse storeStatus(const Context& context, const net::ServerRequest& request)
{
    const auto limit = listLimit(request);
    if (!limit.ok()) {
        return errorResponse(ErrorType::BadData, base::messageOf(limit.status()));
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    const tsdb::DbStats stats = (*store)->stats();
    const tsdb::Cardinality cardinality = (*store)->cardinality(*limit);
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("headStats").beginObject();
    json.key("numSeries").unsignedInteger(stats.series);
    json.key("numLabelPairs").unsignedInteger(cardinality.labelPairs);
    json.key("chunkCount").unsignedInteger(stats.chunks);
    json.key("minTime").integer(stats.minTime ? stats.minTime->ms : kGreatestTime);
    json.key("maxTime").integer(stats.maxTime ? stats.maxTime->ms : kLeastTime);
    json.endObject();
    writeCounts(json, "seriesCountByMetricName", cardinality.seriesByMetricName);
    writeCounts(json, "labelValueCountByLabelName", cardinality.valuesByLabelName);
    writeCounts(json, "memoryInBytesByLabelName", cardinality.bytesByLabelName);
    writeCounts(json, "seriesCountByLabelValuePair", cardinality.seriesByLabelPair);
    json.endObject();
    return success(data);
}

net::ServerResponse storeBlocks(const Context& context, const net::ServerRequest&)
{
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("blocks").beginArray();
    for (const tsdb::BlockMeta& meta : (*store)->blocks()) {
        json.raw(tsdb::toJson(meta));
    }
    json.endArray();
    // Ours: what could not be used and was put out of the way.
    json.key("setAside").beginArray();
    for (const tsdb::SetAside& one : (*store)->setAside()) {
        json.beginObject()
            .member("path", one.path.string())
            .member("reason", one.reason)
            .endObject();
    }
    json.endArray().endObject();
    return success(data);
}

net::ServerResponse walReplay(const Context& context, const net::ServerRequest&)
{
    const tsdb::ReplayProgress progress = context.engine.status().replay;
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject();
    json.key("min").unsignedInteger(progress.firstSegment);
    json.key("max").unsignedInteger(progress.lastSegment);
    json.key("current").unsignedInteger(progress.currentSegment);
    json.endObject();
    return success(data);
}

net::ServerResponse deleteSeries(const Context& context, const net::ServerRequest& request)
{
    const auto range = rangeOf(request);
    if (!range.ok()) {
        return errorResponse(ErrorType::BadData, base::messageOf(range.status()));
    }
    const auto sets = selectors(request);
    if (!sets.ok()) {
        return errorResponse(ErrorType::BadData, base::messageOf(sets.status()));
    }
    if (sets->empty()) {
        return errorResponse(ErrorType::BadData, "no match[] parameter provided");
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    const absl::Status status = (*store)->deleteSeries(range->from, range->to, *sets);
    return status.ok() ? noContent() : errorResponse(ErrorType::Internal, base::messageOf(status));
}

net::ServerResponse cleanTombstones(const Context& context, const net::ServerRequest&)
{
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    const absl::Status status = (*store)->cleanTombstones();
    return status.ok() ? noContent() : errorResponse(ErrorType::Internal, base::messageOf(status));
}

net::ServerResponse snapshot(const Context& context, const net::ServerRequest& request)
{
    const auto skipHead = booleanParameter(request, "skip_head");
    if (!skipHead.ok()) {
        return errorResponse(skipHead.status(), ErrorType::BadData);
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return errorResponse(store.status());
    }
    const std::string name = tsdb::snapshotName(context.engine.clock().now());
    const absl::Status status =
        (*store)->snapshot((*store)->directory() / "snapshots" / name, *skipHead);
    if (!status.ok()) {
        return errorResponse(ErrorType::Internal, base::messageOf(status));
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().member("name", name).endObject();
    return success(data);
}

} // namespace narthex::api
