// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The half of a session that answers.
#include "core/base/status.h"
#include "core/net/http_session.h"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sys/socket.h>
#include <utility>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Up to here one copy is cheaper than a second buffer to write.
constexpr std::size_t kSmallBody = 16U << 10U;
/// What a peer has to take in the time of writeTimeout.
constexpr std::size_t kProgressBytes = 64U << 10U;
} // namespace

/// Takes one piece of a body; dropped unused, it breaks the connection.
class Session::PieceTaker
{
public:
    PieceTaker(std::shared_ptr<Session> session, std::uint64_t number)
        : session_(std::move(session)), number_(number)
    {}
    PieceTaker(PieceTaker&&) = default;
    PieceTaker& operator=(PieceTaker&&) = delete;
    PieceTaker(const PieceTaker&) = delete;
    PieceTaker& operator=(const PieceTaker&) = delete;
    ~PieceTaker()
    {
        if (session_) {
            send(base::internalError("the body was given up"));
        }
    }
    void send(absl::StatusOr<std::string> piece)
    {
        if (!session_) {
            return;
        }
        asio::io_context& context = session_->host_->context();
        // Never at once: the stream that is being asked may be destroyed by its own answer.
        asio::post(context, [session = std::move(session_), number = number_,
                             piece = std::move(piece)]() mutable {
            session->takePiece(number, std::move(piece));
        });
    }

private:
    std::shared_ptr<Session> session_;
    std::uint64_t number_;
};

void Session::answer(std::uint64_t number, ServerResponse response)
{
    if (closed_ || number != number_ || phase_ != Phase::Waiting) {
        return;
    }
    write(std::move(response));
}

bool Session::answerDirectly(const ServerResponse& response)
{
    if (response.stream || response.body.size() > kSmallBody || !mayHaveBody(response.status)) {
        return false;
    }
    thread_local DateText date;
    thread_local std::string text;
    text.clear();
    appendResponseHead(text, response, {.lengthBytes = response.body.size()}, date.now());
    text.append(response.body);
    // The lock is held while bytes leave, which takes no waiting: the socket stays open that long.
    const absl::MutexLock lock(&directMutex_);
    if (!std::exchange(direct_, false)) {
        return false;
    }
    const ssize_t sent =
        ::send(descriptor(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) {
        return false; // the loop tries, and sees what is wrong
    }
    if (static_cast<std::size_t>(sent) == text.size()) {
        answered_ = true;
        return true;
    }
    asio::post(host_->context(), [self = shared_from_this(),
                                  rest = text.substr(static_cast<std::size_t>(sent))]() mutable {
        self->writeRest(std::move(rest));
    });
    return true;
}

bool Session::takeDirectAnswer()
{
    const absl::MutexLock lock(&directMutex_);
    direct_ = false; // from here on the loop answers, in order with what has come
    return std::exchange(answered_, false);
}

void Session::writeRest(std::string rest)
{
    if (closed_) {
        return;
    }
    phase_ = Phase::Writing;
    head_ = std::move(rest);
    body_.clear();
    startWriting({});
}

void Session::write(ServerResponse response)
{
    phase_ = Phase::Writing;
    const bool streamed = response.stream != nullptr;
    keepAlive_ = keepAlive_ && (http11_ || !streamed);
    BodyFraming framing{.http11 = http11_, .keepAlive = keepAlive_};
    if (!streamed) {
        framing.lengthBytes = response.body.size();
    }
    head_.clear();
    appendResponseHead(head_, response, framing, host_->date());
    body_.clear();
    lastFrame_ = false;
    stream_ = nullptr;
    if (parser_->isHead() || !mayHaveBody(response.status)) {
        startWriting({});
        return;
    }
    if (streamed) {
        stream_ = std::move(response.stream);
        if (response.body.empty()) {
            startWriting({}); // the peer hears at once that all is well
        } else {
            writeFrame(std::move(response.body));
        }
        return;
    }
    if (response.body.size() <= kSmallBody) {
        head_.append(response.body);
    } else {
        body_ = std::move(response.body);
    }
    startWriting({});
}

void Session::writeFrame(std::string piece)
{
    if (http11_) {
        fmt::format_to(std::back_inserter(head_), "{:x}\r\n", piece.size());
    }
    body_ = std::move(piece);
    startWriting(http11_ ? "\r\n" : "");
}

void Session::startWriting(std::string_view tail)
{
    left_ = {asio::buffer(head_), asio::buffer(body_), asio::buffer(tail.data(), tail.size())};
    setDeadline(host_->options().writeTimeout);
    writeSome(left_);
}

void Session::consumeWritten(std::size_t bytes)
{
    for (asio::const_buffer& part : left_) {
        const std::size_t used = std::min(bytes, part.size());
        part += used;
        bytes -= used;
    }
}

void Session::onWritten(error_code error, std::size_t bytes)
{
    if (closed_) {
        return;
    }
    if (error) {
        finish();
        return;
    }
    consumeWritten(bytes);
    sinceDeadline_ += bytes;
    if (left_[0].size() + left_[1].size() + left_[2].size() > 0) {
        if (sinceDeadline_ >= kProgressBytes) {
            setDeadline(host_->options().writeTimeout);
        }
        writeSome(left_);
    } else if (phase_ == Phase::Reading) {
        setDeadline(host_->options().readTimeout);
        readMore(); // it was told to go on
    } else if (stream_ && !lastFrame_) {
        askForPiece();
    } else {
        answerDone();
    }
}

void Session::askForPiece()
{
    phase_ = Phase::Streaming;
    deadline_ = SteadyTime::max();
    auto taker = std::make_unique<PieceTaker>(shared_from_this(), number_);
    stream_([taker = std::move(taker)](absl::StatusOr<std::string> piece) {
        taker->send(std::move(piece));
    });
    if (peerSilent_) {
        watchForReset();
    }
}

void Session::takePiece(std::uint64_t number, absl::StatusOr<std::string> piece)
{
    if (closed_ || number != number_ || phase_ != Phase::Streaming) {
        return;
    }
    if (!piece.ok()) {
        finish(); // without the last chunk: the peer sees that the body is not whole
        return;
    }
    phase_ = Phase::Writing;
    head_.clear();
    if (!piece->empty()) {
        writeFrame(*std::move(piece));
        return;
    }
    lastFrame_ = true;
    stream_ = nullptr;
    body_.clear();
    if (http11_) {
        head_ = "0\r\n\r\n";
        startWriting({});
    } else {
        answerDone();
    }
}

} // namespace narthex::net
