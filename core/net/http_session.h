// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One connection of the HTTP server: reads a request, hands it over, writes the answer, whole or
// piece by piece, and reads the next; what comes meanwhile waits in a bounded buffer.
// Owner: the server, until the connection is over; running operations and the responder keep it
// alive. Threads: the loop's, but for the two callbacks given away: they post to it, or send a
// small answer themselves. Included by sources of core/net only.
#pragma once

#include "core/net/request_parser.h"
#include "core/net/response_text.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <stop_token>

namespace narthex::net {

using Tcp = boost::asio::ip::tcp;
using SteadyTime = std::chrono::steady_clock::time_point;

class Session;

/// What sessions need of their server. Threads: the loop's.
class SessionHost
{
public:
    virtual ~SessionHost() = default;
    [[nodiscard]] virtual const HttpServerOptions& options() const = 0;
    virtual void handle(ServerRequest request, Responder respond) = 0;
    virtual void remove(const std::shared_ptr<Session>& session) = 0;
    [[nodiscard]] virtual std::string_view date() = 0;
    [[nodiscard]] virtual boost::asio::io_context& context() = 0;
};

class Session : public std::enable_shared_from_this<Session>
{
public:
    Session(std::shared_ptr<SessionHost> host, std::string remoteAddress, bool secure);
    virtual ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Begins: with the TLS handshake if there is one.
    virtual void start() = 0;
    /// Drops the connection now.
    void close();
    /// Closes it if it has been too slow.
    void checkTime(SteadyTime now);
    /// Since when it has been without a request; absent: it has one.
    [[nodiscard]] std::optional<SteadyTime> idleSince() const;
    /// Closes it for the sake of others.
    void makeRoom() { finish(); }

protected:
    // What a transport does; each calls its function of this class when done.
    virtual void readSome(boost::asio::mutable_buffer room) = 0;
    virtual void writeSome(const std::array<boost::asio::const_buffer, 3>& parts) = 0;
    /// Says that no more will be written (a close_notify, a FIN), then calls onShutdown().
    virtual void shutdownWrite() = 0;
    virtual Tcp::socket& socket() = 0;
    /// Where bytes of an answer may go from any thread; -1: nowhere, they have to be encrypted.
    [[nodiscard]] virtual int descriptor() = 0;

    void begin(); // the transport is ready
    void onRead(boost::system::error_code error, std::size_t bytes);
    void onWritten(boost::system::error_code error, std::size_t bytes);
    void onShutdown();
    void finish();
    void setDeadline(base::Duration limit);

    const std::shared_ptr<SessionHost> host_; // fixed after construction

private:
    class Reply;
    class PieceTaker;

    enum class Phase : std::uint8_t
    {
        Opening,   // the handshake
        Idle,      // nothing of the next request is here
        Reading,   // a part of it is
        Waiting,   // the handler has it
        Writing,   // the answer leaves
        Streaming, // the next piece of it is awaited
        Draining   // all is said; the peer gets the time to read it
    };

    void readMore();
    void parse(std::string_view arrived);
    void dispatch();
    void refuse(const RequestError& error);
    void onPeerSilent();
    void watchForReset();
    void answer(std::uint64_t number, ServerResponse response);
    [[nodiscard]] bool answerDirectly(const ServerResponse& response);
    [[nodiscard]] bool takeDirectAnswer();
    void becomeIdle();
    void writeRest(std::string rest);
    void takePiece(std::uint64_t number, absl::StatusOr<std::string> piece);
    void write(ServerResponse response);
    void writeFrame(std::string piece);
    void startWriting(std::string_view tail);
    void consumeWritten(std::size_t bytes);
    void askForPiece();
    void answerDone();

    // Fixed after construction.
    const std::string remoteAddress_;
    const bool secure_;
    // A small answer that is made on another thread leaves from there, and the loop hears of it
    // with the next bytes of the peer: two switches of threads fewer. Measured: half as many again
    // requests a second on two cores.
    absl::Mutex directMutex_;
    bool direct_ ABSL_GUARDED_BY(directMutex_) = false;   // it may; the socket is open
    bool answered_ ABSL_GUARDED_BY(directMutex_) = false; // it has left, and the loop knows not yet
    // Touched by the loop's thread only.
    std::string chunk_;   // where reads go
    std::string pending_; // what has arrived and is no whole request yet
    std::optional<RequestParser> parser_;
    std::string head_; // of the answer, or of one of its chunks
    std::string body_;
    std::array<boost::asio::const_buffer, 3> left_; // of head, body and the end of a chunk
    BodyStream stream_;
    std::stop_source gone_{std::nostopstate};
    std::uint64_t number_ = 0; // of the request in work
    SteadyTime deadline_ = SteadyTime::max();
    std::size_t sinceDeadline_ = 0; // bytes written since it was set
    Phase phase_ = Phase::Opening;
    bool closed_ = false;
    bool reading_ = false;
    bool peerSilent_ = false; // it has said that it will send no more
    bool keepAlive_ = true;
    bool http11_ = true;
    bool continued_ = false;
    bool lastFrame_ = false;
};

/// A connection without TLS.
std::shared_ptr<Session> plainSession(std::shared_ptr<SessionHost> host, Tcp::socket socket,
                                      std::string remoteAddress);
/// With it; the session takes a reference of the context.
std::shared_ptr<Session> tlsSession(std::shared_ptr<SessionHost> host, Tcp::socket socket,
                                    SSL_CTX* context, std::string remoteAddress);

} // namespace narthex::net
