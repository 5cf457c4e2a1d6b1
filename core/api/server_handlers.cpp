// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the server says of itself: flags, notices, its own metrics as data. Source:
// spec/http-api.md, 7.
#include "core/api/context.h"
#include "core/api/notification_hub.h"
#include "core/base/status.h"
#include "core/exposition/family_writer.h"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>

namespace narthex::api {
namespace {

/// A family that is there already gets the other's metrics.
void addFamilies(std::vector<exposition::MetricFamily> more,
                 std::vector<exposition::MetricFamily>& families)
{
    for (exposition::MetricFamily& family : more) {
        const auto found = std::find_if(
            families.begin(), families.end(),
            [&](const exposition::MetricFamily& own) { return own.name == family.name; });
        if (found == families.end()) {
            families.push_back(std::move(family));
        } else if (found->type == family.type) {
            found->metrics.insert(found->metrics.end(),
                                  std::make_move_iterator(family.metrics.begin()),
                                  std::make_move_iterator(family.metrics.end()));
        }
    }
}

} // namespace

net::ServerResponse flags(const Context& context, const net::ServerRequest& /*request*/)
{
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject();
    for (const auto& [name, value] : context.options.flags) {
        json.member(name, value);
    }
    json.endObject();
    return success(data);
}

net::ServerResponse notifications(const Context& context, const net::ServerRequest& /*request*/)
{
    std::string data = "[";
    for (const ServerNotice& notice : context.notices.list()) {
        data += (data.size() > 1 ? "," : "") + toJson(notice);
    }
    return success(data + "]");
}

net::ServerResponse liveNotifications(const Context& context, const net::ServerRequest& /*request*/)
{
    auto stream = context.notices.subscribe();
    if (!stream) {
        return {.status = 204, .contentType = ""};
    }
    return {.contentType = "text/event-stream",
            .headers = {{"Cache-Control", "no-cache"}},
            .stream = *std::move(stream)};
}

net::ServerResponse selfMetricFamilies(const Context& context, const net::ServerRequest& request)
{
    const std::string pattern(request.parameter("metric_name_pattern").value_or(""));
    re2::RE2::Options options;
    options.set_log_errors(false);
    const re2::RE2 wanted(pattern.empty() ? ".*" : pattern, options);
    if (!wanted.ok()) {
        return errorResponse(ErrorType::BadData,
                             "invalid metric_name_pattern: error parsing regexp: " +
                                 wanted.error());
    }
    const auto families = exposition::parseTextFamilies(selfMetricsPage(context));
    if (!families.ok()) {
        return errorResponse(ErrorType::Internal, base::messageOf(families.status()));
    }
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginArray();
    for (const exposition::MetricFamily& family : *families) {
        if (re2::RE2::FullMatch(family.name, wanted)) {
            exposition::writeFamilyJson(json, family);
        }
    }
    json.endArray();
    return success(data);
}

net::ServerResponse selfMetrics(const Context& context, const net::ServerRequest& request)
{
    exposition::Negotiated negotiated = exposition::negotiate(request.header("Accept"));
    net::ServerResponse response{.contentType = std::move(negotiated.contentType),
                                 .body = selfMetricsPage(context)};
    const auto pushed = context.options.pushedOnMetrics ? context.engine.pushed() : nullptr;
    if (negotiated.format != exposition::PageFormat::Text || pushed) {
        auto families = exposition::parseTextFamilies(response.body);
        if (!families.ok()) {
            return {.status = 500, .body = std::string(base::messageOf(families.status()))};
        }
        if (pushed) {
            addFamilies(pushed->families(), *families);
        }
        response.body = exposition::writePage(*families, negotiated.format, negotiated.escaping);
    }
    return response;
}

} // namespace narthex::api
