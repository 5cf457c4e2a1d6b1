// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Paths and methods of both APIs. Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#include "core/alertmanager/api.h"
#include "core/base/json_writer.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kV2 = "/api/v2";
constexpr std::string_view kOwn = "/api/narthex/v1";

ApiAnswer unknownPath(std::string_view path)
{
    std::string body;
    base::JsonWriter json(body);
    json.beginObject().key("code").integer(404);
    json.member("message", fmt::format("path {} was not found", path)).endObject();
    return {.status = 404, .body = std::move(body)};
}

ApiAnswer wrongMethod(std::string_view method, std::string_view allowed)
{
    std::string body;
    base::JsonWriter json(body);
    json.beginObject().key("code").integer(405);
    json.member("message", fmt::format("method {} is not allowed, but [{}] are", method, allowed))
        .endObject();
    return {.status = 405, .body = std::move(body)};
}

ApiAnswer answerV2(ApiV2 api, std::string_view path, const ApiRequest& request)
{
    const bool isGet = request.method == "GET" || request.method == "HEAD";
    const bool isPost = request.method == "POST";
    const std::string_view type = request.contentType;
    if (path == "/alerts" || path == "/silences") {
        const bool alerts = path == "/alerts";
        if (isGet) {
            return alerts ? api.alerts(request.query) : api.silences(request.query);
        }
        if (isPost) {
            return alerts ? api.postAlerts(type, request.body)
                          : api.postSilence(type, request.body);
        }
        return wrongMethod(request.method, "GET,POST");
    }
    if (path == "/status" || path == "/receivers" || path == "/alerts/groups") {
        if (!isGet) {
            return wrongMethod(request.method, "GET");
        }
        return path == "/status"      ? api.status()
               : path == "/receivers" ? api.receivers(request.query)
                                      : api.groups(request.query);
    }
    constexpr std::string_view kSilence = "/silence/";
    if (path.starts_with(kSilence) && path.size() > kSilence.size()) {
        const std::string_view id = path.substr(kSilence.size());
        if (isGet) {
            return api.silence(id);
        }
        return request.method == "DELETE" ? api.deleteSilence(id)
                                          : wrongMethod(request.method, "DELETE,GET");
    }
    return unknownPath(request.path);
}

ApiAnswer answerSilences(const ApiSilences& api, std::string_view path, const ApiRequest& request)
{
    if (path == "preview") {
        return request.method == "POST" ? api.preview(request.body)
                                        : wrongMethod(request.method, "POST");
    }
    if (request.method != "GET" && request.method != "HEAD") {
        return wrongMethod(request.method, "GET");
    }
    return path == "warnings" ? api.warnings() : api.get(path);
}

ApiAnswer answerOwn(ApiAcks api, std::string_view path, const ApiRequest& request)
{
    const bool isGet = request.method == "GET" || request.method == "HEAD";
    if (path == "/acks") {
        if (isGet) {
            return api.list(request.query);
        }
        return request.method == "POST" ? api.post(request.body, {})
                                        : wrongMethod(request.method, "GET,POST");
    }
    constexpr std::string_view kAck = "/acks/";
    if (path.starts_with(kAck) && path.size() > kAck.size()) {
        const std::string_view id = path.substr(kAck.size());
        if (isGet) {
            return api.get(id);
        }
        if (request.method == "PATCH") {
            return api.patch(id, request.body, {});
        }
        return request.method == "DELETE" ? api.remove(id, {})
                                          : wrongMethod(request.method, "DELETE,GET,PATCH");
    }
    constexpr std::string_view kExplain = "/explain/";
    if (path != "/alerts" && path != "/history" && !path.starts_with(kExplain)) {
        return unknownPath(request.path);
    }
    if (!isGet) {
        return wrongMethod(request.method, "GET");
    }
    return path == "/alerts"    ? api.alerts(request.query)
           : path == "/history" ? api.history(request.query)
                                : api.explain(path.substr(kExplain.size()));
}

} // namespace

ApiAnswer answer(Alertmanager& manager, const AckExporter* exporter, const ApiRequest& request)
{
    constexpr std::string_view kSilences = "/api/narthex/v1/silences/";
    const std::string_view path = request.path;
    if (path.starts_with(kSilences)) {
        return answerSilences(ApiSilences(manager), path.substr(kSilences.size()), request);
    }
    if (path.starts_with(kV2)) {
        return answerV2(ApiV2(manager), path.substr(kV2.size()), request);
    }
    return path.starts_with(kOwn)
               ? answerOwn(ApiAcks(manager, exporter), path.substr(kOwn.size()), request)
               : ApiV2::removedV1();
}

} // namespace narthex::alertmanager
