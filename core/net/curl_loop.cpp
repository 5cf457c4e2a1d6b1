// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/curl_loop.h"

#include "core/net/io_loop_impl.h"

#include <sys/socket.h>
#include <unistd.h>

namespace narthex::net {

namespace asio = boost::asio;

struct CurlLoop::Watch
{
    Watch(asio::io_context& context, curl_socket_t watched, bool connection)
        : descriptor(context), socket(watched), isConnection(connection)
    {}
    /// False: the system has no room for another watch.
    [[nodiscard]] bool assign()
    {
        boost::system::error_code error;
        descriptor.assign(socket, error);
        return !error;
    }
    asio::posix::stream_descriptor descriptor;
    const curl_socket_t socket;
    /// Opened by onOpen, so that onClose will tell of its end; others are curl's own.
    const bool isConnection;
    int events = 0;
    bool reading = false;
    bool writing = false;
    /// Asio reports it writable, again and again, since something was once waited for.
    bool writeRegistered = false;
    bool removed = false;
};

CurlLoop::CurlLoop(IoLoop& loop, Done done)
    : loop_(loop), done_(std::move(done)), multi_(curl_multi_init()), timer_(loop.impl().context)
{
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, onSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, onTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    constexpr long kIdleConnections = 20000;
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
}

CurlLoop::~CurlLoop()
{
    *alive_ = false;
    timer_.cancel();
    curl_multi_cleanup(multi_); // closes idle connections
    while (!watches_.empty()) {
        forget(watches_.begin()->first);
    }
}

CURL* CurlLoop::newHandle()
{
    CURL* const easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, onOpen);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, onClose);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    return easy;
}

void CurlLoop::add(CURL* easy) { curl_multi_add_handle(multi_, easy); }

void CurlLoop::remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

void CurlLoop::act(curl_socket_t socket, int events)
{
    int running = 0;
    curl_multi_socket_action(multi_, socket, events, &running);
    collect();
}

void CurlLoop::collect()
{
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
        if (message->msg == CURLMSG_DONE) {
            done_(message->easy_handle, message->data.result);
        }
    }
}

void CurlLoop::wakeNow()
{
    if (wakePosted_) {
        return;
    }
    wakePosted_ = true;
    loop_.post([this, alive = alive_] {
        if (*alive) {
            wakePosted_ = false;
            act(CURL_SOCKET_TIMEOUT, 0);
        }
    });
}

void CurlLoop::wakeAt(Clock::time_point time)
{
    if (armed_ && *armed_ <= time) {
        return;
    }
    armed_ = time;
    timer_.expires_at(time);
    timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
        if (error || !*alive) {
            return;
        }
        armed_.reset();
        if (wanted_ && *wanted_ <= Clock::now()) {
            wanted_.reset();
            act(CURL_SOCKET_TIMEOUT, 0);
        }
        if (wanted_) {
            wakeAt(*wanted_);
        }
    });
}

int CurlLoop::onTimer(CURLM*, long timeoutMs, void* user)
{
    auto& self = *static_cast<CurlLoop*>(user);
    self.wanted_.reset();
    if (timeoutMs == 0) {
        self.wakeNow();
    } else if (timeoutMs > 0) {
        self.wanted_ = Clock::now() + std::chrono::milliseconds(timeoutMs);
        self.wakeAt(*self.wanted_);
    }
    return 0;
}

curl_socket_t CurlLoop::onOpen(void* user, curlsocktype, curl_sockaddr* address)
{
    auto& self = *static_cast<CurlLoop*>(user);
    const curl_socket_t socket =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket == CURL_SOCKET_BAD) {
        return socket;
    }
    auto watch = std::make_shared<Watch>(self.loop_.impl().context, socket, true);
    if (!watch->assign()) {
        ::close(socket);
        return CURL_SOCKET_BAD;
    }
    self.watches_[socket] = std::move(watch);
    return socket;
}

int CurlLoop::onClose(void* user, curl_socket_t socket)
{
    static_cast<CurlLoop*>(user)->forget(socket);
    return ::close(socket);
}

void CurlLoop::forget(curl_socket_t socket)
{
    if (const auto found = watches_.find(socket); found != watches_.end()) {
        found->second->removed = true;
        found->second->descriptor.release(); // curl owns it
        watches_.erase(found);
    }
}

int CurlLoop::onSocket(CURL*, curl_socket_t socket, int events, void* user, void*)
{
    auto& self = *static_cast<CurlLoop*>(user);
    const auto found = self.watches_.find(socket);
    if (events == CURL_POLL_REMOVE) {
        if (found != self.watches_.end()) {
            found->second->events = 0;
            if (!found->second->isConnection) {
                self.forget(socket);
            }
        }
        return 0;
    }
    std::shared_ptr<Watch> watch = found != self.watches_.end() ? found->second : nullptr;
    if (!watch) {
        watch = std::make_shared<Watch>(self.loop_.impl().context, socket, false);
        if (!watch->assign()) {
            return -1; // curl fails the transfer
        }
        self.watches_[socket] = watch;
    }
    watch->events = events;
    self.arm(watch);
    return 0;
}

void CurlLoop::arm(const std::shared_ptr<Watch>& watch)
{
    const bool quiet = !watch->reading && !watch->writing;
    if (watch->writeRegistered && quiet && watch->events == CURL_POLL_IN) {
        // Registered anew a connection costs no wake-up for each request that was sent.
        watch->descriptor.release();
        watch->writeRegistered = false;
        if (!watch->assign()) {
            return; // the limit of time ends the transfer
        }
    }
    if ((watch->events & CURL_POLL_IN) != 0 && !watch->reading) {
        watch->reading = true;
        watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                     [this, watch](const boost::system::error_code& error) {
                                         watch->reading = false;
                                         fired(watch, CURL_CSELECT_IN, CURL_POLL_IN, error);
                                     });
    }
    if ((watch->events & CURL_POLL_OUT) != 0 && !watch->writing) {
        watch->writing = watch->writeRegistered = true;
        watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                     [this, watch](const boost::system::error_code& error) {
                                         watch->writing = false;
                                         fired(watch, CURL_CSELECT_OUT, CURL_POLL_OUT, error);
                                     });
    }
}

void CurlLoop::fired(const std::shared_ptr<Watch>& watch, int select, int poll,
                     const boost::system::error_code& error)
{
    if (watch->removed || error == asio::error::operation_aborted) {
        return;
    }
    if ((watch->events & poll) != 0) {
        act(watch->socket, error ? CURL_CSELECT_ERR : select);
        if (!watch->removed) {
            arm(watch);
        }
    }
}

} // namespace narthex::net
