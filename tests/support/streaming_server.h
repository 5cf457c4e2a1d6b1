// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small web server whose answers may go on and on, or be cut off in the middle: for watches.
// Owner: the test. Threads: each connection has one, which calls the handler.
#pragma once

#include "core/net/parameters.h"

#include <absl/synchronization/mutex.h>

#include <arpa/inet.h>
#include <functional>
#include <map>
#include <netinet/in.h>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace narthex::tests {

class StreamingServer
{
public:
    struct Request
    {
        std::string method;
        std::string path; // decoded
        std::map<std::string, std::string> query;
        std::map<std::string, std::string> headers; // lower-case names
    };

    /// What a handler writes to.
    class Answer
    {
    public:
        explicit Answer(int socket) : socket_(socket) {}
        void whole(int status, const std::string& body, const std::string& headers = {})
        {
            write("HTTP/1.1 " + std::to_string(status) +
                  " Status\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
        }
        /// 200, in chunks.
        void begin()
        {
            write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n");
        }
        void chunk(const std::string& text)
        {
            char size[20];
            snprintf(size, sizeof size, "%zx\r\n", text.size());
            write(size + text + "\r\n");
        }
        void end() { write("0\r\n\r\n"); }
        /// Ends the connection where it is.
        void cut() { shutdown(socket_, SHUT_RDWR); }
        /// Whether the other side has gone.
        [[nodiscard]] bool isGone() const
        {
            char byte = 0;
            return gone_ || recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
        }

    private:
        void write(const std::string& text)
        {
            std::size_t at = 0;
            while (at < text.size() && !gone_) {
                const ssize_t count =
                    send(socket_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
                gone_ = count <= 0;
                at += count > 0 ? static_cast<std::size_t>(count) : 0;
            }
        }
        const int socket_;
        bool gone_ = false;
    };
    using Handler = std::function<void(const Request&, Answer&)>;

    explicit StreamingServer(Handler handler) : handler_(std::move(handler))
    {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            listen(listener_, 64) != 0) {
            throw std::runtime_error("cannot listen");
        }
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        acceptor_ = std::jthread([this] { acceptAll(); });
    }
    ~StreamingServer() { stop(); }
    StreamingServer(const StreamingServer&) = delete;
    StreamingServer& operator=(const StreamingServer&) = delete;

    /// Ends all connections; handlers must notice by themselves (isGone()).
    void stop()
    {
        shutdown(listener_, SHUT_RDWR);
        if (acceptor_.joinable()) {
            acceptor_.join();
            close(listener_);
        }
        {
            const absl::MutexLock lock(&mutex_);
            for (const int each : sockets_) {
                shutdown(each, SHUT_RDWR);
            }
        }
        threads_.clear();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    void acceptAll()
    {
        while (true) {
            const int socket = accept(listener_, nullptr, nullptr);
            if (socket < 0) {
                return;
            }
            {
                const absl::MutexLock lock(&mutex_);
                sockets_.insert(socket);
            }
            threads_.emplace_back([this, socket] { serve(socket); });
        }
    }

    void serve(int socket)
    {
        std::string buffer;
        char bytes[4096];
        while (true) {
            const std::size_t end = buffer.find("\r\n\r\n");
            if (end == std::string::npos) {
                const ssize_t count = recv(socket, bytes, sizeof bytes, 0);
                if (count <= 0) {
                    break;
                }
                buffer.append(bytes, static_cast<std::size_t>(count));
                continue;
            }
            const Request request = parse(buffer.substr(0, end + 2));
            buffer.erase(0, end + 4);
            Answer answer(socket);
            handler_(request, answer);
        }
        const absl::MutexLock lock(&mutex_);
        sockets_.erase(socket);
        close(socket);
    }

    static Request parse(const std::string& head)
    {
        Request request;
        std::size_t at = head.find("\r\n");
        const std::string first = head.substr(0, at);
        const std::size_t blank = first.find(' ');
        request.method = first.substr(0, blank);
        const std::string target = first.substr(blank + 1, first.rfind(' ') - blank - 1);
        const std::size_t mark = target.find('?');
        request.path = net::percentDecode(target.substr(0, mark), false);
        if (mark != std::string::npos) {
            for (auto& [name, value] : net::parseQuery(target.substr(mark + 1))) {
                request.query[name] = value;
            }
        }
        while (at + 2 < head.size()) {
            const std::size_t next = head.find("\r\n", at + 2);
            const std::string line = head.substr(at + 2, next - at - 2);
            const std::size_t colon = line.find(':');
            std::string name = line.substr(0, colon);
            for (char& c : name) {
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            if (colon != std::string::npos) {
                request.headers[name] = line.substr(std::min(colon + 2, line.size()));
            }
            at = next;
        }
        return request;
    }

    const Handler handler_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    absl::Mutex mutex_;
    std::set<int> sockets_ ABSL_GUARDED_BY(mutex_);
    std::vector<std::jthread> threads_; // the acceptor's until it ended
    std::jthread acceptor_;
};

} // namespace narthex::tests
