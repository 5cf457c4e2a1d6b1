// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bytes of a connection to a ServerRequest: Beast's parser, what it lets pass and a proxy in front
// could read otherwise (request smuggling) refused. Owner: a connection of the server, one a
// request. Threads: the loop's. Errors: see RequestError. Source: RFC 9112, 3, 5 and 6.
#pragma once

#include "core/net/http_server.h"

#include <boost/beast/http/basic_parser.hpp>

namespace narthex::net {

/// Why a request is refused: the status and the text of the answer.
struct RequestError
{
    int status = 400;
    std::string text;
};

class RequestParser final : private boost::beast::http::basic_parser<true>
{
public:
    RequestParser(std::uint32_t headerLimitBytes, std::uint64_t bodyLimitBytes);

    /// Takes what it can of `bytes`: how many are used up. More are needed while !done().
    absl::StatusOr<std::size_t> put(std::string_view bytes);
    [[nodiscard]] bool done() const { return is_done(); }
    /// After put() failed.
    [[nodiscard]] const RequestError& error() const { return problem_; }
    /// The peer wants to hear that its body is welcome before it sends it.
    [[nodiscard]] bool wantsContinue() const
    {
        return expectsContinue_ && is_header_done() && !is_done();
    }
    [[nodiscard]] bool keepAlive() const { return keep_alive(); }
    [[nodiscard]] bool isHttp11() const { return http11_; }
    [[nodiscard]] bool isHead() const { return head_; }

    /// The request, once done().
    ServerRequest take();

private:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;
    using field = boost::beast::http::field;

    void on_request_impl(boost::beast::http::verb, string_view method, string_view target,
                         int version, error_code& error) override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(field name, string_view nameText, string_view value,
                       error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length,
                           error_code& error) override;
    std::size_t on_body_impl(string_view body, error_code& error) override;
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body,
                                   error_code& error) override;
    void on_finish_impl(error_code&) override {}

    void refuse(error_code& error, int status, std::string text);

    ServerRequest request_;
    RequestError problem_;
    std::uint8_t hosts_ = 0;
    std::uint8_t lengths_ = 0;
    std::uint8_t codings_ = 0;
    bool http11_ = true;
    bool head_ = false;
    bool inBody_ = false;
    bool expectsContinue_ = false;
};

/// The path and the query of a request target: "/a%20b?x=1", "http://host/a?x=1", "*". The path is
/// decoded. Errors: InvalidArgument, a damaged escape or no path at all.
absl::Status splitTarget(std::string_view target, ServerRequest& request);

} // namespace narthex::net
