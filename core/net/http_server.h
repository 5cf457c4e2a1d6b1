// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The HTTP/1.1 server of the APIs: keep-alive, pipelining in order, limits and time-outs on each
// connection, bodies made while they are sent, TLS. HTTP/2 is not offered.
// Owner: the engine's API. Threads: the handler is called on the loop's thread and must be short;
// the Responder may be called from any thread, once; one that is dropped answers 500. Errors:
// start() returns AlreadyExists when the port is taken, naming the process if it can be known.
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

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace narthex::net {

using namespace base::literals;

struct ServerRequest
{
    std::string method;
    /// Decoded, without the query. It may hold anything, "/../" and NUL as well.
    std::string path;
    /// As it was sent, without '?'.
    std::string query;
    /// Of the query and, for form posts, of the body; in order, names may repeat.
    Parameters parameters;
    Parameters headers;
    std::string body;
    std::string remoteAddress;
    /// It came over TLS.
    bool secure = false;
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

/// The TLS context of one handshake, asked for on the loop's thread: certificates may have changed.
using TlsContextSource = std::function<absl::StatusOr<std::shared_ptr<ssl_ctx_st>>()>;

struct HttpServerOptions
{
    std::string address = "127.0.0.1";
    /// 0: any free one.
    std::uint16_t port = 0;
    /// More addresses to listen on.
    std::vector<std::pair<std::string, std::uint16_t>> moreAddresses;
    /// Absent: no TLS.
    TlsContextSource tls;
    /// A connection without a request for this long is closed; also the longest a request may take
    /// to arrive.
    base::Duration idleTimeout = 5_min;
    base::Duration readTimeout = 30_s;
    /// A peer that takes less than 64 KiB of its answer in this time is too slow.
    base::Duration writeTimeout = 30_s;
    std::uint64_t bodyLimitBytes = 64ULL << 20U;
    std::uint32_t headerLimitBytes = 64U << 10U;
    /// Further connections wait until one of these is closed.
    std::size_t maxConnections = 512;
    /// While some wait, a connection that has been idle for this long makes room.
    base::Duration idleGrace = 10_s;
};

/// Connections since the start.
struct ConnectionCounts
{
    std::uint64_t accepted = 0;
    std::uint64_t closed = 0;
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
    /// All of them.
    [[nodiscard]] std::vector<std::string> addresses() const;
    [[nodiscard]] ConnectionCounts connections() const;

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
