// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_session.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class PlainSession final : public Session
{
public:
    PlainSession(std::shared_ptr<SessionHost> host, Tcp::socket socket, std::string remoteAddress)
        : Session(std::move(host), std::move(remoteAddress), false), socket_(std::move(socket))
    {}

    void start() override { begin(); }

private:
    void readSome(asio::mutable_buffer room) override
    {
        socket_.async_read_some(room, [this, self = shared_from_this()](
                                          error_code error, std::size_t n) { onRead(error, n); });
    }
    void writeSome(const std::array<asio::const_buffer, 3>& parts) override
    {
        socket_.async_write_some(
            parts, [this, self = shared_from_this()](error_code error, std::size_t n) {
                onWritten(error, n);
            });
    }
    void shutdownWrite() override
    {
        error_code error;
        socket_.shutdown(Tcp::socket::shutdown_send, error);
        onShutdown();
    }
    Tcp::socket& socket() override { return socket_; }

    Tcp::socket socket_;
};

class TlsSession final : public Session
{
public:
    TlsSession(std::shared_ptr<SessionHost> host, Tcp::socket socket, SSL_CTX* context,
               std::string remoteAddress)
        : Session(std::move(host), std::move(remoteAddress), true),
          context_(context),
          stream_(std::move(socket), context_)
    {}

    void start() override
    {
        setDeadline(host_->options().readTimeout);
        stream_.async_handshake(asio::ssl::stream_base::server,
                                [this, self = shared_from_this()](error_code error) {
                                    if (error) {
                                        finish();
                                    } else {
                                        begin();
                                    }
                                });
    }

private:
    void readSome(asio::mutable_buffer room) override
    {
        stream_.async_read_some(room, [this, self = shared_from_this()](
                                          error_code error, std::size_t n) { onRead(error, n); });
    }
    void writeSome(const std::array<asio::const_buffer, 3>& parts) override
    {
        stream_.async_write_some(
            parts, [this, self = shared_from_this()](error_code error, std::size_t n) {
                onWritten(error, n);
            });
    }
    void shutdownWrite() override
    {
        // Asio's shutdown waits for the peer's; the deadline of writing bounds that.
        stream_.async_shutdown(
            [this, self = shared_from_this()](error_code /*whatever*/) { finish(); });
    }
    Tcp::socket& socket() override { return stream_.next_layer(); }

    asio::ssl::context context_;
    asio::ssl::stream<Tcp::socket> stream_;
};

} // namespace

std::shared_ptr<Session> plainSession(std::shared_ptr<SessionHost> host, Tcp::socket socket,
                                      std::string remoteAddress)
{
    return std::make_shared<PlainSession>(std::move(host), std::move(socket),
                                          std::move(remoteAddress));
}

std::shared_ptr<Session> tlsSession(std::shared_ptr<SessionHost> host, Tcp::socket socket,
                                    SSL_CTX* context, std::string remoteAddress)
{
    SSL_CTX_up_ref(context);
    return std::make_shared<TlsSession>(std::move(host), std::move(socket), context,
                                        std::move(remoteAddress));
}

} // namespace narthex::net
