// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Pushgateway's interface: pushes, deletes, wipes, the groups as a page and as JSON. Source:
// spec/pushgateway.md, 2 and 6.
#include "core/api/context.h"
#include "core/api/management.h"
#include "core/base/status.h"
#include "core/base/text.h"
#include "core/exposition/family_writer.h"
#include "core/net/http_client.h"
#include "core/net/snappy_frames.h"
#include "core/push/push_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::api {
namespace {

constexpr std::string_view kPushPrefix = "/metrics/";
constexpr std::uint64_t kMostBytes = 32ULL << 20U;

/// "//" becomes "/", as routers of HTTP clean paths.
std::string cleaned(std::string_view path)
{
    std::string result;
    for (const char c : path) {
        if (c != '/' || !result.ends_with('/')) {
            result += c;
        }
    }
    return result;
}

std::string escapedPath(std::string_view path)
{
    std::string result;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        result += net::percentEncode(path.substr(0, end));
        path.remove_prefix(end);
        if (!path.empty()) {
            result += '/';
            path.remove_prefix(1);
        }
    }
    return result;
}

bool isMessages(std::string_view contentType)
{
    const std::string type = base::lowered(base::takePart(contentType, ';'));
    if (type != "application/vnd.google.protobuf") {
        return false;
    }
    bool isDelimited = false;
    bool isFamily = false;
    while (!contentType.empty()) {
        const std::string_view part = base::takePart(contentType, ';');
        isDelimited = isDelimited || part == "encoding=delimited";
        isFamily = isFamily || part == "proto=io.prometheus.client.MetricFamily";
    }
    return isDelimited && isFamily;
}

/// The body without its coding. Errors: InvalidArgument, ResourceExhausted.
absl::StatusOr<std::string> decoded(const net::ServerRequest& request)
{
    const std::string coding = base::lowered(request.header("Content-Encoding"));
    if (coding == "snappy") {
        return net::decodeSnappyFrames(request.body, kMostBytes);
    }
    if (coding != "gzip") {
        return request.body; // any other word is passed over
    }
    std::string body;
    if (const absl::Status status = net::inflateGzip(request.body, kMostBytes, body);
        !status.ok()) {
        return absl::IsResourceExhausted(status) ? status : base::invalidArgument("unexpected EOF");
    }
    return body;
}

absl::StatusOr<std::vector<exposition::MetricFamily>> familiesOf(const net::ServerRequest& request,
                                                                 bool utf8Names)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string body, decoded(request));
    if (body.size() > kMostBytes) {
        return base::resourceExhausted("the body is larger than 32 MiB");
    }
    const std::string_view type = request.header("Content-Type");
    if (isMessages(type)) {
        return exposition::parseProtobufFamilies(body);
    }
    if (type.starts_with("application/openmetrics-text")) {
        return exposition::parseOpenMetricsFamilies(body);
    }
    return exposition::parseTextFamilies(body, {.utf8Names = utf8Names});
}

net::ServerResponse refusal(const absl::Status& status)
{
    switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
        return plainText(413, fmt::format("{}\n", base::messageOf(status)));
    case absl::StatusCode::kUnavailable:
        return plainText(503, fmt::format("{}\n", base::messageOf(status)));
    default:
        return plainText(400, fmt::format("{}\n", base::messageOf(status)));
    }
}

net::ServerResponse empty(int status) { return {.status = status, .contentType = ""}; }

std::optional<push::PushKind> kindOf(std::string_view method)
{
    if (method == "PUT") {
        return push::PushKind::Replace;
    }
    if (method == "POST") {
        return push::PushKind::Merge;
    }
    return method == "DELETE" ? std::optional(push::PushKind::Delete) : std::nullopt;
}

/// Where there is no store: not yet, or not at all.
net::ServerResponse withoutStore(const engine::Engine& engine)
{
    return engine.options().push.enabled
               ? notReady(engine)
               : plainText(404, "pushes are switched off (--no-push.enabled)\n");
}

/// What follows the store's word.
net::ServerResponse answerTo(const absl::Status& status, push::PushKind kind)
{
    if (status.ok()) {
        return empty(kind == push::PushKind::Delete ? 202 : 200);
    }
    if (absl::IsInvalidArgument(status)) {
        return plainText(400, fmt::format("pushed metrics are invalid or inconsistent with "
                                          "existing metrics: {}\n",
                                          base::messageOf(status)));
    }
    return absl::IsResourceExhausted(status)
               ? plainText(429, fmt::format("{}\n", base::messageOf(status)))
               : refusal(status);
}

} // namespace

bool isPush(std::string_view path)
{
    return path.starts_with("/metrics/job/") || path.starts_with("/metrics/job@base64/") ||
           path == "/metrics/job" || path == "/metrics/job@base64";
}

void push(const Context& context, const net::ServerRequest& request, net::Responder respond)
{
    const auto store = context.engine.pushed();
    if (!store) {
        respond(withoutStore(context.engine));
        return;
    }
    const auto kind = kindOf(request.method);
    if (!kind) {
        respond(methodNotAllowed("PUT, POST, DELETE"));
        return;
    }
    const std::string path = cleaned(request.path);
    if (path != request.path) {
        net::ServerResponse response = empty(301);
        response.headers.emplace_back("Location", escapedPath(path));
        respond(std::move(response));
        return;
    }
    const bool utf8Names = store->options().utf8Names;
    auto key = push::parsePushPath(std::string_view(path).substr(kPushPrefix.size()), utf8Names);
    if (!key.ok()) {
        respond(refusal(key.status()));
        return;
    }
    push::PushRequest pushed{.kind = *kind, .key = *std::move(key)};
    if (*kind != push::PushKind::Delete) {
        auto families = familiesOf(request, utf8Names);
        if (!families.ok()) {
            respond(refusal(families.status()));
            return;
        }
        pushed.families = *std::move(families);
    }
    if (!store->options().check && *kind != push::PushKind::Delete) {
        store->submit(std::move(pushed), [](const absl::Status&) {});
        respond(empty(202));
        return;
    }
    // std::function wants something copyable.
    auto holder = std::make_shared<net::Responder>(std::move(respond));
    store->submit(std::move(pushed), [holder, kind = *kind](const absl::Status& status) {
        (*holder)(answerTo(status, kind));
    });
}

net::ServerResponse pushedPage(const Context& context, const net::ServerRequest& request)
{
    const auto store = context.engine.pushed();
    if (!store) {
        return withoutStore(context.engine);
    }
    exposition::Negotiated negotiated = exposition::negotiate(request.header("Accept"));
    return {.contentType = std::move(negotiated.contentType),
            .body =
                exposition::writePage(store->families(), negotiated.format, negotiated.escaping)};
}

net::ServerResponse pushedGroups(const Context& context, const net::ServerRequest& /*request*/)
{
    const auto store = context.engine.pushed();
    return store ? success(push::groupsJson(store->groups())) : withoutStore(context.engine);
}

net::ServerResponse pushStatus(const Context& context, const net::ServerRequest& /*request*/)
{
    std::string data;
    base::JsonWriter json(data, base::JsonEscape::Html);
    json.beginObject().key("flags").beginObject();
    for (const auto& [name, value] : context.options.flags) {
        json.member(name, value);
    }
    json.endObject()
        .member("start_time", base::formatTimestamp(
                                  context.engine.status().startedAt.value_or(base::Timestamp{})))
        .key("build_information");
    writeBuildInfo(json);
    json.endObject();
    return success(data);
}

net::ServerResponse wipe(const Context& context, const net::ServerRequest& request)
{
    if (!context.options.enableAdmin) {
        return plainText(404, "404 page not found\n");
    }
    if (request.method != "PUT") {
        return methodNotAllowed("PUT");
    }
    const auto store = context.engine.pushed();
    if (!store) {
        return withoutStore(context.engine);
    }
    store->submit({.kind = push::PushKind::Wipe}, [](const absl::Status&) {});
    return empty(202);
}

} // namespace narthex::api
