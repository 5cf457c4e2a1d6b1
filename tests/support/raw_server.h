// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A TCP server on loopback whose every byte the test decides: slow, endless, cut off or damaged
// answers. Each connection is served on a thread of its own. Owner: the test; the handler outlives
// the server, and returns once its connection is closed by shutdown. Threads: any.
#pragma once

#include <absl/synchronization/mutex.h>

#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace narthex::tests {

/// One accepted connection.
class RawConnection
{
public:
    explicit RawConnection(int descriptor) : descriptor_(descriptor) {}

    /// What arrives up to and with the next empty line; empty when the peer is gone.
    std::string readHead()
    {
        std::string head;
        char c = 0;
        while (!head.ends_with("\r\n\r\n")) {
            if (::recv(descriptor_, &c, 1, 0) != 1) {
                return {};
            }
            head += c;
        }
        return head;
    }
    /// Exactly `count` bytes; fewer when the peer is gone.
    std::string read(std::size_t count)
    {
        std::string bytes(count, '\0');
        const ssize_t got = ::recv(descriptor_, bytes.data(), count, MSG_WAITALL);
        bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }
    /// False: the peer is gone.
    [[nodiscard]] bool send(std::string_view bytes) const
    {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// Blocks until the peer hangs up (or the server ends).
    void waitForHangUp() const
    {
        char buffer[512];
        while (::recv(descriptor_, buffer, sizeof buffer, 0) > 0) {
        }
    }
    /// Closing sends RST instead of FIN.
    void resetOnClose() const
    {
        const linger hard{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }

private:
    int descriptor_;
};

class RawServer
{
public:
    using Handler = std::function<void(RawConnection&)>;

    explicit RawServer(Handler handler) : handler_(std::move(handler))
    {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, generic, &size) != 0) {
            throw std::runtime_error("no socket on loopback");
        }
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept(); });
    }

    ~RawServer()
    {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        std::vector<std::thread> workers;
        {
            const absl::MutexLock lock(&mutex_);
            for (const int descriptor : open_) {
                ::shutdown(descriptor, SHUT_RDWR);
            }
            workers.swap(workers_);
        }
        for (std::thread& worker : workers) {
            worker.join();
        }
        ::close(listener_);
    }
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    [[nodiscard]] std::string url() const { return "http://" + address(); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] int connections() const { return connections_.load(); }

private:
    void accept()
    {
        while (true) {
            const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (descriptor < 0) {
                return;
            }
            ++connections_;
            const absl::MutexLock lock(&mutex_);
            open_.push_back(descriptor);
            workers_.emplace_back([this, descriptor] {
                RawConnection connection(descriptor);
                handler_(connection);
                const absl::MutexLock inner(&mutex_);
                std::erase(open_, descriptor);
                ::close(descriptor);
            });
        }
    }

    const Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_ = 0;
    std::thread acceptor_;
    absl::Mutex mutex_;
    std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::thread> workers_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tests
