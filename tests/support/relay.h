// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Passes TCP connections on to a port of this machine, until it is told to cut them: a network that
// fails. Owner: the test. Threads: any; it has one of its own.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace narthex::tests {

class Relay
{
public:
    explicit Relay(std::uint16_t target) : target_(target)
    {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address = loopback(0);
        socklen_t length = sizeof address;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            listen(listener_, 16) != 0) {
            throw std::runtime_error("cannot listen");
        }
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
    ~Relay()
    {
        thread_.request_stop();
        thread_.join();
        closeAll();
        close(listener_);
    }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Closed: connections are cut, and new ones end at once.
    void setOpen(bool open) { open_ = open; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    static sockaddr_in loopback(std::uint16_t port)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }

    void run(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            std::vector<pollfd> ready{{listener_, POLLIN, 0}};
            for (const int each : sockets_) {
                ready.push_back({each, POLLIN, 0});
            }
            poll(ready.data(), ready.size(), 5);
            if (!open_) {
                closeAll();
            }
            if ((ready[0].revents & POLLIN) != 0) {
                acceptOne();
                continue; // the list has changed
            }
            for (std::size_t i = 0; open_ && i < sockets_.size(); ++i) {
                if (ready[i + 1].revents != 0 && !pass(i)) {
                    break;
                }
            }
        }
    }

    void acceptOne()
    {
        const int from = accept(listener_, nullptr, nullptr);
        const int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(target_);
        if (!open_ ||
            connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            close(from);
            close(to);
            return;
        }
        sockets_.push_back(from);
        sockets_.push_back(to);
    }

    // False: the pair is gone.
    bool pass(std::size_t i)
    {
        char bytes[4096];
        const std::size_t other = i ^ 1U; // pairs stand side by side
        const ssize_t count = recv(sockets_[i], bytes, sizeof bytes, 0);
        if (count > 0 &&
            send(sockets_[other], bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count) {
            return true;
        }
        const std::size_t first = i & ~std::size_t{1};
        close(sockets_[first]);
        close(sockets_[first + 1]);
        sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(first),
                       sockets_.begin() + static_cast<std::ptrdiff_t>(first) + 2);
        return false;
    }

    void closeAll()
    {
        for (const int each : sockets_) {
            close(each);
        }
        sockets_.clear();
    }

    const std::uint16_t target_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> open_ = true;
    std::vector<int> sockets_; // the thread's
    std::jthread thread_;
};

} // namespace narthex::tests
