// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_server.h"

#include "core/base/status.h"
#include "core/net/http_client.h"
#include "core/net/io_loop_impl.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <deque>
#include <unordered_set>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::size_t kCompressFrom = 1400; // below one packet compression gains nothing

ServerRequest convert(Request& request, const std::string& remote)
{
    ServerRequest result;
    result.method = std::string(request.method_string());
    const std::string_view target(request.target().data(), request.target().size());
    const std::size_t question = target.find('?');
    result.path = percentDecode(target.substr(0, question), false);
    if (question != std::string_view::npos) {
        result.parameters = parseQuery(target.substr(question + 1));
    }
    for (const auto& field : request) {
        result.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    result.body = std::move(request.body());
    if (result.header("Content-Type").starts_with("application/x-www-form-urlencoded")) {
        // Parameters of the body come first, as in Go's FormValue.
        Parameters all = parseQuery(result.body);
        all.insert(all.end(), std::make_move_iterator(result.parameters.begin()),
                   std::make_move_iterator(result.parameters.end()));
        result.parameters = std::move(all);
    }
    result.remoteAddress = remote;
    return result;
}

} // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl>
{
public:
    class Session;

    Impl(IoLoop& loop, HttpServerOptions options, Handler handler)
        : loop_(loop),
          options_(std::move(options)),
          handler_(std::move(handler)),
          acceptor_(loop.impl().context)
    {}

    absl::Status listen();
    void stop();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const HttpServerOptions& options() const { return options_; }
    void handle(ServerRequest request, Responder responder)
    {
        if (handler_) {
            handler_(std::move(request), std::move(responder));
        }
    }
    void remove(const std::shared_ptr<Session>& session) { sessions_.erase(session); }
    [[nodiscard]] IoLoop& loop() { return loop_; }

private:
    void accept();

    IoLoop& loop_;
    const HttpServerOptions options_;
    std::uint16_t port_ = 0;
    // Touched by the loop's thread only.
    Handler handler_;
    tcp::acceptor acceptor_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
};

// One connection: reads a request, hands it over, writes the answer, reads the next.
class HttpServer::Impl::Session : public std::enable_shared_from_this<Session>
{
public:
    Session(std::shared_ptr<Impl> server, tcp::socket socket)
        : server_(std::move(server)), stream_(std::move(socket))
    {
        error_code error;
        stream_.socket().set_option(tcp::no_delay(true), error);
        const auto endpoint = stream_.socket().remote_endpoint(error);
        remote_ = error ? "" : endpoint.address().to_string();
    }

    void start() { read(); }

    void close()
    {
        error_code error;
        stream_.socket().shutdown(tcp::socket::shutdown_both, error);
        stream_.socket().close(error);
    }

private:
    void read()
    {
        parser_.emplace();
        parser_->body_limit(server_->options().bodyLimitBytes);
        parser_->header_limit(server_->options().headerLimitBytes);
        const bool waiting = buffer_.size() == 0;
        const base::Duration limit =
            waiting ? server_->options().idleTimeout : server_->options().readTimeout;
        stream_.expires_after(std::chrono::milliseconds(limit.ms()));
        if (waiting) {
            // Idle until the first byte, then the request has the shorter read time-out.
            stream_.async_read_some(
                buffer_.prepare(8192),
                [self = shared_from_this()](error_code error, std::size_t bytes) {
                    if (error) {
                        self->finish();
                        return;
                    }
                    self->buffer_.commit(bytes);
                    self->readRequest();
                });
            return;
        }
        readRequest();
    }

    void readRequest()
    {
        stream_.expires_after(std::chrono::milliseconds(server_->options().readTimeout.ms()));
        http::async_read(
            stream_, buffer_, *parser_,
            [self = shared_from_this()](error_code error, std::size_t) { self->onRead(error); });
    }

    void onRead(error_code error)
    {
        if (error == http::error::body_limit || error == http::error::header_limit) {
            keepAlive_ = false;
            acceptsGzip_ = false;
            const bool body = error == http::error::body_limit;
            write({.status = body ? 413 : 431,
                   .body = body ? "request body too large\n" : "request header too large\n"});
            return;
        }
        if (error) {
            if (error.category() == make_error_code(http::error::bad_method).category() &&
                error != http::error::end_of_stream && error != http::error::partial_message) {
                keepAlive_ = false;
                acceptsGzip_ = false;
                write({.status = 400, .body = fmt::format("bad request: {}\n", error.message())});
                return;
            }
            finish();
            return;
        }
        Request request = parser_->release();
        keepAlive_ = request.keep_alive();
        head_ = request.method() == http::verb::head;
        const auto encodings = request[http::field::accept_encoding];
        acceptsGzip_ = encodings.find("gzip") != beast::string_view::npos;
        stream_.expires_never();
        auto respond = [self = shared_from_this()](ServerResponse response) {
            if (self->acceptsGzip_ && response.body.size() >= kCompressFrom) {
                response.body = deflateGzip(response.body);
                response.headers.emplace_back("Content-Encoding", "gzip");
            }
            // std::function wants something copyable.
            auto holder = std::make_shared<ServerResponse>(std::move(response));
            asio::post(self->stream_.get_executor(),
                       [self, holder] { self->write(std::move(*holder)); });
        };
        server_->handle(convert(request, remote_), std::move(respond));
    }

    void write(ServerResponse response)
    {
        auto message = std::make_shared<Response>();
        message->result(static_cast<unsigned>(response.status));
        message->version(11);
        message->keep_alive(keepAlive_);
        if (!response.contentType.empty()) {
            message->set(http::field::content_type, response.contentType);
        }
        for (const auto& [name, value] : response.headers) {
            message->insert(name, value);
        }
        const std::size_t length = response.body.size();
        if (!head_) {
            message->body() = std::move(response.body);
        }
        message->content_length(length);
        stream_.expires_after(std::chrono::milliseconds(server_->options().readTimeout.ms()));
        http::async_write(stream_, *message,
                          [self = shared_from_this(), message](error_code error, std::size_t) {
                              if (error || !self->keepAlive_) {
                                  self->finish();
                                  return;
                              }
                              self->read();
                          });
    }

    void finish()
    {
        close();
        server_->remove(shared_from_this());
    }

    const std::shared_ptr<Impl> server_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string remote_;
    bool keepAlive_ = true;
    bool head_ = false;
    bool acceptsGzip_ = false;
};

absl::Status HttpServer::Impl::listen()
{
    error_code error;
    const auto address =
        asio::ip::make_address(options_.address.empty() ? "::" : options_.address, error);
    if (error) {
        return base::invalidArgument("listen address \"{}\": {} (an IP address is needed)",
                                     options_.address, error.message());
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
        acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error && address.is_v6()) {
        acceptor_.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) {
        acceptor_.bind(endpoint, error);
    }
    if (!error) {
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error == asio::error::address_in_use) {
        const auto owner = listenerOf(options_.port);
        return base::alreadyExists("listen {}:{}: address already in use{}", options_.address,
                                   options_.port, owner ? " by " + *owner : std::string());
    }
    if (error) {
        return base::unavailable("listen {}:{}: {}", options_.address, options_.port,
                                 error.message());
    }
    port_ = acceptor_.local_endpoint(error).port();
    accept();
    return absl::OkStatus();
}

void HttpServer::Impl::accept()
{
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
        if (error == asio::error::operation_aborted || !self->acceptor_.is_open()) {
            return;
        }
        if (!error && self->sessions_.size() < self->options_.maxConnections) {
            auto session = std::make_shared<Session>(self, std::move(socket));
            self->sessions_.insert(session);
            session->start();
        }
        self->accept();
    });
}

void HttpServer::Impl::stop()
{
    handler_ = nullptr;
    error_code error;
    acceptor_.close(error);
    const auto sessions = std::move(sessions_);
    sessions_.clear();
    for (const auto& session : sessions) {
        session->close();
    }
}

absl::StatusOr<std::unique_ptr<HttpServer>>
HttpServer::start(IoLoop& loop, const HttpServerOptions& options, Handler handler)
{
    auto impl = std::make_shared<Impl>(loop, options, std::move(handler));
    absl::Status status;
    loop.run([&] { status = impl->listen(); });
    NARTHEX_RETURN_IF_ERROR(status);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer()
{
    impl_->loop().run([this] { impl_->stop(); });
}

std::uint16_t HttpServer::port() const { return impl_->port(); }

std::string HttpServer::address() const
{
    const std::string& host = impl_->options().address;
    const bool isIpv6 = host.find(':') != std::string::npos;
    return isIpv6 ? fmt::format("[{}]:{}", host, impl_->port())
                  : fmt::format("{}:{}", host, impl_->port());
}

} // namespace narthex::net
