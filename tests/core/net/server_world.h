// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A server whose handlers answer, stream, hold or fail as the path says, and what it saw.
// Owner: a test. Threads: the test's own; counters from any.
#pragma once

#include "core/base/status.h"
#include "core/base/worker_pool.h"
#include "core/net/http_server.h"
#include "support/raw_client.h"

#include <absl/synchronization/mutex.h>

#include <QTest>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace narthex::tests {

using namespace net;

inline std::string get(const std::string& target)
{
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

/// A server with the answers that tests ask for by path.
class ServerWorld
{
public:
    explicit ServerWorld(HttpServerOptions options = {})
        : server_(
              HttpServer::start(loop_, options, [this](ServerRequest request, Responder respond) {
                  handle(std::move(request), std::move(respond));
              }).value())
    {}
    ~ServerWorld() { server_.reset(); }
    ServerWorld(const ServerWorld&) = delete;
    ServerWorld& operator=(const ServerWorld&) = delete;

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] RawClient client() const { return RawClient(port()); }
    HttpServer& server() { return *server_; }

    /// Answers the oldest request that is held.
    void release(ServerResponse response)
    {
        Responder responder;
        QVERIFY(QTest::qWaitFor([&] { return held() > 0; }, 10'000));
        {
            const absl::MutexLock lock(&mutex_);
            responder = std::move(held_.front());
            held_.pop_front();
        }
        responder(std::move(response));
    }
    [[nodiscard]] std::size_t held() const
    {
        const absl::MutexLock lock(&mutex_);
        return held_.size();
    }
    std::atomic<int> gone = 0;   // requests whose peer went
    std::atomic<int> pieces = 0; // of streams, asked for
    std::atomic<int> streamsEnded = 0;
    std::atomic<int> requests = 0;

private:
    struct StreamEnd
    {
        explicit StreamEnd(std::atomic<int>& count) : ended(count) {}
        StreamEnd(const StreamEnd&) = delete;
        StreamEnd& operator=(const StreamEnd&) = delete;
        ~StreamEnd() { ++ended; }
        std::atomic<int>& ended;
    };

    /// `count` pieces of `size` bytes, then the end or an error.
    BodyStream stream(int count, std::size_t size, bool broken = false)
    {
        auto end = std::make_shared<StreamEnd>(streamsEnded);
        auto left = std::make_shared<int>(count);
        return [this, end, left, size, broken](BodyPiece take) {
            ++pieces;
            if (*left == 0) {
                take(broken ? absl::StatusOr<std::string>(base::internalError("broken"))
                            : std::string());
                return;
            }
            --*left;
            take(std::string(size, 'x'));
        };
    }

    void handle(ServerRequest request, Responder respond)
    {
        ++requests;
        const std::string& path = request.path;
        if (path == "/hold") {
            const absl::MutexLock lock(&mutex_);
            watches_.push_back(std::make_unique<Watch>(request.gone, [this] { ++gone; }));
            held_.push_back(std::move(respond));
        } else if (path == "/stream") {
            respond({.body = "begin ", .stream = stream(3, 5)});
        } else if (path == "/endless") {
            respond({.stream = stream(1'000'000'000, 65536)});
        } else if (path == "/broken") {
            respond({.stream = stream(1, 5, true)});
        } else if (path.starts_with("/pool/")) {
            auto holder = std::make_shared<Responder>(std::move(respond));
            pool_.submit([holder, path] { (*holder)({.body = path}); });
        } else if (path == "/pool-large") {
            auto holder = std::make_shared<Responder>(std::move(respond));
            pool_.submit([holder] { (*holder)({.body = std::string(5'000'000, 'y')}); });
        } else if (path == "/drop") {
            // Nobody answers.
        } else if (path == "/throw") {
            throw std::runtime_error("a bug");
        } else if (path == "/inject") {
            respond({.contentType = "text/plain\r\nX-A: 1",
                     .body = "x",
                     .headers = {{"X-B", "1\r\nX-C: 2"}, {"X-D\r\nX-E", "3"}}});
        } else if (path == "/large") {
            respond({.body = std::string(50'000'000, 'x')});
        } else {
            std::string body =
                request.method + " " + path + " [" + request.query + "] " + request.body;
            for (const auto& [name, value] : request.parameters) {
                body += " " + name + "=" + value;
            }
            respond({.body = body});
        }
    }

    using Watch = std::stop_callback<std::function<void()>>;

    mutable absl::Mutex mutex_;
    std::deque<Responder> held_ ABSL_GUARDED_BY(mutex_);
    std::deque<std::unique_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
    base::WorkerPool pool_{2};
    IoLoop loop_;
    std::unique_ptr<HttpServer> server_;
};

inline bool eventually(const std::function<bool()>& condition)
{
    return QTest::qWaitFor(condition, 10'000);
}

} // namespace narthex::tests
