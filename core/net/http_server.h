// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The HTTP server of the APIs: keep-alive, pipelining in order, limits and time-outs on each
// connection, gzip answers. Owner: the engine's API. Threads: the handler is called on the loop's
// thread and must be short; the Responder may be called from any thread, once. Errors: start()
// returns AlreadyExists when the port is taken, naming the process if it can be known.
#pragma once

#include "core/base/time.h"
#include "core/net/io_loop.h"
#include "core/net/parameters.h"

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::net {

using namespace base::literals;

struct ServerRequest
{
    std::string method;
    /// Decoded, without the query.
    std::string path;
    /// Of the query and, for form posts, of the body; in order, names may repeat.
    Parameters parameters;
    Parameters headers;
    std::string body;
    std::string remoteAddress;
    /// Stopped when the peer hangs up before it has its answer, or the server stops.
    std::stop_token gone;

    [[nodiscard]] std::string_view header(std::string_view name) const;
    /// The first value of a parameter; absent if it was not given.
    [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> parameterValues(std::string_view name) const;
};

/// Takes the next piece of a body that is made while it is sent: an empty one is the end, an error
/// breaks the connection (the peer sees that the body is not whole). May be called from any thread.
using BodyPiece = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;
/// Asked for one piece at a time, on the loop's thread and when the one before it has been sent;
/// answers at once or later. Destroyed when the body is sent or the peer is gone.
using BodyStream = std::function<void(BodyPiece)>;

struct ServerResponse
{
    int status = 200;
    std::string contentType = "text/plain; charset=utf-8";
    std::string body;
    Parameters headers;
    /// Follows `body` if it is there; then the length is not known beforehand (chunked).
    BodyStream stream;
};

using Responder = absl::AnyInvocable<void(ServerResponse)>;

struct HttpServerOptions
{
    std::string address = "127.0.0.1";
    /// 0: any free one.
    std::uint16_t port = 0;
    /// A connection without a request for this long is closed; also the longest a request may take
    /// to arrive.
    base::Duration idleTimeout = 5_min;
    base::Duration readTimeout = 30_s;
    std::uint64_t bodyLimitBytes = 64ULL << 20U;
    std::uint32_t headerLimitBytes = 64U << 10U;
    std::size_t maxConnections = 2048;
};

class HttpServer
{
public:
    using Handler = std::function<void(ServerRequest, Responder)>;

    /// Listens at once. `loop` outlives the server.
    static absl::StatusOr<std::unique_ptr<HttpServer>>
    start(IoLoop& loop, const HttpServerOptions& options, Handler handler);
    /// Closes the listener and all connections; the handler is not called after that.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    /// "127.0.0.1:9090"
    [[nodiscard]] std::string address() const;

private:
    class Impl;
    explicit HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<Impl> impl_;
};

/// The process that listens on this TCP port of this machine, "process 1234 (prometheus)", if it
/// can be known.
std::optional<std::string> listenerOf(std::uint16_t port);

/// "host:port", "[::1]:9090", ":9090" (all interfaces).
absl::StatusOr<std::pair<std::string, std::uint16_t>> splitHostPort(std::string_view text);

} // namespace narthex::net
