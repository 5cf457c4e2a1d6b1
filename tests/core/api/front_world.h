// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The front over an engine, listening on loopback, and requests to it. Owner: a test.
// Threads: the test's own.
#pragma once

#include "core/api/front.h"
#include "core/net/http_server.h"
#include "support/api_world.h"
#include "support/raw_client.h"

#include <fmt/format.h>

namespace narthex::test {

/// Of "secret".
inline const std::string kSecretHash =
    "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

class FrontWorld
{
public:
    explicit FrontWorld(api::FrontOptions options = {}, const std::string& webConfig = {})
    {
        if (!webConfig.empty()) {
            configure(webConfig);
            options.webConfigFile = configFile().string();
        }
        auto front = api::Front::create(*world_.engine, std::move(options), base::nullLogger());
        if (!front.ok()) {
            throw std::runtime_error(front.status().ToString());
        }
        front_ = *std::move(front);
        server_ =
            net::HttpServer::start(world_.loop, {.tls = front_->tlsSource()},
                                   [this](net::ServerRequest request, net::Responder respond) {
                                       front_->handle(std::move(request), std::move(respond));
                                   })
                .value();
        front_->countConnections([this] { return server_->connections(); });
    }
    ~FrontWorld()
    {
        front_->countConnections(nullptr);
        server_.reset();
    }
    FrontWorld(const FrontWorld&) = delete;
    FrontWorld& operator=(const FrontWorld&) = delete;

    [[nodiscard]] std::filesystem::path folder() const { return world_.folder.path(); }
    [[nodiscard]] std::filesystem::path configFile() const { return folder() / "web.yml"; }
    void configure(const std::string& text) const
    {
        base::ignore(base::writeFileAtomically(configFile(), text), "the test looks at the effect");
    }
    [[nodiscard]] ApiWorld& world() { return world_; }
    [[nodiscard]] api::Front& front() { return *front_; }
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

    /// Head and body of one answer. `headers`: lines with their ends.
    [[nodiscard]] std::string ask(const std::string& request, const std::string& headers = {},
                                  const std::string& body = {}) const
    {
        tests::RawClient client(port());
        client.send(fmt::format(
            "{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}{}\r\n{}", request, headers,
            body.empty() ? std::string() : fmt::format("Content-Length: {}\r\n", body.size()),
            body));
        return client.readAll();
    }
    [[nodiscard]] static int statusOf(const std::string& answer)
    {
        return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
    }
    [[nodiscard]] static std::string bodyOf(const std::string& answer)
    {
        const std::size_t at = answer.find("\r\n\r\n");
        return at == std::string::npos ? std::string() : answer.substr(at + 4);
    }
    /// All values of a header, separated by '|'.
    [[nodiscard]] static std::string headerOf(const std::string& answer, const std::string& name)
    {
        std::string values;
        const std::string head = answer.substr(0, answer.find("\r\n\r\n") + 2);
        const std::string begin = "\r\n" + name + ": ";
        for (std::size_t at = head.find(begin); at != std::string::npos;
             at = head.find(begin, at + 1)) {
            const std::size_t from = at + begin.size();
            values +=
                (values.empty() ? "" : "|") + head.substr(from, head.find("\r\n", from) - from);
        }
        return values;
    }

private:
    ApiWorld world_;
    std::unique_ptr<api::Front> front_;
    std::unique_ptr<net::HttpServer> server_;
};

} // namespace narthex::test
