// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A web server that stands in for an API that cannot be had on a test machine: it answers with
// recorded bodies by method and path, and remembers what was asked.
// Owner: the test. Threads: any.
#pragma once

#include "core/net/http_server.h"

#include <absl/synchronization/mutex.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace narthex::tests {

class ScriptedServer
{
public:
    using Handler = std::function<net::ServerResponse(const net::ServerRequest&)>;

    ScriptedServer() : loop_(std::make_unique<net::IoLoop>())
    {
        auto server = net::HttpServer::start(
            *loop_, {}, [this](const net::ServerRequest& request, net::Responder respond) {
                respond(answer(request));
            });
        if (!server.ok()) {
            throw std::runtime_error(server.status().ToString());
        }
        server_ = *std::move(server);
    }

    /// "http://127.0.0.1:port"
    [[nodiscard]] std::string url() const { return "http://" + server_->address(); }
    [[nodiscard]] std::string address() const { return server_->address(); }

    /// Answers all requests of this method and (decoded) path with JSON.
    void json(const std::string& methodAndPath, const std::string& body)
    {
        answerWith(methodAndPath, {.contentType = "application/json", .body = body});
    }
    /// The answers one after the other, the last one for ever. "GET /v1/x".
    void sequence(const std::string& methodAndPath, std::vector<net::ServerResponse> answers)
    {
        auto left = std::make_shared<std::vector<net::ServerResponse>>(std::move(answers));
        handle(methodAndPath, [left](const net::ServerRequest&) {
            net::ServerResponse next = left->front();
            if (left->size() > 1) {
                left->erase(left->begin());
            }
            return next;
        });
    }
    void answerWith(const std::string& methodAndPath, const net::ServerResponse& answer)
    {
        handle(methodAndPath, [answer](const net::ServerRequest&) { return answer; });
    }
    void handle(const std::string& methodAndPath, Handler handler)
    {
        const absl::MutexLock lock(&mutex_);
        handlers_[methodAndPath] = std::move(handler);
    }

    /// All requests so far, in order.
    [[nodiscard]] std::vector<net::ServerRequest> requests() const
    {
        const absl::MutexLock lock(&mutex_);
        return requests_;
    }
    /// How many of them had this method and path.
    [[nodiscard]] std::size_t count(const std::string& methodAndPath) const
    {
        std::size_t result = 0;
        for (const net::ServerRequest& request : requests()) {
            result += request.method + " " + request.path == methodAndPath ? 1U : 0U;
        }
        return result;
    }
    /// The newest request of this method and path; throws if there was none.
    [[nodiscard]] net::ServerRequest last(const std::string& methodAndPath) const
    {
        const std::vector<net::ServerRequest> all = requests();
        for (auto request = all.rbegin(); request != all.rend(); ++request) {
            if (request->method + " " + request->path == methodAndPath) {
                return *request;
            }
        }
        throw std::runtime_error("nobody asked " + methodAndPath);
    }
    void forget()
    {
        const absl::MutexLock lock(&mutex_);
        requests_.clear();
    }

private:
    net::ServerResponse answer(const net::ServerRequest& request)
    {
        Handler handler;
        {
            const absl::MutexLock lock(&mutex_);
            requests_.push_back(request);
            const auto found = handlers_.find(request.method + " " + request.path);
            if (found != handlers_.end()) {
                handler = found->second;
            }
        }
        return handler ? handler(request)
                       : net::ServerResponse{.status = 404, .body = "not recorded"};
    }

    mutable absl::Mutex mutex_;
    std::map<std::string, Handler> handlers_ ABSL_GUARDED_BY(mutex_);
    std::vector<net::ServerRequest> requests_ ABSL_GUARDED_BY(mutex_);
    std::unique_ptr<net::IoLoop> loop_;
    std::unique_ptr<net::HttpServer> server_;
};

} // namespace narthex::tests
