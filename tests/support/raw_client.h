// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A TCP client on loopback whose every byte the test decides. Reading gives up after some seconds.
// Owner: the test. Threads: the test's own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace narthex::tests {

class RawClient
{
public:
    explicit RawClient(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            throw std::runtime_error("cannot connect");
        }
    }
    RawClient(RawClient&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    RawClient& operator=(RawClient&&) = delete;
    ~RawClient() { hangUp(); }

    /// How many bytes the peer let us send.
    std::size_t send(std::string_view bytes) const
    {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t n =
                ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) {
                break;
            }
            sent += static_cast<std::size_t>(n);
        }
        return sent;
    }
    void sayNoMore() const { ::shutdown(descriptor_, SHUT_WR); }
    void hangUp()
    {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    /// What arrives up to and with `end`, or up to the peer's end.
    std::string readTo(std::string_view end)
    {
        std::string bytes;
        char c = 0;
        while (!bytes.ends_with(end) && ::recv(descriptor_, &c, 1, 0) == 1) {
            bytes += c;
        }
        return bytes;
    }
    /// Exactly `count` bytes; fewer at the peer's end.
    [[nodiscard]] std::string read(std::size_t count) const
    {
        std::string bytes(count, '\0');
        const ssize_t got = ::recv(descriptor_, bytes.data(), count, MSG_WAITALL);
        bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }
    /// Everything until the peer closes.
    [[nodiscard]] std::string readAll() const
    {
        std::string bytes;
        std::string room(65536, '\0');
        ssize_t got = 0;
        while ((got = ::recv(descriptor_, room.data(), room.size(), 0)) > 0) {
            bytes.append(room, 0, static_cast<std::size_t>(got));
        }
        return bytes;
    }
    /// The head and the body of one answer with a Content-Length.
    std::string readAnswer()
    {
        std::string answer = readTo("\r\n\r\n");
        const std::string name = "Content-Length: ";
        const std::size_t at = answer.find(name);
        return at == std::string::npos ? answer
                                       : answer + read(std::stoul(answer.substr(at + name.size())));
    }

private:
    int descriptor_;
};

} // namespace narthex::tests
