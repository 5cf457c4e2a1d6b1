// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/context.h"
#include "core/api/matrix_stream.h"
#include "core/base/status.h"
#include "core/promql/editor/ast_json.h"
#include "core/promql/editor/format_text.h"
#include "core/promql/parser.h"
#include "core/promql/statistics_json.h"

#include <fmt/format.h>

namespace narthex::api {
namespace {

struct Notes
{
    std::vector<std::string> warnings;
    std::vector<std::string> infos;
};

Notes notesOf(const promql::Result& result, std::string_view query)
{
    Notes notes;
    for (const promql::Annotation& annotation : result.annotations) {
        auto& list =
            annotation.kind == promql::AnnotationKind::Warning ? notes.warnings : notes.infos;
        list.push_back(promql::annotationText(annotation, query));
    }
    return notes;
}

bool truncate(promql::Value& value, std::size_t limit)
{
    if (limit == 0) {
        return false;
    }
    if (auto* vector = std::get_if<promql::Vector>(&value);
        vector != nullptr && vector->size() > limit) {
        vector->resize(limit);
        return true;
    }
    if (auto* matrix = std::get_if<promql::Matrix>(&value);
        matrix != nullptr && matrix->size() > limit) {
        matrix->resize(limit);
        return true;
    }
    return false;
}

/// The statistics that a request asks for, or a warning that it asks in the wrong way.
bool wantsStatistics(const net::ServerRequest& request, Notes& notes)
{
    const auto stats = request.parameter("stats");
    if (!stats || stats->empty()) {
        return false;
    }
    if (*stats != "true" && *stats != "all") {
        notes.warnings.push_back(fmt::format(
            "value \"{}\" of parameter \"stats\" is deprecated, say \"true\" or \"all\"", *stats));
    }
    return true;
}

net::ServerResponse answer(const Context& context, const net::ServerRequest& request,
                           std::string_view query, promql::Result result, std::size_t limit)
{
    Notes notes = notesOf(result, query);
    if (truncate(result.value, limit)) {
        notes.warnings.emplace_back("results truncated due to limit");
    }
    const bool statistics = wantsStatistics(request, notes);
    net::ServerResponse response{.contentType = "application/json"};
    base::JsonWriter json(response.body);
    beginSuccess(json);
    json.beginObject()
        .member("resultType", promql::valueTypeText(promql::typeOf(result.value)))
        .key("result");
    std::string tail;
    const auto finish = [&](base::JsonWriter& end) {
        if (statistics) {
            end.key("stats");
            promql::writeStatistics(end, result.statistics);
        }
        end.endObject();
        endSuccess(end, notes.warnings, notes.infos);
    };
    auto* matrix = std::get_if<promql::Matrix>(&result.value);
    if (matrix != nullptr && isLarge(*matrix)) {
        base::JsonWriter end(tail);
        end.raw("]");
        finish(end);
        response.body += '[';
        response.stream =
            matrixStream(std::move(*matrix), std::move(tail), context.engine.requestPool());
        return response;
    }
    writeValue(json, result.value);
    finish(json);
    return response;
}

/// What both kinds of query take.
struct Common
{
    std::string query;
    std::size_t limit = 0;
    promql::QueryOptions options;
    promql::QueryOrigin origin;
};

absl::StatusOr<Common> commonParameters(const net::ServerRequest& request)
{
    Common common{.origin = {.clientAddress = request.remoteAddress,
                             .method = request.method,
                             .path = request.path}};
    common.query = request.parameter("query").value_or("");
    NARTHEX_ASSIGN_OR_RETURN(common.limit, limitParameter(request));
    NARTHEX_ASSIGN_OR_RETURN(common.options.timeout, durationParameter(request, "timeout"));
    common.options.perStepStatistics = request.parameter("stats") == "all";
    NARTHEX_ASSIGN_OR_RETURN(common.options.lookback, durationParameter(request, "lookback_delta"));
    return common;
}

absl::Status wrongQuery(const absl::Status& parsed)
{
    return base::invalidArgument("invalid parameter \"query\": {}", base::messageOf(parsed));
}

absl::StatusOr<promql::ExprPtr> checkedQuery(const Context& context, std::string_view query)
{
    auto parsed = promql::parse(query, context.engine.queries().options().features);
    if (!parsed.ok()) {
        return wrongQuery(parsed.status());
    }
    return parsed;
}

absl::Status checkRange(base::Timestamp from, base::Timestamp to, base::Duration step)
{
    constexpr std::int64_t kMostSteps = 11000;
    if (to < from) {
        return base::invalidArgument(
            "invalid parameter \"end\": end timestamp must not be before start time");
    }
    if (step.ns <= 0 || step.ms() <= 0) {
        return base::invalidArgument(
            "invalid parameter \"step\": zero or negative query resolution step widths are not "
            "accepted. Try a positive integer");
    }
    if ((to.ms - from.ms) / step.ms() > kMostSteps) {
        return base::invalidArgument(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
            "resolution (?step=XX)");
    }
    return absl::OkStatus();
}

struct RangeParameters
{
    Common common;
    base::Timestamp from;
    base::Timestamp to;
    base::Duration step;
};

absl::StatusOr<RangeParameters> rangeParameters(const net::ServerRequest& request)
{
    RangeParameters range;
    NARTHEX_ASSIGN_OR_RETURN(range.common, commonParameters(request));
    NARTHEX_ASSIGN_OR_RETURN(const auto from, timeParameter(request, "start"));
    NARTHEX_ASSIGN_OR_RETURN(const auto to, timeParameter(request, "end"));
    if (!from) {
        return base::invalidArgument(
            "invalid parameter \"start\": cannot parse \"\" to a valid timestamp");
    }
    if (!to) {
        return base::invalidArgument(
            "invalid parameter \"end\": cannot parse \"\" to a valid timestamp");
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto step, durationParameter(request, "step"));
    if (!step) {
        return base::invalidArgument(
            "invalid parameter \"step\": cannot parse \"\" to a valid duration");
    }
    range.from = *from;
    range.to = *to;
    range.step = *step;
    NARTHEX_RETURN_IF_ERROR(checkRange(range.from, range.to, range.step));
    return range;
}

} // namespace

net::ServerResponse instantQuery(const Context& context, const net::ServerRequest& request)
{
    auto common = commonParameters(request);
    const auto time = timeParameter(request, "time");
    for (const absl::Status& status : {common.status(), time.status()}) {
        if (!status.ok()) {
            return errorResponse(ErrorType::BadData, base::messageOf(status));
        }
    }
    const auto expr = checkedQuery(context, common->query);
    if (!expr.ok()) {
        return errorResponse(expr.status(), ErrorType::BadData);
    }
    common->options.origin = &common->origin;
    auto result = context.engine.queries().instant(
        context.engine.queryable(), **expr, common->query,
        time->value_or(context.engine.clock().now()), common->options, request.gone);
    if (!result.ok()) {
        return errorResponse(result.status());
    }
    return answer(context, request, common->query, *std::move(result), common->limit);
}

net::ServerResponse rangeQuery(const Context& context, const net::ServerRequest& request)
{
    auto range = rangeParameters(request);
    if (!range.ok()) {
        return errorResponse(range.status(), ErrorType::BadData);
    }
    if (const auto expr = checkedQuery(context, range->common.query); !expr.ok()) {
        return errorResponse(expr.status(), ErrorType::BadData);
    }
    range->common.options.origin = &range->common.origin;
    auto result =
        context.engine.queries().range(context.engine.queryable(), range->common.query, range->from,
                                       range->to, range->step, range->common.options, request.gone);
    if (!result.ok()) {
        // A string or range vector cannot be drawn: the request is at fault, not the evaluation.
        const bool wrongType = base::messageOf(result.status()).find("invalid expression type") !=
                               std::string_view::npos;
        return errorResponse(result.status(),
                             wrongType ? ErrorType::BadData : ErrorType::Execution);
    }
    return answer(context, request, range->common.query, *std::move(result), range->common.limit);
}

net::ServerResponse formatQuery(const Context& context, const net::ServerRequest& request)
{
    const std::string query(request.parameter("query").value_or(""));
    const auto formatted =
        promql::editor::formatText(query, context.engine.queries().options().features);
    if (!formatted.ok()) {
        return errorResponse(wrongQuery(formatted.status()), ErrorType::BadData);
    }
    std::string data;
    base::appendJsonString(data, formatted->text);
    return success(data);
}

net::ServerResponse parseQuery(const Context& context, const net::ServerRequest& request)
{
    const std::string query(request.parameter("query").value_or(""));
    const auto parsed = promql::parse(query, context.engine.queries().options().features);
    if (!parsed.ok()) {
        return errorResponse(wrongQuery(parsed.status()), ErrorType::BadData);
    }
    std::string data;
    base::JsonWriter json(data);
    promql::editor::writeTree(json, **parsed);
    return success(data);
}

} // namespace narthex::api
