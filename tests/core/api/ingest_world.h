// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An engine with all doors open. Owner: a test. Threads: the test's own.
#pragma once

#include "support/api_world.h"
#include "support/write_messages.h"

#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::api {

using test::ApiWorld;
using test::LabelList;
using test::requestV1;
using test::RequestV2;
using test::SeriesV1;

inline constexpr std::string_view kV2 =
    "application/x-protobuf;proto=io.prometheus.write.v2.Request";

inline IngestOptions everything()
{
    return {.enableRemoteWriteReceiver = true,
            .acceptedMessages = {remote::receiver::WriteMessage::V1,
                                 remote::receiver::WriteMessage::V2},
            .enableOtlpReceiver = true};
}

/// An engine with all doors open, and external labels.
class World
{
public:
    explicit World(const IngestOptions& ingest = everything(),
                   const std::string& config = "global: {external_labels: {dc: x}}\n")
    {
        const auto file = folder_.path() / "prometheus.yml";
        std::ofstream(file) << config;
        world_ = std::make_unique<ApiWorld>(
            true, [&file](engine::EngineOptions& options) { options.configFile = file; }, ingest);
    }
    [[nodiscard]] bool isReady() const { return world_->isReady(); }
    [[nodiscard]] std::int64_t now() const { return world_->engine->clock().now().ms; }
    net::ServerResponse post(const std::string& path, const std::string& body,
                             net::Parameters headers = {})
    {
        net::ServerRequest request;
        request.method = "POST";
        request.path = path;
        request.headers = std::move(headers);
        request.body = body;
        return world_->send(std::move(request));
    }
    net::ServerResponse write(const std::string& plain, std::string_view type = "")
    {
        net::Parameters headers;
        if (!type.empty()) {
            headers.emplace_back("Content-Type", type);
        }
        return post("/api/v1/write", test::compressed(plain), headers);
    }
    net::ServerResponse federate(const std::vector<std::string>& selectors,
                                 const std::string& accept = {})
    {
        net::ServerRequest request;
        request.method = "GET";
        request.path = "/federate";
        for (const std::string& selector : selectors) {
            request.parameters.emplace_back("match[]", selector);
        }
        if (!accept.empty()) {
            request.headers.emplace_back("Accept", accept);
        }
        return world_->send(std::move(request));
    }
    /// Of an instant query, as the API writes it.
    std::string query(const std::string& expr)
    {
        return world_->call("GET", "/api/v1/query", {{"query", expr}}).body;
    }
    [[nodiscard]] ApiWorld& api() { return *world_; }

private:
    base::TemporaryDirectory folder_;
    std::unique_ptr<ApiWorld> world_;
};

inline std::string_view headerOf(const net::ServerResponse& response, std::string_view name)
{
    for (const auto& [key, value] : response.headers) {
        if (key == name) {
            return value;
        }
    }
    return "-";
}

inline bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

} // namespace narthex::api
