// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_session.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 8U << 10U;
constexpr std::size_t kBodyReadBytes = 64U << 10U;
/// What a peer may send ahead of its answers (pipelining).
constexpr std::size_t kAheadBytes = 64U << 10U;
/// How long a peer may take to read the last words.
constexpr base::Duration kDrainTime = base::Duration::fromMs(1000);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

/// The one answer to a request. Dropped unused, it says 500, lest the peer waits for ever.
class Session::Reply
{
public:
    Reply(std::shared_ptr<Session> session, std::uint64_t number)
        : session_(std::move(session)), number_(number)
    {}
    Reply(Reply&&) = default;
    Reply& operator=(Reply&&) = delete;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply()
    {
        if (session_) {
            send({.status = 500, .body = "internal error: nobody answered this request\n"});
        }
    }
    void send(ServerResponse response)
    {
        if (!session_) {
            return;
        }
        asio::io_context& context = session_->host_->context();
        if (!context.get_executor().running_in_this_thread() &&
            session_->answerDirectly(response)) {
            session_.reset();
            return;
        }
        asio::dispatch(context, [session = std::move(session_), number = number_,
                                 response = std::move(response)]() mutable {
            session->answer(number, std::move(response));
        });
    }

private:
    std::shared_ptr<Session> session_;
    std::uint64_t number_;
};

Session::Session(std::shared_ptr<SessionHost> host, std::string remoteAddress, bool secure)
    : host_(std::move(host)), remoteAddress_(std::move(remoteAddress)), secure_(secure)
{}

void Session::setDeadline(base::Duration limit)
{
    deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit.ms());
    sinceDeadline_ = 0;
}

void Session::checkTime(SteadyTime now)
{
    if (!closed_ && phase_ == Phase::Waiting && takeDirectAnswer()) {
        becomeIdle();
    }
    if (closed_ || now < deadline_) {
        return;
    }
    const bool nothingLeft = left_[0].size() + left_[1].size() + left_[2].size() == 0;
    if (phase_ == Phase::Reading && nothingLeft) {
        refuse({.status = 408, .text = "the request took too long to arrive"});
        return;
    }
    finish();
}

std::optional<SteadyTime> Session::idleSince() const
{
    if (phase_ != Phase::Idle) {
        return std::nullopt;
    }
    return deadline_ - std::chrono::milliseconds(host_->options().idleTimeout.ms());
}

void Session::close()
{
    if (closed_) {
        return;
    }
    closed_ = true;
    stream_ = nullptr;
    {
        const absl::MutexLock lock(&directMutex_);
        direct_ = false; // the number of the socket may soon be another's
        if (answered_) {
            gone_ = std::stop_source(std::nostopstate);
        }
    }
    error_code error;
    socket().shutdown(Tcp::socket::shutdown_both, error);
    socket().close(error);
    gone_.request_stop();
}

void Session::finish()
{
    close();
    host_->remove(shared_from_this());
}

void Session::begin()
{
    phase_ = Phase::Idle;
    setDeadline(host_->options().idleTimeout);
    readMore();
}

void Session::readMore()
{
    if (closed_ || reading_ || peerSilent_) {
        return;
    }
    const bool inRequest = phase_ == Phase::Reading;
    if (!inRequest && pending_.size() >= kAheadBytes) {
        return; // the rest may wait in the kernel
    }
    const bool inBody = inRequest && pending_.empty();
    const std::size_t wanted = inBody ? kBodyReadBytes : kReadBytes;
    if (chunk_.size() < wanted || (phase_ == Phase::Idle && chunk_.size() > wanted)) {
        chunk_ = std::string(wanted, '\0'); // an idle connection keeps little
    }
    reading_ = true;
    readSome(asio::buffer(chunk_.data(), chunk_.size()));
}

void Session::onRead(error_code error, std::size_t bytes)
{
    reading_ = false;
    if (closed_) {
        return;
    }
    if (phase_ == Phase::Waiting && takeDirectAnswer()) {
        becomeIdle();
    }
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
        peerSilent_ = true;
        onPeerSilent();
        return;
    }
    if (error) {
        finish();
        return;
    }
    const std::string_view arrived(chunk_.data(), bytes);
    switch (phase_) {
    case Phase::Idle:
    case Phase::Reading:
        parse(arrived);
        return;
    case Phase::Waiting:
    case Phase::Writing:
    case Phase::Streaming:
        pending_.append(arrived);
        break;
    case Phase::Opening:
    case Phase::Draining:
        break;
    }
    readMore();
}

void Session::onPeerSilent()
{
    switch (phase_) {
    case Phase::Opening:
    case Phase::Idle:
    case Phase::Reading:
    case Phase::Draining:
        finish();
        return;
    case Phase::Writing:
        return; // what is written will tell whether somebody reads
    case Phase::Waiting:
    case Phase::Streaming:
        break;
    }
    if (secure_) {
        finish(); // nobody half-closes under TLS
        return;
    }
    // A peer that only has no more to say and one that is gone look alike until something is sent
    // to them: a gone one answers with a reset. An interim response may always be sent (RFC 9110,
    // 15.2), and clients of HTTP/1.1 skip it.
    watchForReset();
    if (phase_ == Phase::Waiting && http11_) {
        (void)::send(socket().native_handle(), kContinue.data(), kContinue.size(),
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void Session::watchForReset()
{
    socket().async_wait(Tcp::socket::wait_error, [self = shared_from_this()](error_code error) {
        if (!error && !self->closed_) {
            self->finish();
        }
    });
}

void Session::parse(std::string_view arrived)
{
    // The common case: a whole request in one piece is parsed where it lies.
    const bool fresh = pending_.empty();
    if (!fresh) {
        pending_.append(arrived);
    }
    std::string_view bytes = fresh ? arrived : pending_;
    if (phase_ == Phase::Idle) {
        // Empty lines before a request are no fault (RFC 9112, 2.2).
        bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
        if (bytes.empty()) {
            pending_.clear();
            readMore();
            return;
        }
        parser_.emplace(host_->options().headerLimitBytes, host_->options().bodyLimitBytes);
        phase_ = Phase::Reading;
        setDeadline(host_->options().readTimeout);
    }
    const auto used = parser_->put(bytes);
    if (!used.ok()) {
        refuse(parser_->error());
        return;
    }
    bytes.remove_prefix(*used);
    if (fresh) {
        pending_ = bytes;
    } else {
        pending_.erase(0, pending_.size() - bytes.size());
    }
    if (parser_->done()) {
        dispatch();
    } else if (peerSilent_) {
        finish(); // the rest will not come
    } else if (parser_->wantsContinue() && !continued_ && pending_.empty()) {
        continued_ = true;
        head_ = kContinue;
        body_.clear();
        startWriting({});
    } else {
        readMore();
    }
}

void Session::dispatch()
{
    auto request = parser_->take();
    keepAlive_ = parser_->keepAlive();
    http11_ = parser_->isHttp11();
    phase_ = Phase::Waiting;
    deadline_ = SteadyTime::max();
    ++number_;
    gone_ = std::stop_source();
    request.remoteAddress = remoteAddress_;
    request.secure = secure_;
    request.gone = gone_.get_token();
    {
        const absl::MutexLock lock(&directMutex_);
        answered_ = false;
        direct_ = descriptor() >= 0 && keepAlive_ && http11_ && !parser_->isHead() &&
                  pending_.empty() && !peerSilent_;
    }
    readMore(); // to see a peer go
    auto reply = std::make_unique<Reply>(shared_from_this(), number_);
    host_->handle(std::move(request), [reply = std::move(reply)](ServerResponse response) {
        reply->send(std::move(response));
    });
}

void Session::refuse(const RequestError& error)
{
    keepAlive_ = false;
    http11_ = true;
    pending_.clear();
    ++number_;
    phase_ = Phase::Waiting;
    answer(number_, {.status = error.status, .body = error.text + "\n"});
}

void Session::becomeIdle()
{
    body_ = {};
    parser_.reset();
    continued_ = false;
    gone_ = std::stop_source(std::nostopstate);
    phase_ = Phase::Idle;
    setDeadline(host_->options().idleTimeout);
}

void Session::answerDone()
{
    becomeIdle();
    if (!keepAlive_ || (peerSilent_ && pending_.empty())) {
        phase_ = Phase::Writing; // the end of it
        setDeadline(kDrainTime);
        shutdownWrite();
        return;
    }
    if (pending_.empty()) {
        readMore();
    } else {
        parse({});
    }
}

void Session::onShutdown()
{
    if (closed_) {
        return;
    }
    if (peerSilent_) {
        finish();
        return;
    }
    // Closing with unread bytes would be a reset that takes the answer away from the peer.
    phase_ = Phase::Draining;
    setDeadline(kDrainTime);
    readMore();
}

} // namespace narthex::net
